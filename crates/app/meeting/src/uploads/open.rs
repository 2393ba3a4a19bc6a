//! Handing out what was uploaded, to whoever has its path (http-api.md section 3.7, decision on D-26 and F1).

use model::SessionId;
use ports::blobs::{Area, Key};
use tokio::io::AsyncReadExt as _;
use tracing::error;
use wire::pnm::RoomUploadedFileMetadata;

use super::keep::{ABOUT, CONTENT};
use crate::meetings::Meetings;
use crate::shelf::OpenFile;

/// Longest that is read of what is known of a file, in bytes.
const MAX_ABOUT: u64 = 64 * 1024;

/// A file that somebody had the path of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// Where its content is.
    pub file: OpenFile,
    /// What it is called.
    pub name: String,
    /// What it is, as its content said when it came.
    pub mime_type: String,
}

/// Why a path opens nothing. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UploadPathError {
    /// Not enough of it.
    #[error("invalid url")]
    TooShort,
    /// Pieces of uploads are nobody's business.
    #[error("access to temporary directory is forbidden")]
    Temporary,
    /// It leads out of where files are.
    #[error("invalid file path")]
    Outside,
    /// There is nothing.
    #[error("file not found")]
    NotFound,
    /// The files cannot be read.
    #[error("internal error")]
    Failed,
}

impl Meetings {
    /// Opens the file that was uploaded under this path, decoded: `<session>/<secret>/<name>`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open_upload(&self, path: &str) -> Result<OpenUpload, UploadPathError> {
        let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
        if names.len() < 2 {
            return Err(UploadPathError::TooShort);
        }
        if names.contains(&"tmp") {
            return Err(UploadPathError::Temporary);
        }
        Key::try_from(names.join("/").as_str()).map_err(|_| UploadPathError::Outside)?;
        let [session, secret, name] = names.as_slice() else { return Err(UploadPathError::NotFound) };
        let is_secret = secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        if SessionId::try_from(*session).is_err() || !is_secret {
            return Err(UploadPathError::NotFound);
        }
        let key = |what: &str| Key::try_from(format!("{session}/{secret}/{what}").as_str());
        let (Ok(content), Ok(about)) = (key(CONTENT), key(ABOUT)) else { return Err(UploadPathError::NotFound) };
        let about = self.about(&about).await?;
        if about.file_path != format!("{session}/{secret}/{name}") {
            return Err(UploadPathError::NotFound);
        }
        let length = self.0.around.uploads.blobs.length(Area::Uploads, &content).await.map_err(|error| {
            error!(%error, "an uploaded file cannot be read");
            UploadPathError::Failed
        })?;
        let length = length.ok_or(UploadPathError::NotFound)?;
        let file = OpenFile { area: Area::Uploads, key: content, length };
        Ok(OpenUpload { file, name: about.file_name, mime_type: about.mime_type })
    }

    async fn about(&self, key: &Key) -> Result<RoomUploadedFileMetadata, UploadPathError> {
        let reader = self.0.around.uploads.blobs.read(Area::Uploads, key, 0, MAX_ABOUT).await;
        let mut text = Vec::new();
        let reader = reader.map_err(|_| UploadPathError::Failed)?.ok_or(UploadPathError::NotFound)?;
        let mut reader = reader;
        reader.read_to_end(&mut text).await.map_err(|_| UploadPathError::Failed)?;
        wire::json::decode(&text).map_err(|_| UploadPathError::NotFound)
    }
}
