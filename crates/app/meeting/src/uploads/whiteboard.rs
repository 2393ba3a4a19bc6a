//! Documents for the whiteboard that applications bring (http-api.md section 2.9).

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use model::RoomId;
use wire::pnm::RoomUploadedFileType as Kind;

use super::keep::Content;
use super::limits::{Limits, whole_megabytes};
use super::{StoredFile, UploadRefusal, Uploads};
use crate::file_type::HEAD;
use crate::meetings::Meetings;

impl Meetings {
    /// Keeps a document for the whiteboard that an application brought.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn add_whiteboard_file(
        &self,
        room: &str,
        name: &str,
        content: Bytes,
    ) -> Result<StoredFile, UploadRefusal> {
        let kind = Kind::WhiteboardConvertedFile;
        let handle = self.find(room).ok_or(UploadRefusal::NotActive)?;
        let bounds = handle.read(move |room| room.upload_bounds(kind)).await?;
        let uploads = &self.0.around.uploads;
        let limits = Limits::new(&uploads.rules, kind, &bounds);
        if content.len() as u64 > limits.most {
            return Err(UploadRefusal::TooLarge(whole_megabytes(limits.most)));
        }
        let found = limits.accept(&content[..content.len().min(HEAD)], name)?;
        let draft = uploads.draft(handle.session(), kind, name, None, found, content.len() as u64);
        uploads.write(handle.session(), &draft, Content::Bytes(content)).await?;
        let quota = uploads.rules.quota();
        let file = draft.file.clone();
        let added = handle.write(move |room, _| room.add_outside_file(file, quota)).await;
        uploads.settled(handle.session(), draft, added.map_err(UploadRefusal::from)?).await
    }

    /// The right to bring a file to the whiteboard of a room; `None` while another is being brought.
    pub fn whiteboard_turn(&self, room: &RoomId) -> Option<impl Send + use<>> {
        let uploads = self.0.around.uploads.clone();
        let mut rooms = uploads.whiteboards.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = rooms.insert(room.clone());
        drop(rooms);
        is_free.then(|| WhiteboardTurn { uploads, room: room.clone() })
    }
}

/// Held while an application brings a file to a whiteboard.
struct WhiteboardTurn {
    uploads: Arc<Uploads>,
    room: RoomId,
}

impl Drop for WhiteboardTurn {
    fn drop(&mut self) {
        self.uploads.whiteboards.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.room);
    }
}
