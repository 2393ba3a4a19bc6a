//! A browser's messaging socket as the application sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use model::UserId;
use room::{AuthorizeRefusal, ClientSubject, ConnId, CoreMessage, Delivery, Farewell};
use tokio::sync::{mpsc, watch};

use crate::actor::{FromSocket, Letter, RoomHandle};
use crate::meetings::AccessError;

/// How many messages wait for one socket's task. One that lets more pile up does not read; it is closed, and its
/// browser reconnects and is brought up to date.
const DOWN_QUEUE: usize = 2048;
/// The same in bytes of payload.
const DOWN_BYTES: usize = 32 * 1024 * 1024;
/// From this many waiting on, what the next message replaces anyway is left out (meeting-protocol.md section 2.8).
const SLOW_QUEUE: usize = 256;
/// The same in bytes of payload.
const SLOW_BYTES: usize = 1024 * 1024;

/// What a socket is told.
#[derive(Debug, Clone)]
pub enum Down {
    /// One reliable message.
    Deliver(Delivery),
    /// One fire-and-forget message.
    Forward(Arc<CoreMessage>),
    /// Whether it takes part in chat, whiteboard and data from now on.
    Admitted(bool),
    /// Close, after the farewell if there is one.
    Hangup(Option<Farewell>),
}

impl Down {
    fn length(&self) -> usize {
        match self {
            Self::Deliver(delivery) => delivery.payload.len(),
            Self::Forward(message) => message.payload.len(),
            Self::Admitted(_) => 0,
            Self::Hangup(farewell) => farewell.as_ref().map_or(0, |farewell| farewell.payload.len()),
        }
    }

    fn is_droppable(&self) -> bool {
        matches!(self, Self::Forward(message) if message.droppable)
    }
}

/// What a socket's task hears.
#[derive(Debug)]
pub enum Word {
    /// The next message; `None` when the room is over or has let go of the socket.
    Down(Option<Down>),
    /// The room has every request up to this receipt, and has written down what must not be lost of them.
    Taken(u64),
    /// The room has given up on a socket that does not keep up: nothing that waits is worth sending.
    Abandoned,
}

/// What overtakes the queue.
#[derive(Debug, Clone, Copy, Default)]
struct Signals {
    taken: u64,
    abandoned: bool,
}

/// The queue from a room to one socket, bounded by count and by bytes.
pub(crate) fn queue() -> (Outlet, Inlet) {
    let (sender, receiver) = mpsc::channel(DOWN_QUEUE);
    let (signals, heard) = watch::channel(Signals::default());
    let waiting = Arc::new(AtomicUsize::new(0));
    let outlet = Outlet { sender, waiting: waiting.clone(), signals };
    (outlet, Inlet { receiver, waiting, signals: heard })
}

/// The room's end.
#[derive(Debug)]
pub(crate) struct Outlet {
    sender: mpsc::Sender<Down>,
    waiting: Arc<AtomicUsize>,
    signals: watch::Sender<Signals>,
}

/// The socket does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Outlet {
    /// Never waits. What may be left out is left out first.
    pub(crate) fn send(&self, what: Down) -> Result<(), Overflow> {
        let length = what.length();
        let bytes = self.waiting.load(Ordering::Relaxed);
        let slow = bytes > SLOW_BYTES || self.sender.max_capacity() - self.sender.capacity() > SLOW_QUEUE;
        if slow && what.is_droppable() {
            metrics::counter!("plenum_movements_dropped_total").increment(1);
            return Ok(());
        }
        if bytes.saturating_add(length) > DOWN_BYTES {
            return Err(Overflow);
        }
        self.waiting.fetch_add(length, Ordering::Relaxed);
        self.sender.try_send(what).map_err(|_| Overflow)
    }

    /// Says that the requests up to `receipt` are safe, when called.
    pub(crate) fn when_taken(&self, receipt: u64) -> impl FnOnce() + Send + 'static {
        let signals = self.signals.clone();
        move || signals.send_modify(|signals| signals.taken = signals.taken.max(receipt))
    }

    /// Closes the socket without sending what waits.
    pub(crate) fn abandon(self) {
        self.signals.send_modify(|signals| signals.abandoned = true);
    }
}

/// The socket's end.
#[derive(Debug)]
pub struct Inlet {
    receiver: mpsc::Receiver<Down>,
    waiting: Arc<AtomicUsize>,
    signals: watch::Receiver<Signals>,
}

impl Inlet {
    /// The next word. Messages are only taken while the socket is `ready` for them.
    pub async fn next(&mut self, ready: bool) -> Word {
        tokio::select! {
            biased;
            Ok(()) = self.signals.changed() => {
                let Signals { taken, abandoned } = *self.signals.borrow_and_update();
                if abandoned { Word::Abandoned } else { Word::Taken(taken) }
            }
            down = self.receiver.recv(), if ready => {
                if let Some(down) = &down {
                    self.waiting.fetch_sub(down.length(), Ordering::Relaxed);
                }
                Word::Down(down)
            }
            else => std::future::pending().await,
        }
    }

    /// The next message, whatever is signalled besides; `None` when the room is over or has let go of the socket.
    pub async fn recv(&mut self) -> Option<Down> {
        let down = self.receiver.recv().await?;
        self.waiting.fetch_sub(down.length(), Ordering::Relaxed);
        Some(down)
    }

    /// The next message if there is one already.
    pub fn try_recv(&mut self) -> Option<Down> {
        let down = self.receiver.try_recv().ok()?;
        self.waiting.fetch_sub(down.length(), Ordering::Relaxed);
        Some(down)
    }
}

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The token opens nothing, or nothing any more.
    #[error("the token opens no meeting")]
    Access(#[source] AccessError),
    /// The token is good, but its owner opens too many sockets.
    #[error("too many sockets are opened with this token")]
    TooOften,
}

impl From<AccessError> for OpenError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(AuthorizeRefusal::TooOften) => Self::TooOften,
            other => Self::Access(other),
        }
    }
}

/// One authenticated socket. Drop it, or call [`Self::close`], when the socket is gone.
#[derive(Debug)]
pub struct SocketLink {
    pub(crate) conn: ConnId,
    pub(crate) room: RoomHandle,
    pub(crate) user: UserId,
    pub(crate) admitted: bool,
    /// What to send; ends when the room is over or lets go of the socket.
    pub down: Inlet,
}

impl SocketLink {
    /// Who it is.
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// In which room.
    pub fn room(&self) -> &model::RoomId {
        self.room.id()
    }

    /// Whether it takes part in chat, whiteboard and data; not so in the waiting room.
    pub const fn admitted(&self) -> bool {
        self.admitted
    }

    /// A reliable client event, encoded `NatsMsgClientToServer`. Waits while the room is busy, and no longer: when the
    /// event is safe, [`Word::Taken`] says so with this receipt. Receipts count up.
    pub async fn worker(&self, payload: Bytes, receipt: u64) {
        if let Some(budget) = self.room.reserve(payload.len()).await {
            self.send(FromSocket::Worker(payload, receipt, budget)).await;
        }
    }

    /// A client event on the subject that nobody acknowledges, encoded `NatsMsgClientToServer`.
    pub async fn report(&self, payload: Bytes) {
        if let Some(budget) = self.room.reserve(payload.len()).await {
            self.send(FromSocket::Report(payload, budget)).await;
        }
    }

    /// A message to the other participants.
    pub async fn publish(&self, subject: ClientSubject, payload: Bytes) {
        if let Some(budget) = self.room.reserve(payload.len()).await {
            self.send(FromSocket::Publish(subject, payload, budget)).await;
        }
    }

    /// A message to the other participants was larger than its subject takes.
    pub async fn oversized(&self, subject: ClientSubject) {
        self.send(FromSocket::Oversized(subject)).await;
    }

    /// The consumer takes so many messages now.
    pub async fn credit(&self, available: u32) {
        self.send(FromSocket::Credit(available)).await;
    }

    /// A message was handled.
    pub async fn ack(&self, stream_seq: u64) {
        self.send(FromSocket::Ack(stream_seq)).await;
    }

    /// A message could not be handled.
    pub async fn nak(&self, stream_seq: u64, delay: Option<Duration>) {
        self.send(FromSocket::Nak(stream_seq, delay)).await;
    }

    /// A message takes longer.
    pub async fn working(&self, stream_seq: u64) {
        self.send(FromSocket::Working(stream_seq)).await;
    }

    /// The socket is gone.
    pub async fn close(self) {
        self.send(FromSocket::Closed).await;
    }

    async fn send(&self, what: FromSocket) {
        self.room.send(Letter::Socket(self.conn, what)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(length: usize) -> Down {
        forward(length, false)
    }

    fn forward(length: usize, droppable: bool) -> Down {
        let payload = vec![0; length].into();
        Down::Forward(Arc::new(CoreMessage { subject: ClientSubject::Data, payload, from: None, droppable }))
    }

    #[test]
    fn a_socket_that_does_not_read_holds_a_bounded_number_of_bytes() {
        let (outlet, mut inlet) = queue();
        let large = DOWN_BYTES / 4;
        for _ in 0..4 {
            assert_eq!(outlet.send(letter(large)), Ok(()));
        }
        assert_eq!(outlet.send(letter(1)), Err(Overflow));

        assert!(inlet.try_recv().is_some());
        assert_eq!(outlet.send(letter(large)), Ok(()));
    }

    #[test]
    fn a_socket_that_does_not_read_holds_a_bounded_number_of_messages() {
        let (outlet, _inlet) = queue();
        assert_eq!((0..2 * DOWN_QUEUE).filter(|_| outlet.send(letter(1)).is_ok()).count(), DOWN_QUEUE);
    }

    #[test]
    fn a_slow_socket_loses_movements_first_and_nothing_else() {
        let (outlet, mut inlet) = queue();
        for _ in 0..2 * DOWN_QUEUE {
            assert_eq!(outlet.send(forward(1, true)), Ok(()));
        }
        for _ in 0..1000 {
            assert_eq!(outlet.send(letter(1)), Ok(()));
        }
        let kept = std::iter::from_fn(|| inlet.try_recv()).filter(Down::is_droppable).count();
        assert!((SLOW_QUEUE..SLOW_QUEUE + 2).contains(&kept), "{kept}");

        outlet.send(letter(SLOW_BYTES + 1)).unwrap();
        outlet.send(forward(1, true)).unwrap();
        assert_eq!(std::iter::from_fn(|| inlet.try_recv()).count(), 1);
    }

    #[tokio::test]
    async fn a_socket_that_is_given_up_hears_so_before_all_that_waits() {
        let (outlet, mut inlet) = queue();
        outlet.send(letter(1)).unwrap();
        outlet.when_taken(3)();
        assert!(matches!(inlet.next(true).await, Word::Taken(3)));
        assert!(matches!(inlet.next(true).await, Word::Down(Some(Down::Forward(_)))));

        outlet.send(letter(1)).unwrap();
        outlet.abandon();
        assert!(matches!(inlet.next(false).await, Word::Abandoned));
        assert!(matches!(inlet.next(true).await, Word::Down(Some(_))));
        assert!(matches!(inlet.next(true).await, Word::Down(None)));
    }
}
