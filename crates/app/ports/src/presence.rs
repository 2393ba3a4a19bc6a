//! What receivers of LiveKit's webhooks were told to have begun and not to have ended: media rooms, who is in them, and their
//! tracks. It survives the process, so that the next one can tell the end of what went with it.
//!
//! One store belongs to one process at a time: everything in it is that process's own, or was that of the one before.

use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomId, SessionId};

use crate::outbox::Notice;
use crate::store::StoreError;

/// Longest id, in bytes.
pub const MAX_PRESENCE_ID: usize = 64;
/// Longest description, in bytes.
pub const MAX_ABOUT: usize = 64 << 10;
/// Most changes in one step.
pub const MAX_PRESENCE_WRITES: usize = 1_000;

/// Something that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// LiveKit's sid of it, of 1 to [`MAX_PRESENCE_ID`] bytes.
    pub id: String,
    /// In which room.
    pub room: RoomId,
    /// In which session.
    pub session: SessionId,
    /// What is to be told at its end, of at most [`MAX_ABOUT`] bytes; the store does not read it.
    pub about: Bytes,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceWrite {
    /// It is there, or is described anew.
    Put(Presence),
    /// It is gone. Of what is not there this changes nothing.
    Remove {
        /// Which.
        id: String,
    },
}

/// Who is there.
#[async_trait]
pub trait Presences: Send + Sync + 'static {
    /// Applies the changes in their order and puts the notices into the outbox ([`crate::outbox::Outbox`]), all of it or
    /// nothing. Durable when it returns.
    async fn note(&self, writes: Vec<PresenceWrite>, notices: Vec<Notice>) -> Result<(), StoreError>;

    /// Everything that is there, by id.
    async fn present(&self) -> Result<Vec<Presence>, StoreError>;
}
