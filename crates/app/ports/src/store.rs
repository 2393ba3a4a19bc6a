//! Records that stay (sessions) and the journal of what is happening now (live state).

use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomId, SessionId};

use crate::outbox::Notice;

/// The store could not do what was asked. The text is for the log, never for a caller of the API.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store failed to {attempt}: {reason}")]
pub struct StoreError {
    /// What was attempted, e.g. `open a session`.
    pub attempt: &'static str,
    /// The engine's own words.
    pub reason: String,
}

/// A session about to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Room it belongs to.
    pub room: RoomId,
    /// The session's own id, new.
    pub session: SessionId,
    /// At most 255 characters.
    pub title: String,
    /// At most 255 characters; empty if none.
    pub webhook_url: String,
    /// Whether it is a breakout room, and of which room.
    pub parent: Option<RoomId>,
    /// Unix time in milliseconds.
    pub created_at_ms: i64,
}

/// A session as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Row id; travels as `db_table_id`.
    pub id: u64,
    /// What was known at the start.
    pub session: NewSession,
    /// How many people came, over the whole session.
    pub joined_participants: i64,
    /// Unix time in milliseconds, once it is over.
    pub ended_at_ms: Option<i64>,
}

/// Records of sessions. They outlive the session.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Inserts a running session and closes any other still marked running for the same room (D-07). Durable when it
    /// returns. The answer is the row id.
    async fn open_session(&self, session: NewSession) -> Result<u64, StoreError>;

    /// Marks a session ended. Closing one that is ended or unknown changes nothing.
    async fn close_session(&self, session: &SessionId, ended_at_ms: i64) -> Result<(), StoreError>;

    /// Notes how many people are or were in the session.
    async fn set_joined(&self, session: &SessionId, joined_participants: i64) -> Result<(), StoreError>;

    /// Every session not marked ended, oldest first.
    async fn running_sessions(&self) -> Result<Vec<SessionRecord>, StoreError>;

    /// The room of every session that ended at `since_ms` (unix milliseconds) or later, each with when the last of its sessions
    /// did. For the start of a process.
    async fn ended_since(&self, since_ms: i64) -> Result<Vec<(RoomId, i64)>, StoreError>;

    /// Whether the store answers at all; for `/healthCheck`.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One change of a session's live state: a key of at most 160 bytes and its new value, `None` to remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateWrite {
    /// E.g. `info`, `user.ana`, `chat.17`.
    pub key: String,
    /// The new value.
    pub value: Option<Bytes>,
}

/// One stored entry of live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// As written.
    pub key: String,
    /// As written.
    pub value: Bytes,
}

/// The journal: live state of running sessions, written before anything is announced.
#[async_trait]
pub trait State: Send + Sync + 'static {
    /// Applies all writes or none. Durable when it returns: it survives `kill -9` and loss of power.
    async fn commit(&self, session: &SessionId, writes: Vec<StateWrite>) -> Result<(), StoreError>;

    /// The same, and puts notices into the outbox ([`crate::outbox::Outbox`]) in the same step: all of it or nothing.
    async fn commit_with(
        &self,
        session: &SessionId,
        writes: Vec<StateWrite>,
        notices: Vec<Notice>,
    ) -> Result<(), StoreError>;

    /// Everything stored for a session, ordered by key; empty if there is nothing.
    async fn load(&self, session: &SessionId) -> Result<Vec<StateEntry>, StoreError>;

    /// Every session something is stored for.
    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError>;

    /// Forgets a session's state.
    async fn forget(&self, session: &SessionId) -> Result<(), StoreError>;
}
