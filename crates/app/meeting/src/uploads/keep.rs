//! Writing a file where it stays, and what is known of it beside it, in a folder whose name nobody guesses (rule F1).

use bytes::Bytes;
use model::SessionId;
use ports::blobs::{Area, Key};
use room::{FileRefusal, NewFile};
use tracing::{error, warn};
use uuid::Uuid;
use wire::pnm::{RoomUploadedFileMetadata, RoomUploadedFileType as Kind};

use super::{StoredFile, UploadRefusal, Uploads, failed, limits};
use crate::file_type::FileType;

/// How a file's content is called in its folder.
pub(super) const CONTENT: &str = "content";
/// How what is known of it is called there.
pub(super) const ABOUT: &str = "about.json";

/// A file's content on its way to where it stays.
pub(super) enum Content {
    Parts(Vec<Key>),
    Bytes(Bytes),
}

/// A file that is about to be kept.
pub(super) struct Draft {
    pub(super) file: NewFile,
    found: FileType,
    /// Name of its folder, which nobody guesses.
    secret: String,
}

impl Uploads {
    pub(super) fn draft(
        &self,
        session: &SessionId,
        kind: Kind,
        name: &str,
        id: Option<String>,
        found: FileType,
        bytes: u64,
    ) -> Draft {
        let secret = Uuid::new_v4().simple().to_string();
        let name = limits::display_name(name);
        let path = format!("{session}/{secret}/{}", limits::path_name(&name));
        let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
        let file = NewFile { id, name, path, mime_type: found.mime.to_owned(), kind, bytes };
        Draft { file, found, secret }
    }

    pub(super) async fn write(
        &self,
        session: &SessionId,
        draft: &Draft,
        content: Content,
    ) -> Result<(), UploadRefusal> {
        let key = |name: &str| Key::try_from(format!("{session}/{}/{name}", draft.secret).as_str());
        let (Ok(at), Ok(about_at)) = (key(CONTENT), key(ABOUT)) else { return Err(UploadRefusal::Failed) };
        match content {
            Content::Bytes(bytes) => self.blobs.put(Area::Uploads, &at, bytes).await.map_err(failed)?,
            Content::Parts(parts) => {
                let joined = self.blobs.join(Area::UploadParts, &parts, Area::Uploads, &at).await;
                let joined = joined.map_err(|error| {
                    error!(%error, "an upload could not be put together");
                    UploadRefusal::Combine
                })?;
                if joined != Some(draft.file.bytes) {
                    self.discard(session, draft).await;
                    return Err(UploadRefusal::Combine);
                }
            }
        }
        let about = RoomUploadedFileMetadata {
            file_id: draft.file.id.clone(),
            file_name: draft.file.name.clone(),
            file_path: draft.file.path.clone(),
            mime_type: draft.file.mime_type.clone(),
            file_type: draft.file.kind.into(),
            ..RoomUploadedFileMetadata::default()
        };
        self.blobs.put(Area::Uploads, &about_at, wire::json::encode(&about).into()).await.map_err(failed)
    }

    /// What becomes of a written file once the room has had its say.
    pub(super) async fn settled(
        &self,
        session: &SessionId,
        draft: Draft,
        added: Result<RoomUploadedFileMetadata, FileRefusal>,
    ) -> Result<StoredFile, UploadRefusal> {
        match added {
            Ok(about) => {
                metrics::counter!("plenum_files_uploaded_total").increment(1);
                Ok(StoredFile { about, extension: draft.found.extension })
            }
            Err(refusal) => {
                self.discard(session, &draft).await;
                Err(refusal.into())
            }
        }
    }

    async fn discard(&self, session: &SessionId, draft: &Draft) {
        let Ok(folder) = Key::try_from(format!("{session}/{}", draft.secret).as_str()) else { return };
        if let Err(error) = self.blobs.remove_folder(Area::Uploads, &folder).await {
            warn!(%error, "a file that is not wanted could not be removed");
        }
    }
}
