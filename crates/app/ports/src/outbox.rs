//! Notices for other people's servers that must not get lost: the queue behind outgoing webhooks (http-api.md section
//! 5.2, decision on D-40). What is enqueued survives the process; whoever delivers asks for what is due and says how it
//! went.

use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomId, SessionId};

use crate::store::StoreError;

/// Longest address a notice goes to, in bytes.
pub const MAX_URL: usize = 2048;
/// Longest name of what happened, in bytes.
pub const MAX_EVENT: usize = 100;
/// Longest body, in bytes.
pub const MAX_BODY: usize = 4 << 20;
/// Most notices put in at once.
pub const MAX_NOTICES: usize = 1_000;

/// What the names of events in LiveKit's own words begin with; their bodies travel as LiveKit's do.
pub const LIVEKIT_EVENT: &str = "livekit.";

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Notices of one room to one address are delivered in order, one at a time.
    pub room: RoomId,
    /// In which session it happened.
    pub session: SessionId,
    /// What happened, e.g. `room_created`; for the log and the figures. At most [`MAX_EVENT`] bytes.
    pub event: String,
    /// Where to; at most [`MAX_URL`] bytes.
    pub url: String,
    /// The request's body; at most [`MAX_BODY`] bytes.
    pub body: Bytes,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// A notice in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Grows with every notice; names it to the queue.
    pub id: u64,
    /// What it says.
    pub notice: Notice,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// Not before, unix milliseconds. Of a parked notice: when it was given up.
    pub due_ms: i64,
}

/// How many notices there are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Waiting to be delivered.
    pub waiting: u64,
    /// Given up after a day; kept for the operator.
    pub parked: u64,
}

/// The queue. What is said about a notice that is not there, or about a parked one, changes nothing, except that one
/// that arrived is removed in any case.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Puts notices in, all or none, in this order. Durable when it returns.
    async fn enqueue(&self, notices: Vec<Notice>) -> Result<(), StoreError>;

    /// The first waiting notice of every (room, address), of those that are due at `now_ms`, oldest first, at most
    /// `limit` and a hundred.
    async fn due(&self, now_ms: i64, limit: u64) -> Result<Vec<Queued>, StoreError>;

    /// When the next head of a line will be due, unix milliseconds; `None` if nothing waits.
    async fn next_due(&self) -> Result<Option<i64>, StoreError>;

    /// It arrived: removed.
    async fn delivered(&self, id: u64) -> Result<(), StoreError>;

    /// It did not arrive: counts the attempt and tries again at `due_ms`. Those behind it wait.
    async fn postponed(&self, id: u64, due_ms: i64) -> Result<(), StoreError>;

    /// It is given up at `at_ms`: kept aside; those behind it go on.
    async fn parked(&self, id: u64, at_ms: i64) -> Result<(), StoreError>;

    /// How many there are.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// What was given up, last first, at most `limit` and a hundred.
    async fn list_parked(&self, limit: u64) -> Result<Vec<Queued>, StoreError>;

    /// Removes what was given up before `before_ms`. How many.
    async fn clear_parked(&self, before_ms: i64) -> Result<u64, StoreError>;
}
