//! Files: what people upload while a session runs, and the recordings and artifacts that it leaves behind, those with a
//! place for what was deleted but may be wanted back.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::AsyncRead;

/// Longest key, in bytes.
pub const MAX_KEY: usize = 1024;

/// Where a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// Recordings, as recorders wrote them.
    Recordings,
    /// Deleted recordings.
    RecordingsTrash,
    /// Analytics, transcripts, summaries.
    Artifacts,
    /// Deleted artifacts.
    ArtifactsTrash,
    /// What people uploaded, a folder for each session.
    Uploads,
    /// Pieces of uploads that are under way, a folder for each session.
    UploadParts,
}

/// A relative path of plain names: what can be under an area, and nothing above it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Why a text is no [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is named.
    #[error("the path is empty")]
    Empty,
    /// `..` leads out of every folder.
    #[error("the path contains '..'")]
    Parent,
    /// Absolute, with empty or dotted segments, control characters or backslashes, or longer than [`MAX_KEY`].
    #[error("the path is not a plain relative path")]
    NotPlain,
}

impl Key {
    /// The path, with `/` between names.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The key of a file beside this one, whose name has `suffix` added. `None` if that is too long.
    pub fn beside(&self, suffix: &str) -> Option<Self> {
        Self::try_from(format!("{}{suffix}", self.0).as_str()).ok()
    }
}

impl TryFrom<&str> for Key {
    type Error = KeyError;

    fn try_from(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.split(['/', '\\']).any(|name| name == "..") {
            return Err(KeyError::Parent);
        }
        let plain = |name: &str| !name.is_empty() && name != "." && !name.chars().any(|c| c.is_control() || c == '\\');
        if text.len() > MAX_KEY || !text.split('/').all(plain) {
            return Err(KeyError::NotPlain);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The files could not be read or written. The text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the file store failed to {attempt}: {reason}")]
pub struct BlobError {
    /// What was attempted.
    pub attempt: &'static str,
    /// The engine's own words.
    pub reason: String,
}

/// Where a file's bytes come from.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The bytes of somebody who sends a file, as they come. An error ends them.
pub type Pieces<'p> = BoxStream<'p, Result<Bytes, std::io::Error>>;

/// What was read from somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The file is written, so many bytes.
    Whole(u64),
    /// It was longer than allowed, and is not written.
    TooLong,
    /// Its sender broke off, and it is not written.
    BrokenOff,
}

/// The files.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// A file's length in bytes, `None` if there is none.
    async fn length(&self, area: Area, key: &Key) -> Result<Option<u64>, BlobError>;

    /// Reads `length` bytes from `start` on, `None` if there is no such file. Fewer bytes come if it is shorter.
    async fn read(&self, area: Area, key: &Key, start: u64, length: u64) -> Result<Option<Reader>, BlobError>;

    /// Writes a file, whole or not at all. One that is there is replaced. Durable when it returns.
    async fn put(&self, area: Area, key: &Key, content: Bytes) -> Result<(), BlobError>;

    /// Writes a file from its sender, whole or not at all, without keeping it in memory. One that is there is replaced.
    /// Durable when it returns.
    async fn receive(&self, area: Area, key: &Key, content: Pieces<'_>, most: u64) -> Result<Received, BlobError>;

    /// Writes a file that consists of others, in their order, whole or not at all; those stay. `None` if one of them is
    /// not there, else the length.
    async fn join(&self, from: Area, parts: &[Key], to: Area, key: &Key) -> Result<Option<u64>, BlobError>;

    /// Removes a folder with everything in it. One that is not there is removed already.
    async fn remove_folder(&self, area: Area, folder: &Key) -> Result<(), BlobError>;

    /// Moves a file to another area, where it counts as changed now, and removes folders left empty. Whether there was
    /// one.
    async fn shift(&self, from: Area, to: Area, key: &Key) -> Result<bool, BlobError>;

    /// Removes a file and folders left empty. Whether there was one.
    async fn remove(&self, area: Area, key: &Key) -> Result<bool, BlobError>;

    /// Removes every file of an area that was changed before `before_ms` (unix milliseconds). How many.
    async fn expire(&self, area: Area, before_ms: i64) -> Result<u64, BlobError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_keys() {
        for (text, error) in [
            ("", KeyError::Empty),
            ("..", KeyError::Parent),
            ("a/../b", KeyError::Parent),
            ("a\\..\\b", KeyError::Parent),
            ("/etc/passwd", KeyError::NotPlain),
            ("a//b", KeyError::NotPlain),
            ("./a", KeyError::NotPlain),
            ("a/", KeyError::NotPlain),
            ("a\0b", KeyError::NotPlain),
            ("a\\b", KeyError::NotPlain),
        ] {
            assert_eq!(Key::try_from(text), Err(error), "{text:?}");
        }
        assert_eq!(Key::try_from("x".repeat(MAX_KEY + 1).as_str()), Err(KeyError::NotPlain));
        for text in ["rec.mp4", "node_01/room01/Ünïcode 1.mp4", "a..b/c"] {
            assert_eq!(Key::try_from(text).map(|key| key.as_str().to_owned()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_side_file_has_the_name_and_a_suffix() {
        let key = Key::try_from("node/rec.mp4").unwrap();

        assert_eq!(key.file_name(), "rec.mp4");
        assert_eq!(key.beside(".json").map(|side| side.as_str().to_owned()).as_deref(), Some("node/rec.mp4.json"));
    }
}
