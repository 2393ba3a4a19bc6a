//! A room's task, from outside.

use std::sync::Arc;
use std::time::Duration;

use model::{RoomId, SessionId};
use room::{Room, RoomView};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::letter::{Letter, Opened, Reply, Unwritten};
use super::mail::Slots;

/// Bytes of messages that wait for one room, in [`BUDGET_UNIT`]s; a sender beyond that waits as well.
const MAILBOX_BUDGET: usize = 64 * 1024;

/// What a message takes of the budget is counted in these, rounded up.
const BUDGET_UNIT: usize = 1024;

/// How long a question waits for a room whose journal takes its time.
pub(crate) const READ_PATIENCE: Duration = Duration::from_secs(5);

/// How long a change waits for it.
pub(crate) const WRITE_PATIENCE: Duration = Duration::from_secs(15);

/// A room's task, from outside.
#[derive(Clone, Debug)]
pub(crate) struct RoomHandle {
    id: Arc<RoomId>,
    session: Arc<SessionId>,
    /// Its main room, if it is a breakout room.
    main: Option<Arc<RoomId>>,
    mailbox: mpsc::Sender<Letter>,
    /// What the media plane tells.
    media: mpsc::Sender<Letter>,
    budget: Arc<Semaphore>,
    over: watch::Receiver<Option<Last>>,
}

/// How a room's task came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// The session ended and is recorded as ended.
    Ended,
    /// The task broke, and its session with it.
    Lost,
}

/// Why nobody will read a letter.
pub(crate) enum Unread {
    /// Too much waits.
    Full,
    /// The room is over.
    Over(Letter),
}

/// Why a room gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It is over.
    Over,
    /// Its journal cannot be written, or takes too long.
    Stuck,
}

impl RoomHandle {
    pub(super) fn new(id: RoomId, room: &Room, slots: Slots, over: watch::Receiver<Option<Last>>) -> Self {
        let Slots { mailbox, media } = slots;
        Self {
            id: Arc::new(id),
            session: Arc::new(room.session().clone()),
            main: room.main_room().map(Arc::new),
            mailbox,
            media,
            budget: Arc::new(Semaphore::new(MAILBOX_BUDGET)),
            over,
        }
    }

    pub(crate) fn id(&self) -> &RoomId {
        &self.id
    }

    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    /// Its main room, if it is a breakout room.
    pub(crate) fn main(&self) -> Option<&RoomId> {
        self.main.as_deref()
    }

    /// Leaves what the media plane tells, which waits for nobody.
    ///
    /// # Errors
    /// Why nobody will read it.
    pub(crate) fn leave(&self, letter: Letter) -> Result<(), Unread> {
        self.media.try_send(letter).map_err(|unsent| match unsent {
            TrySendError::Full(_) => Unread::Full,
            TrySendError::Closed(letter) => Unread::Over(letter),
        })
    }

    pub(crate) async fn send(&self, letter: Letter) {
        // A closed mailbox means that the room is over; whoever asked learns it from the missing answer.
        let _ = self.mailbox.send(letter).await;
    }

    /// Room in the mailbox for a message of this length; given back when the message was handled.
    pub(crate) async fn reserve(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        let units = length.div_ceil(BUDGET_UNIT).clamp(1, MAILBOX_BUDGET);
        self.budget.clone().acquire_many_owned(u32::try_from(units).ok()?).await.ok()
    }

    /// Asks what is so already.
    pub(crate) async fn ask<T>(&self, letter: impl FnOnce(oneshot::Sender<T>) -> Letter) -> Result<T, Silence> {
        self.wait_for(READ_PATIENCE, letter).await
    }

    /// Asks what may be new.
    pub(crate) async fn view(&self) -> Result<RoomView, Silence> {
        self.wait_for(READ_PATIENCE, Letter::View).await?.map_err(|Unwritten| Silence::Stuck)
    }

    /// Asks for a change. After [`Silence::Stuck`] it may still come.
    pub(crate) async fn change<T>(&self, letter: impl FnOnce(Reply<T>) -> Letter) -> Result<T, Silence> {
        self.wait_for(WRITE_PATIENCE, letter).await?.map_err(|Unwritten| Silence::Stuck)
    }

    /// Opens a socket, which waits for the journal.
    pub(crate) async fn open(&self, letter: impl FnOnce(oneshot::Sender<Opened>) -> Letter) -> Result<Opened, Silence> {
        self.wait_for(WRITE_PATIENCE, letter).await
    }

    pub(crate) async fn wait_for<T>(
        &self,
        patience: Duration,
        letter: impl FnOnce(oneshot::Sender<T>) -> Letter,
    ) -> Result<T, Silence> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.mailbox.send(letter(reply)).await.map_err(|_| Silence::Over)?;
            answer.await.map_err(|_| Silence::Over)
        };
        timeout(patience, asked).await.unwrap_or(Err(Silence::Stuck))
    }

    /// Waits until the session is over and recorded as that.
    pub(crate) async fn wait_until_over(&self) -> Last {
        let mut over = self.over.clone();
        // An error means that the task is gone without a word.
        over.wait_for(Option::is_some).await.ok().and_then(|last| *last).unwrap_or(Last::Lost)
    }
}
