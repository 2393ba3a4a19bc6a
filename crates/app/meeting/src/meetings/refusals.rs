//! Why a use case did not come about, in the reference's words where it has some.

use model::RoomId;
use ports::store::StoreError;
use room::{AdmitRefusal, AuthorizeRefusal, WaitingRefusal};

use crate::actor::Silence;

/// Why a room was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The request was not checked by `wire::create`.
    #[error("room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_")]
    InvalidId,
    /// Another request for the same room, or its end, takes too long (http-api.md section 2.1, step 2).
    #[error("timeout waiting to acquire lock for room {room}, operation is currently locked")]
    Busy {
        /// The room.
        room: RoomId,
    },
    /// The store failed.
    #[error("could not record the room")]
    Store(#[source] StoreError),
    /// A room of this id runs and does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A room does not answer: its journal cannot be written, or takes too long. The text is the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("error getting room info from NATS")]
pub struct Unavailable;

/// Why no join token was made.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is no such room, or it is over.
    #[error("room is not active")]
    NoRoom,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] AdmitRefusal),
    /// The journal could not be written.
    #[error("failed to add the user to the room")]
    Failed,
}

/// Why a join token opens nothing. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It was good once.
    #[error("notifications.token-expired")]
    Expired,
    /// It never was, or a newer one took its place.
    #[error("notifications.invalid-token")]
    Invalid,
    /// It is good, but nobody and no room can be called what it says.
    #[error("notifications.invalid-token")]
    Unnameable,
    /// The room said no.
    #[error(transparent)]
    Refused(AuthorizeRefusal),
    /// The room does not answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Silence> for AccessError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::Refused(AuthorizeRefusal::NotActive),
            Silence::Stuck => Self::Unavailable(Unavailable),
        }
    }
}

/// Why a room was not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndError {
    /// There is no such room, or it is over.
    #[error("room not found or not active")]
    NoRoom,
    /// Only moderators may.
    #[error("only admin can perform this task")]
    NotAllowed,
    /// It is being created, and that takes too long.
    #[error("failed to end room, it may be starting")]
    Starting,
    /// The journal could not be written.
    #[error("failed to end room")]
    Failed,
}

/// Why no running room is shown. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotShown {
    /// There is none.
    #[error("room not found in active state")]
    NotFound,
    /// It is ending.
    #[error("room is not active")]
    NotActive,
    /// It does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why no meetings can be held.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The media plane is gone.
    #[error("the media plane is gone")]
    Media,
}

/// Why the waiting room stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitingError {
    /// There is no such room, or it is over.
    #[error("notifications.room-not-active")]
    NoRoom,
    /// The journal could not be written.
    #[error("the meeting cannot be changed now")]
    Failed,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] WaitingRefusal),
}

impl From<Silence> for WaitingError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::NoRoom,
            Silence::Stuck => Self::Failed,
        }
    }
}
