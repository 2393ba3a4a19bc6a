//! What sessions leave behind: their own rows, recordings and artifacts (http-api.md sections 2.7, 3.1, 3.2 and 9.5).
//! Files are not here: a row names where its file is.

use async_trait::async_trait;
use model::{RoomId, SessionId};

use crate::store::{SessionRecord, StoreError};

/// Longest recording or artifact id, in bytes.
pub const MAX_ID: usize = 64;
/// Longest file path of a recording, in bytes.
pub const MAX_FILE_PATH: usize = 255;
/// Longest metadata of a recording or artifact, in bytes.
pub const MAX_METADATA: usize = 256 * 1024;

/// Longest name of a recorder, in bytes.
pub const MAX_RECORDER: usize = 36;
/// Longest name of an artifact's kind, in bytes.
pub const MAX_KIND: usize = 100;
/// Most rows on one page, and most rooms in one [`Scope`].
pub const MAX_ROWS: usize = 1_000;

/// In which order a list comes. The key is the row id, which is the order of insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Ascending.
    OldestFirst,
    /// Descending, as the API does unless asked otherwise.
    #[default]
    NewestFirst,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many rows to skip.
    pub from: u64,
    /// How many rows at most; more than [`MAX_ROWS`] count as that.
    pub limit: u64,
    /// In which order.
    pub order: Order,
}

/// Whose rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Of every room.
    Everything,
    /// Of these rooms, at most [`MAX_ROWS`]; of an empty list, nothing.
    Rooms(Vec<RoomId>),
    /// Of one session.
    Session(SessionId),
}

/// A part of a list, and how long the whole is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// Rows in scope.
    pub total: u64,
    /// Those of the page.
    pub items: Vec<T>,
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSession {
    /// Its row; `ended_at_ms` is set.
    pub record: SessionRecord,
    /// Id of its first `MEETING_ANALYTICS` artifact, if it left one.
    pub analytics: Option<String>,
}

/// A recording as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Unique; 1 to [`MAX_ID`] bytes.
    pub record_id: String,
    /// The room it was made in.
    pub room: RoomId,
    /// The session it was made in; its row may be gone.
    pub session: SessionId,
    /// Who made it; at most [`MAX_RECORDER`] bytes.
    pub recorder_id: String,
    /// Relative to the folder of recordings; at most [`MAX_FILE_PATH`] bytes.
    pub file_path: String,
    /// Size in units of 10^6 bytes, as recorders report it; a finite number.
    pub megabytes: f64,
    /// `RecordingMetadata` in JSON, empty if there is none; at most [`MAX_METADATA`] bytes.
    pub metadata: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When the session was created, unix milliseconds.
    pub room_created_at_ms: i64,
}

/// An artifact as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Unique; 1 to [`MAX_ID`] bytes.
    pub artifact_id: String,
    /// The room.
    pub room: RoomId,
    /// The session.
    pub session: SessionId,
    /// Name of the `RoomArtifactType`, e.g. `MEETING_ANALYTICS`; at most [`MAX_KIND`] bytes.
    pub kind: String,
    /// `RoomArtifactMetadata` in JSON; at most [`MAX_METADATA`] bytes.
    pub metadata: String,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

/// The shelf. Adding and removing is durable when it returns.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// A session, running or over.
    async fn find_session(&self, session: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// A session by its row id, which recorders know it by.
    async fn find_session_by_row(&self, row: u64) -> Result<Option<SessionRecord>, StoreError>;

    /// Sessions that are over (D-08), also those of breakout rooms.
    async fn past_sessions(&self, scope: &Scope, page: Page) -> Result<Slice<PastSession>, StoreError>;

    /// Adds a recording. An id that is taken is an error and changes nothing.
    async fn add_recording(&self, recording: Recording) -> Result<(), StoreError>;

    /// One recording.
    async fn find_recording(&self, record_id: &str) -> Result<Option<Recording>, StoreError>;

    /// Recordings in scope.
    async fn recordings(&self, scope: &Scope, page: Page) -> Result<Slice<Recording>, StoreError>;

    /// Replaces a recording's metadata. Whether there was one.
    async fn set_recording_metadata(&self, record_id: &str, metadata: String) -> Result<bool, StoreError>;

    /// Removes a recording's row. Whether there was one.
    async fn remove_recording(&self, record_id: &str) -> Result<bool, StoreError>;

    /// Adds an artifact. An id that is taken is an error and changes nothing.
    async fn add_artifact(&self, artifact: Artifact) -> Result<(), StoreError>;

    /// One artifact.
    async fn find_artifact(&self, artifact_id: &str) -> Result<Option<Artifact>, StoreError>;

    /// Artifacts in scope, of one kind if one is named.
    async fn artifacts(&self, scope: &Scope, kind: Option<&str>, page: Page) -> Result<Slice<Artifact>, StoreError>;

    /// Removes an artifact's row. Whether there was one.
    async fn remove_artifact(&self, artifact_id: &str) -> Result<bool, StoreError>;
}
