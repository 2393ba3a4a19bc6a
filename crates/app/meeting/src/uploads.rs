//! Files that people upload during a meeting: in pieces that survive a broken line, checked by content and size, kept
//! below names of our own, and removed with the session (http-api.md sections 4.7 and 9.3, rules F1 and F2).

mod keep;
mod limits;
mod open;
mod pending;
mod whiteboard;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use model::policy::Denial;
use model::{RoomId, SessionId};
use ports::blobs::{Area, BlobError, Blobs, Key, Pieces, Received};
use room::{FileRefusal, UploadBounds};
use tokio::io::AsyncReadExt as _;
use tracing::{error, warn};
use wire::pnm::{RoomUploadedFileMetadata, RoomUploadedFileType as Kind};

use crate::actor::{RoomHandle, Silence, now};
use crate::file_type::{self, FileType, HEAD};
use crate::meetings::{Access, Meetings};

use keep::Content;
pub use limits::UploadRules;
use limits::{Limits, whole_megabytes};
pub use open::{OpenUpload, UploadPathError};
pub use pending::Chunk;
use pending::{Pending, Space, UploadId};

/// Every kind there is.
const KINDS: [Kind; 5] = [
    Kind::ChatFile,
    Kind::WhiteboardImageFile,
    Kind::WhiteboardConvertedFile,
    Kind::ExternalMediaPlayerFile,
    Kind::VirtualBackground,
];
/// Pieces of uploads that nobody goes on with are kept this long.
const ABANDONED_AFTER: Duration = Duration::from_secs(6 * 3600);
/// How often those are looked for.
const TIDY_INTERVAL: Duration = Duration::from_secs(3600);

/// The files of all sessions.
pub struct Uploads {
    blobs: Arc<dyn Blobs>,
    rules: UploadRules,
    pending: Mutex<Pending>,
    /// Rooms an application is just bringing a file into.
    whiteboards: Mutex<HashSet<RoomId>>,
}

/// Why a file is not taken. The texts are the reference's where it has one.
#[derive(Debug, thiserror::Error)]
pub enum UploadRefusal {
    /// The meeting is over.
    #[error("notifications.room-not-active")]
    NotActive,
    /// The table says no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The upload has no name, or begins in the middle.
    #[error("invalid resumableIdentifier")]
    Identifier,
    /// A number or a name is missing or impossible.
    #[error("missing required fields")]
    Fields,
    /// Larger than files of its kind may be, in MiB.
    #[error("file too large: max allowed is {0}MB")]
    TooLarge(u64),
    /// Of a kind that is not wanted, by its extension.
    #[error("'{0}' is not an allowed file type")]
    Type(&'static str),
    /// Nobody knows what it is.
    #[error("invalid: can't determine file type")]
    UnknownType,
    /// The room takes no more.
    #[error(transparent)]
    NoSpace(FileRefusal),
    /// Too many uploads at once, by one person.
    #[error("too many uploads at the same time")]
    TooMany,
    /// A merge names an upload without all its pieces.
    #[error("requested file's chunks not found for identifier {0}, make sure those were uploaded")]
    NoChunks(String),
    /// A piece did not arrive as announced.
    #[error("failed to write chunk data")]
    Chunk,
    /// The pieces could not be put together, or are being put together.
    #[error("failed to combine chunks")]
    Combine,
    /// The files, or the journal, cannot be written.
    #[error("failed to save file")]
    Failed,
}

impl From<FileRefusal> for UploadRefusal {
    fn from(refusal: FileRefusal) -> Self {
        match refusal {
            FileRefusal::Denied(denial) => Self::Denied(denial),
            full => Self::NoSpace(full),
        }
    }
}

impl From<Silence> for UploadRefusal {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::NotActive,
            Silence::Stuck => Self::Failed,
        }
    }
}

/// A file that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFile {
    /// What the meeting knows of it.
    pub about: RoomUploadedFileMetadata,
    /// What it is, as an extension without dot.
    pub extension: &'static str,
}

impl Uploads {
    /// Touches nothing yet.
    pub fn new(blobs: Arc<dyn Blobs>, rules: UploadRules) -> Self {
        Self { blobs, rules, pending: Mutex::default(), whiteboards: Mutex::default() }
    }

    /// What the operator allows.
    pub const fn rules(&self) -> &UploadRules {
        &self.rules
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what a session leaves behind. The files stay if the operator wants that.
    pub(crate) async fn forget(&self, session: &SessionId) {
        self.pending().forget(session);
        let areas = [(Area::UploadParts, true), (Area::Uploads, !self.rules.keep_forever)];
        let Ok(folder) = Key::try_from(session.as_str()) else { return };
        for (area, _) in areas.into_iter().filter(|(_, goes)| *goes) {
            if let Err(error) = self.blobs.remove_folder(area, &folder).await {
                error!(session.id = %session, %error, "the files of a session could not be removed");
            }
        }
    }

    async fn tidy(&self) {
        let before = now().unix_ms.saturating_sub(i64::try_from(ABANDONED_AFTER.as_millis()).unwrap_or(i64::MAX));
        self.pending().expire();
        if let Err(error) = self.blobs.expire(Area::UploadParts, before).await {
            warn!(%error, "pieces of abandoned uploads could not be removed");
        }
    }
}

impl Meetings {
    /// Removes pieces of uploads that nobody goes on with, now and every hour, for as long as it is polled.
    pub async fn keep_uploads_tidy(self) {
        let mut tick = tokio::time::interval(TIDY_INTERVAL);
        loop {
            tick.tick().await;
            self.0.around.uploads.tidy().await;
        }
    }

    /// Whether a piece of an upload is here already. One of another length is removed.
    ///
    /// # Errors
    /// When its sender may upload nothing, or it is no piece.
    pub async fn has_chunk(&self, access: &Access, chunk: &Chunk) -> Result<bool, UploadRefusal> {
        chunk.check()?;
        self.any_limits(access).await?;
        let uploads = &self.0.around.uploads;
        let key = UploadId::new(access, &chunk.identifier).part(chunk.number)?;
        let length = uploads.blobs.length(Area::UploadParts, &key).await.map_err(failed)?;
        if length.is_some_and(|length| length != chunk.size) {
            uploads.blobs.remove(Area::UploadParts, &key).await.map_err(failed)?;
        }
        Ok(length == Some(chunk.size))
    }

    /// Takes a piece of an upload. The first one says how large the whole is and shows what it is.
    ///
    /// # Errors
    /// Why it is not taken; then it is as if it had not been sent.
    pub async fn take_chunk(&self, access: &Access, chunk: &Chunk, content: Pieces<'_>) -> Result<(), UploadRefusal> {
        chunk.check()?;
        let (limits, used) = self.any_limits(access).await?;
        let uploads = &self.0.around.uploads;
        let id = UploadId::new(access, &chunk.identifier);
        // Whoever looks at its beginning may have come to its end.
        let mut content = content.fuse().boxed();
        if chunk.number == 1 {
            if chunk.total_size > limits.most {
                return Err(UploadRefusal::TooLarge(whole_megabytes(limits.most)));
            }
            let head = head_of(&mut content).await;
            limits.accept(&head, &chunk.file_name)?;
            content = stream::iter([Ok(head)]).chain(content).boxed();
        } else if !uploads.pending().knows(&id) {
            uploads.recover(&id, chunk.total_chunks, Some(chunk.total_size)).await?;
        }
        let is_new = uploads.pending().begin(&id, chunk, Space { most: uploads.rules.room_bytes, used })?;
        if is_new {
            // Pieces of another file under the same name.
            uploads.blobs.remove_folder(Area::UploadParts, &id.folder()?).await.map_err(failed)?;
        }
        let written = uploads.blobs.receive(Area::UploadParts, &id.part(chunk.number)?, content, chunk.size).await;
        let refusal = match written {
            Ok(Received::Whole(length)) if length == chunk.size => return Ok(()),
            Ok(Received::TooLong) => UploadRefusal::Fields,
            Ok(Received::Whole(_) | Received::BrokenOff) => UploadRefusal::Chunk,
            Err(error) => {
                error!(%error, "a piece of an upload could not be written");
                UploadRefusal::Chunk
            }
        };
        uploads.pending().undo(&id, chunk.number);
        uploads.blobs.remove(Area::UploadParts, &id.part(chunk.number)?).await.map_err(failed)?;
        Err(refusal)
    }

    /// Makes one file of the pieces of an upload.
    ///
    /// # Errors
    /// Why it is not kept. What is too large or of the wrong kind is gone; anything else can be tried again.
    pub async fn merge_chunks(
        &self,
        access: &Access,
        kind: Kind,
        identifier: &str,
        name: &str,
        chunks: u32,
    ) -> Result<StoredFile, UploadRefusal> {
        let missing = || UploadRefusal::NoChunks(identifier.chars().take(255).collect());
        let limits = self.limits(access, kind).await?;
        let uploads = &self.0.around.uploads;
        let id = UploadId::new(access, identifier);
        if !(1..=pending::MAX_CHUNKS).contains(&chunks) {
            return Err(missing());
        }
        if !uploads.pending().knows(&id) {
            uploads.recover(&id, chunks, None).await.map_err(|_| missing())?;
        }
        let _turn = uploads.merging(&id)?;
        let mut parts = Vec::new();
        let mut bytes = 0u64;
        for number in 1..=chunks {
            let part = id.part(number)?;
            let length = uploads.blobs.length(Area::UploadParts, &part).await.map_err(failed)?.ok_or_else(missing)?;
            bytes = bytes.saturating_add(length);
            parts.push(part);
        }
        let checked = async {
            if bytes > limits.most {
                return Err(UploadRefusal::TooLarge(whole_megabytes(limits.most)));
            }
            let head = uploads.head_of_part(parts.first()).await?;
            limits.accept(&head, name)
        };
        let kept = match checked.await {
            Ok(found) => self.keep(access, kind, name, None, found, bytes, Content::Parts(parts)).await,
            Err(refusal) => Err(refusal),
        };
        let is_done = matches!(
            kept,
            Ok(_) | Err(UploadRefusal::TooLarge(_) | UploadRefusal::Type(_) | UploadRefusal::UnknownType)
        );
        if is_done {
            uploads.pending().remove(&id);
            uploads.blobs.remove_folder(Area::UploadParts, &id.folder()?).await.map_err(failed)?;
        }
        kept
    }

    /// Keeps a file that came in one piece. Its id on the list is its name without `.png`.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn add_small_file(
        &self,
        access: &Access,
        kind: Kind,
        name: &str,
        content: Bytes,
    ) -> Result<StoredFile, UploadRefusal> {
        let limits = self.limits(access, kind).await?;
        let bytes = content.len() as u64;
        if bytes > limits.most {
            return Err(UploadRefusal::TooLarge(whole_megabytes(limits.most)));
        }
        let found = limits.accept(&content[..content.len().min(HEAD)], name)?;
        let shown = limits::display_name(name);
        let id = shown.strip_suffix(".png").unwrap_or(&shown).to_owned();
        self.keep(access, kind, name, Some(id), found, bytes, Content::Bytes(content)).await
    }

    /// The files of a kind that somebody may know of.
    ///
    /// # Errors
    /// When they may know of none.
    pub async fn files_of(&self, access: &Access, kind: Kind) -> Result<Vec<RoomUploadedFileMetadata>, UploadRefusal> {
        let user = access.user.clone();
        Ok(self.place_of(access)?.read(move |room| room.files_of(&user, kind)).await??)
    }

    /// Takes away a background of somebody's own, wherever it is known. One that is not there is gone already.
    ///
    /// # Errors
    /// When they are not here.
    pub async fn remove_background(&self, access: &Access, path: &str) -> Result<(), UploadRefusal> {
        let handle = self.place_of(access)?;
        let (user, path) = (access.user.clone(), path.to_owned());
        let named = path.clone();
        let was_there = handle.write(move |room, _| room.remove_background(&user, &named)).await??;
        // `<session>/<secret>/<name>`, as this very room had it.
        let folder = path.rsplit_once('/').and_then(|(folder, _)| Key::try_from(folder).ok());
        if let (true, Some(folder)) = (was_there, folder) {
            self.0.around.uploads.blobs.remove_folder(Area::Uploads, &folder).await.map_err(failed)?;
        }
        Ok(())
    }

    /// What the operator allows of uploads.
    pub fn upload_rules(&self) -> &UploadRules {
        self.0.around.uploads.rules()
    }

    fn place_of(&self, access: &Access) -> Result<RoomHandle, UploadRefusal> {
        self.room_of(access).ok_or(UploadRefusal::NotActive)
    }

    async fn limits(&self, access: &Access, kind: Kind) -> Result<Limits, UploadRefusal> {
        let user = access.user.clone();
        let bounds = self.place_of(access)?.read(move |room| room.may_upload(&user, kind)).await??;
        Ok(Limits::new(&self.0.around.uploads.rules, kind, &bounds))
    }

    /// The loosest limits of all kinds that somebody may upload: what a file is for is only said at its end. Besides, how
    /// much the session keeps already.
    async fn any_limits(&self, access: &Access) -> Result<(Limits, u64), UploadRefusal> {
        let user = access.user.clone();
        let all =
            self.place_of(access)?.read(move |room| KINDS.map(|kind| (kind, room.may_upload(&user, kind)))).await?;
        let denial = all[0].1.clone().err();
        let allowed: Vec<(Kind, UploadBounds)> =
            all.into_iter().filter_map(|(kind, bounds)| Some((kind, bounds.ok()?))).collect();
        let used = allowed.first().map_or(0, |(_, bounds)| bounds.used);
        let rules = &self.0.around.uploads.rules;
        let limits = allowed.iter().map(|(kind, bounds)| Limits::new(rules, *kind, bounds)).reduce(Limits::or);
        Ok((limits.ok_or(denial.unwrap_or(Denial::Waiting))?, used))
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of a file at this point")]
    async fn keep(
        &self,
        access: &Access,
        kind: Kind,
        name: &str,
        id: Option<String>,
        found: FileType,
        bytes: u64,
        content: Content,
    ) -> Result<StoredFile, UploadRefusal> {
        let uploads = &self.0.around.uploads;
        let handle = self.place_of(access)?;
        let draft = uploads.draft(handle.session(), kind, name, id, found, bytes);
        uploads.write(handle.session(), &draft, content).await?;
        let (user, file, quota) = (access.user.clone(), draft.file.clone(), uploads.rules.quota());
        let added = handle.write(move |room, now| room.add_file(now, &user, file, quota)).await;
        uploads.settled(handle.session(), draft, added.map_err(UploadRefusal::from)?).await
    }
}

impl Uploads {
    /// Takes up an upload whose first pieces came before the process was restarted.
    async fn recover(&self, id: &UploadId, chunks: u32, total: Option<u64>) -> Result<(), UploadRefusal> {
        let mut parts = Vec::new();
        for number in 1..=chunks {
            if number > 1 && parts.is_empty() {
                break;
            }
            let length = self.blobs.length(Area::UploadParts, &id.part(number)?).await.map_err(failed)?;
            parts.extend(length.map(|length| (number, length)));
        }
        self.pending().recover(id, chunks, total, parts)
    }

    async fn head_of_part(&self, part: Option<&Key>) -> Result<Vec<u8>, UploadRefusal> {
        let part = part.ok_or(UploadRefusal::Combine)?;
        let reader = self.blobs.read(Area::UploadParts, part, 0, HEAD as u64).await.map_err(failed)?;
        let mut head = Vec::new();
        reader.ok_or(UploadRefusal::Combine)?.read_to_end(&mut head).await.map_err(|_| UploadRefusal::Combine)?;
        Ok(head)
    }

    fn merging(self: &Arc<Self>, id: &UploadId) -> Result<MergeTurn, UploadRefusal> {
        if !self.pending().set_merging(id, true) {
            return Err(UploadRefusal::Combine);
        }
        Ok(MergeTurn { uploads: self.clone(), id: id.clone() })
    }
}

/// Held while an upload is put together.
struct MergeTurn {
    uploads: Arc<Uploads>,
    id: UploadId,
}

impl Drop for MergeTurn {
    fn drop(&mut self) {
        self.uploads.pending().set_merging(&self.id, false);
    }
}

/// The first bytes of what somebody sends, at most a piece more than is looked at.
async fn head_of(content: &mut Pieces<'_>) -> Bytes {
    let mut head = Vec::new();
    while head.len() < HEAD {
        match content.next().await {
            Some(Ok(piece)) => head.extend_from_slice(&piece),
            Some(Err(_)) | None => break,
        }
    }
    head.into()
}

fn failed(error: BlobError) -> UploadRefusal {
    error!(%error, "the files of a session cannot be reached");
    UploadRefusal::Failed
}

impl Limits {
    /// What a file is, if it is wanted.
    fn accept(&self, head: &[u8], name: &str) -> Result<FileType, UploadRefusal> {
        let found = file_type::of(&head[..head.len().min(HEAD)], name).ok_or(UploadRefusal::UnknownType)?;
        if self.takes(found.extension) { Ok(found) } else { Err(UploadRefusal::Type(found.extension)) }
    }
}
