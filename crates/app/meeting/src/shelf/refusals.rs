//! Why the shelf does not do what it is asked.

use ports::blobs::{BlobError, KeyError};
use ports::store::StoreError;
use wire::token::TokenError;

/// The shelf cannot be reached. What exactly is wrong is in the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ShelfError {
    /// The database.
    #[error("could not reach the records")]
    Store(#[from] StoreError),
    /// The files.
    #[error("could not reach the files")]
    Files(#[from] BlobError),
}

/// Why an artifact is not deleted or handed out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArtifactRefusal {
    /// There is none of that id.
    #[error("artifact not found")]
    NotFound,
    /// It is a figure, not a file.
    #[error("deleting '{0}' artifact type is not allowed")]
    NotDeletable(String),
    /// It is a figure, not a file.
    #[error("'{0}' artifact type is not downloadable")]
    NotDownloadable(String),
    /// Its metadata names no file.
    #[error("artifact has no downloadable file")]
    NoFile,
    /// See [`ShelfError`].
    #[error(transparent)]
    Failed(#[from] ShelfError),
}

/// Why a recording's metadata is not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EditRefusal {
    /// There is none of that id.
    #[error("recording not found")]
    NotFound,
    /// With what is there already, too many entries.
    #[error("metadata would have more than {0} entries")]
    TooMany(usize),
    /// With what is there already, too much text.
    #[error("metadata would have more than {0} bytes")]
    TooLong(usize),
    /// See [`ShelfError`].
    #[error(transparent)]
    Failed(#[from] ShelfError),
}

/// Why recordings are not merged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MergeRefusal {
    /// No such session.
    #[error("room not found")]
    NoRoom,
    /// The session has no recording.
    #[error("recording not found")]
    NoRecording,
    /// Some are not there, or of another room.
    #[error("one or more of the requested recordings were not found or did not match the room_id")]
    Mismatch,
    /// After the exclusions nothing is left to merge.
    #[error("at least two recordings are required to merge")]
    TooFew,
    /// Nobody here could do it (decision on D-18).
    #[error("notifications.no-recorder-available")]
    NoRecorder,
    /// See [`ShelfError`].
    #[error(transparent)]
    Failed(#[from] ShelfError),
}

/// Why a download token opens nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenRefusal {
    /// The token.
    #[error(transparent)]
    Token(TokenError),
    /// The path in it.
    #[error(transparent)]
    Path(KeyError),
    /// There is no such file.
    #[error("file not found")]
    NotFound,
    /// See [`ShelfError`].
    #[error(transparent)]
    Failed(#[from] ShelfError),
}
