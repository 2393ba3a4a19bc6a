//! The files of a session: who may add which, how many there are, and who may see the list (http-api.md section 4.7,
//! rules I3 and F2). The bytes are elsewhere; what the room keeps of a file is what it tells others about it.

use model::UserId;
use model::policy::{Capability, Denial};
use wire::pnm::{AnalyticsEvents, RoomUploadedFileMetadata, RoomUploadedFileType as Kind};

use crate::analytics::{About, Measure};
use crate::journal;
use crate::output::Moment;
use crate::person::Person;
use crate::state::Room;

/// Most backgrounds of one person; whoever waits may add them as well.
const MAX_BACKGROUNDS: usize = 20;
/// What they may take together, in bytes.
const MAX_BACKGROUND_BYTES: u64 = 200 << 20;

/// A file of the session, as the journal keeps it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomFile {
    /// What others are told.
    #[prost(message, optional, tag = "1")]
    pub about: Option<RoomUploadedFileMetadata>,
    /// Its length.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// Counts up with every file.
    #[prost(uint64, tag = "3")]
    pub(crate) number: u64,
}

impl RoomFile {
    fn is_background_of(&self, user: &UserId) -> bool {
        self.about.as_ref().is_some_and(|about| {
            about.file_type() == Kind::VirtualBackground && about.uploaded_by_user_id == user.as_str()
        })
    }
}

/// A file about to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// What it is known by. Not unique: pictures on the whiteboard are named by browsers.
    pub id: String,
    /// As people read it.
    pub name: String,
    /// Where it is fetched.
    pub path: String,
    /// What its content is.
    pub mime_type: String,
    /// What it is for.
    pub kind: Kind,
    /// Its length.
    pub bytes: u64,
}

/// How much a session keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Number of files.
    pub files: usize,
}

/// What the room's features say about files of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadBounds {
    /// In MiB; `None` says nothing.
    pub max_megabytes: Option<u64>,
    /// Extensions in lower case without dot; empty says nothing.
    pub types: Vec<String>,
    /// What the session's files take already.
    pub used: u64,
}

/// Why a file is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileRefusal {
    /// The table says no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The session keeps no more bytes.
    #[error("the room's storage is full: max allowed is {}MB", .0 >> 20)]
    Full(u64),
    /// The session keeps no more files.
    #[error("the room has too many files: max allowed is {0}")]
    TooMany(usize),
}

/// The files in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<RoomFile>);

impl Files {
    /// From the journal, in any order.
    pub(crate) fn restored(mut files: Vec<RoomFile>) -> Self {
        files.sort_by_key(|file| file.number);
        Self(files)
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    fn abouts(&self) -> impl Iterator<Item = &RoomUploadedFileMetadata> {
        self.0.iter().filter_map(|file| file.about.as_ref())
    }
}

impl Room {
    /// Whether somebody may upload a file of a kind, and what the room's features say about such files.
    ///
    /// # Errors
    /// Why they may not.
    pub fn may_upload(&self, user: &UserId, kind: Kind) -> Result<UploadBounds, Denial> {
        self.may(self.person_asking(user)?, capability(kind))?;
        Ok(self.upload_bounds(kind))
    }

    /// What the room's features say about files of a kind, whoever brings them.
    pub fn upload_bounds(&self, kind: Kind) -> UploadBounds {
        let used = self.files.bytes();
        let Some(features) = &self.metadata.room_features else { return UploadBounds { used, ..Default::default() } };
        match kind {
            Kind::ChatFile => features.chat_features.as_ref().map(|chat| UploadBounds {
                max_megabytes: chat.max_file_size.filter(|most| *most > 0),
                types: chat.allowed_file_types.iter().map(|name| plain_type(name)).collect(),
                used,
            }),
            Kind::WhiteboardImageFile | Kind::WhiteboardConvertedFile => {
                features.whiteboard_features.as_ref().map(|board| UploadBounds {
                    max_megabytes: board.max_allowed_file_size.filter(|most| *most > 0),
                    types: Vec::new(),
                    used,
                })
            }
            Kind::ExternalMediaPlayerFile | Kind::VirtualBackground => None,
        }
        .unwrap_or(UploadBounds { used, ..Default::default() })
    }

    /// Adds a file that somebody uploaded. The answer is what others are told about it.
    ///
    /// # Errors
    /// Why it is not kept; then nothing has changed.
    pub fn add_file(
        &mut self,
        now: Moment,
        by: &UserId,
        file: NewFile,
        quota: Quota,
    ) -> Result<RoomUploadedFileMetadata, FileRefusal> {
        let person = self.person_asking(by)?;
        self.may(person, capability(file.kind))?;
        if file.kind == Kind::VirtualBackground {
            let own = self.files.0.iter().filter(|kept| kept.is_background_of(by));
            let (count, bytes) = own.fold((0, file.bytes), |(n, sum), kept| (n + 1, sum.saturating_add(kept.bytes)));
            if count >= MAX_BACKGROUNDS {
                return Err(FileRefusal::TooMany(MAX_BACKGROUNDS));
            }
            if bytes > MAX_BACKGROUND_BYTES {
                return Err(FileRefusal::Full(MAX_BACKGROUND_BYTES));
            }
        }
        let name = person.name.clone();
        let kept = self.keep_file(by.as_str(), name, file, quota)?;
        if kept.file_type() == Kind::ChatFile {
            let shared = Measure::Said(kept.file_name.clone());
            self.record(now, About::Person(by), AnalyticsEvents::AnalyticsEventUserChatFiles, shared);
        }
        Ok(kept)
    }

    /// Forgets a background of somebody's own. Whether there was one at that path.
    ///
    /// # Errors
    /// When they are not here.
    pub fn remove_background(&mut self, by: &UserId, path: &str) -> Result<bool, Denial> {
        self.person_asking(by)?;
        let is_meant = |file: &RoomFile| {
            file.is_background_of(by) && file.about.as_ref().is_some_and(|about| about.file_path == path)
        };
        let Some(at) = self.files.0.iter().position(is_meant) else { return Ok(false) };
        let gone = self.files.0.remove(at);
        self.store(journal::file_removed(&gone));
        Ok(true)
    }

    /// Adds a file that an application brought.
    ///
    /// # Errors
    /// Why it is not kept; then nothing has changed.
    pub fn add_outside_file(&mut self, file: NewFile, quota: Quota) -> Result<RoomUploadedFileMetadata, FileRefusal> {
        self.keep_file("", String::new(), file, quota)
    }

    fn keep_file(
        &mut self,
        by: &str,
        by_name: String,
        file: NewFile,
        quota: Quota,
    ) -> Result<RoomUploadedFileMetadata, FileRefusal> {
        if self.files.0.len() >= quota.files {
            return Err(FileRefusal::TooMany(quota.files));
        }
        if self.files.bytes().saturating_add(file.bytes) > quota.bytes {
            return Err(FileRefusal::Full(quota.bytes));
        }
        let about = RoomUploadedFileMetadata {
            file_id: file.id,
            file_name: file.name,
            file_path: file.path,
            mime_type: file.mime_type,
            uploaded_by_user_id: by.to_owned(),
            uploaded_by_name: by_name,
            file_type: file.kind.into(),
            total_pages: None,
        };
        let number = self.files.0.last().map_or(1, |last| last.number + 1);
        let kept = RoomFile { about: Some(about.clone()), bytes: file.bytes, number };
        self.store(journal::file_entry(&kept));
        self.files.0.push(kept);
        Ok(about)
    }

    /// The files of a kind that somebody may know of, oldest first: of backgrounds their own, of documents for the
    /// whiteboard those that have pages.
    ///
    /// # Errors
    /// Whoever takes no part in the meeting knows of their own backgrounds only.
    pub fn files_of(&self, viewer: &UserId, kind: Kind) -> Result<Vec<RoomUploadedFileMetadata>, Denial> {
        let person = self.person_asking(viewer)?;
        if kind != Kind::VirtualBackground {
            self.may(person, Capability::Listen)?;
        }
        let shown = |about: &&RoomUploadedFileMetadata| match kind {
            Kind::VirtualBackground => about.uploaded_by_user_id == viewer.as_str(),
            Kind::WhiteboardConvertedFile => about.total_pages.is_some(),
            Kind::ChatFile | Kind::WhiteboardImageFile | Kind::ExternalMediaPlayerFile => true,
        };
        Ok(self.files.abouts().filter(|about| about.file_type() == kind).filter(shown).cloned().collect())
    }

    fn person_asking(&self, user: &UserId) -> Result<&Person, Denial> {
        self.people.get(user).ok_or(Denial::Waiting)
    }
}

const fn capability(kind: Kind) -> Capability {
    match kind {
        Kind::ChatFile => Capability::ShareChatFile,
        Kind::WhiteboardImageFile | Kind::WhiteboardConvertedFile => Capability::EditWhiteboard,
        Kind::ExternalMediaPlayerFile => Capability::UploadMedia,
        Kind::VirtualBackground => Capability::UploadBackground,
    }
}

/// Creators write `pdf`, `.pdf` and `PDF`.
fn plain_type(name: &str) -> String {
    name.trim().trim_start_matches('.').to_ascii_lowercase()
}
