//! Questions and changes that one use case alone has for a room: they travel as what is to be done, and need no kind of
//! letter of their own.

use std::fmt;

use room::{Moment, Room};
use tokio::sync::oneshot;

use crate::actor::{Answer, Letter, READ_PATIENCE, RoomHandle, Silence, Unwritten, WRITE_PATIENCE};

/// Looks at a room.
pub(crate) struct Question(Box<dyn FnOnce(&Room) + Send>);

impl Question {
    pub(crate) fn put(self, room: &Room) {
        (self.0)(room);
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}

/// Changes a room, and answers once that is journalled.
pub(crate) struct Change(Box<dyn Carry>);

impl Change {
    pub(crate) fn carry_out(self, room: &mut Room, now: Moment) -> Answer {
        self.0.carry_out(room, now)
    }

    /// Nothing can be journalled now.
    pub(crate) fn refuse(self) {
        self.0.refuse();
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

trait Carry: Send {
    fn carry_out(self: Box<Self>, room: &mut Room, now: Moment) -> Answer;
    fn refuse(self: Box<Self>);
}

struct Work<F, T> {
    work: F,
    reply: oneshot::Sender<Result<T, Unwritten>>,
}

impl<T: Send + 'static, F: FnOnce(&mut Room, Moment) -> T + Send> Carry for Work<F, T> {
    fn carry_out(self: Box<Self>, room: &mut Room, now: Moment) -> Answer {
        let Self { work, reply } = *self;
        let value = work(room, now);
        // Whoever asked may have gone away; what was done stands regardless.
        Answer { give: Box::new(move |written| drop(reply.send(written.map(|()| value)))), waits: false }
    }

    fn refuse(self: Box<Self>) {
        // Nobody may be waiting any more.
        drop(self.reply.send(Err(Unwritten)));
    }
}

impl RoomHandle {
    /// What is so already.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Room) -> T + Send + 'static,
    ) -> Result<T, Silence> {
        self.wait_for(READ_PATIENCE, |reply: oneshot::Sender<T>| {
            Letter::Question(Question(Box::new(move |room| drop(reply.send(question(room))))))
        })
        .await
    }

    /// Makes a change; the answer comes when it is journalled. After [`Silence::Stuck`] it may still come.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Room, Moment) -> T + Send + 'static,
    ) -> Result<T, Silence> {
        self.wait_for(WRITE_PATIENCE, |reply| Letter::Change(Change(Box::new(Work { work, reply }))))
            .await?
            .map_err(|Unwritten| Silence::Stuck)
    }
}
