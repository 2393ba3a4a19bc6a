//! What a room can be told and asked, and how it answers.

use std::time::Duration;

use bytes::Bytes;
use model::UserId;
use model::media::MediaPermission;
use model::policy::Denial;
use room::{
    Admission, AdmitRefusal, Authorization, AuthorizeRefusal, BlockedPerson, ClientSubject, ConnId, EndReason, Guests,
    Moderation, ModerationRefusal, OnMedia, RoomView, Ticket, WaitingRefusal,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::errand::{Change, Question};
use crate::socket::Inlet;

/// What was asked for is not in the journal, and nobody may be told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwritten;

/// For an answer that tells something new, or that something was changed.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Unwritten>>;

/// What comes from a socket.
#[derive(Debug)]
pub(crate) enum FromSocket {
    /// With the receipt to give back when it is safe.
    Worker(Bytes, u64, OwnedSemaphorePermit),
    /// On the subject that nobody acknowledges.
    Report(Bytes, OwnedSemaphorePermit),
    Publish(ClientSubject, Bytes, OwnedSemaphorePermit),
    Oversized(ClientSubject),
    Credit(u32),
    Ack(u64),
    Nak(u64, Option<Duration>),
    Working(u64),
    Closed,
}

/// A new socket, as the room's task needs it.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) conn: ConnId,
    pub(crate) user: UserId,
    pub(crate) generation: Option<String>,
    /// The token ran out a while ago.
    pub(crate) expired: bool,
    /// Where the browser reaches this server, as a WebSocket URL without a path.
    pub(crate) origin: String,
    pub(crate) reply: oneshot::Sender<Result<(bool, Inlet), AuthorizeRefusal>>,
}

/// What opening a socket comes to.
pub(crate) type Opened = Result<(bool, Inlet), AuthorizeRefusal>;

/// What the gateway needs to let somebody into the media room.
#[derive(Debug, Clone)]
pub(crate) struct MediaEntry {
    pub(crate) permission: MediaPermission,
    pub(crate) name: String,
}

/// Whether browsers make their own key, if frames are encrypted at all.
pub(crate) type SelfInsertedKey = Option<bool>;

/// Everything a room can be asked.
#[derive(Debug)]
pub(crate) enum Letter {
    View(Reply<RoomView>),
    Admit(Box<Ticket>, Reply<Result<Admission, AdmitRefusal>>),
    Authorize(UserId, Option<String>, oneshot::Sender<Result<Authorization, AuthorizeRefusal>>),
    VerifyJoin(UserId, Option<String>, oneshot::Sender<Result<SelfInsertedKey, AuthorizeRefusal>>),
    MayEnd(UserId, oneshot::Sender<bool>),
    EnterMedia(UserId, Option<String>, oneshot::Sender<Result<MediaEntry, AuthorizeRefusal>>),
    Extra(String, oneshot::Sender<Option<String>>),
    Open(Box<Opening>),
    Socket(ConnId, FromSocket),
    OnMedia(Box<OnMedia>),
    /// The media plane has a room for this session, or no longer has it.
    MediaRoom(bool),
    End(EndReason, Reply<()>),
    LetIn(UserId, Guests, Reply<Result<(), WaitingRefusal>>),
    SetWaitingText(UserId, String, Reply<Result<(), WaitingRefusal>>),
    /// What is so already; see [`RoomHandle::read`].
    Question(Question),
    /// A change of the room; see [`RoomHandle::write`].
    Change(Change),
    Moderate(UserId, Box<Moderation>, Reply<Result<(), ModerationRefusal>>),
    /// Whether somebody's microphone may be muted, and whether it is on.
    MayMute(UserId, UserId, oneshot::Sender<Result<bool, ModerationRefusal>>),
    HasListeners(UserId, oneshot::Sender<bool>),
    Blocked(UserId, Reply<Result<Vec<BlockedPerson>, Denial>>),
    /// The process stops: what came before is committed, and the session is left to the next process.
    Stop,
}

/// An answer that waits until what it announces is journalled.
pub(crate) struct Answer {
    pub(crate) give: Box<dyn FnOnce(Result<(), Unwritten>) + Send>,
    /// Whether it waits for the journal however long that takes.
    pub(crate) waits: bool,
}

/// An answer that tells nothing new.
pub(super) fn answer<T: Send + 'static>(reply: oneshot::Sender<T>, value: T) -> Option<Answer> {
    // The asker may have gone away; the room's answer stands regardless.
    Some(Answer { give: Box::new(move |_| drop(reply.send(value))), waits: false })
}

/// An answer that is only true once the journal says so too.
pub(super) fn announcement<T: Send + 'static>(reply: Reply<T>, value: T) -> Option<Answer> {
    Some(Answer { give: Box::new(move |written| drop(reply.send(written.map(|()| value)))), waits: false })
}
