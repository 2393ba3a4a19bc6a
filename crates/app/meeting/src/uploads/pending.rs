//! Uploads that are under way: how large they will be, and which of their pieces are here.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use model::{SessionId, UserId};
use ports::blobs::Key;
use room::FileRefusal;
use tokio::time::Instant;

use super::{ABANDONED_AFTER, UploadRefusal};
use crate::meetings::Access;

/// Most pieces of an upload; with the client's of ten mebibytes far more than any file has.
pub(super) const MAX_CHUNKS: u32 = 2000;
/// Most uploads of one person at once.
const MAX_PER_PERSON: usize = 4;
/// Longest name that a client gives an upload, and longest file name, in bytes.
const MAX_TEXT: usize = 1024;

/// One piece of an upload, as the client describes it (http-api.md section 4.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The client's name of the upload.
    pub identifier: String,
    /// The file's name.
    pub file_name: String,
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub total_chunks: u32,
    /// Bytes of this one.
    pub size: u64,
    /// Bytes of all.
    pub total_size: u64,
}

impl Chunk {
    pub(super) fn check(&self) -> Result<(), UploadRefusal> {
        if self.identifier.is_empty() || self.identifier.len() > MAX_TEXT {
            return Err(UploadRefusal::Identifier);
        }
        let fits = (1..=self.total_chunks).contains(&self.number)
            && self.total_chunks <= MAX_CHUNKS
            && (1..=self.total_size).contains(&self.size)
            && !self.file_name.is_empty()
            && self.file_name.len() <= MAX_TEXT;
        if fits { Ok(()) } else { Err(UploadRefusal::Fields) }
    }
}

/// Which upload. Its folder is named by a hash, so that nothing that a client says is part of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct UploadId {
    session: SessionId,
    user: UserId,
    hash: String,
}

impl UploadId {
    pub(super) fn new(access: &Access, identifier: &str) -> Self {
        let (session, user) = (access.session.clone(), access.user.clone());
        let hash = wire::signature::sign(session.as_str(), format!("{user} {identifier}").as_bytes());
        Self { session, user, hash }
    }

    pub(super) fn folder(&self) -> Result<Key, UploadRefusal> {
        Key::try_from(format!("{}/{}", self.session, self.hash).as_str()).map_err(|_| UploadRefusal::Failed)
    }

    pub(super) fn part(&self, number: u32) -> Result<Key, UploadRefusal> {
        let path = format!("{}/{}/part{number}", self.session, self.hash);
        Key::try_from(path.as_str()).map_err(|_| UploadRefusal::Failed)
    }
}

/// What a session may keep of files, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// All it may keep.
    pub(super) most: u64,
    /// What it keeps already.
    pub(super) used: u64,
}

#[derive(Debug)]
struct UnderWay {
    total_size: u64,
    total_chunks: u32,
    /// Bytes of each piece that is here or on its way.
    parts: BTreeMap<u32, u64>,
    is_merging: bool,
    touched: Instant,
}

/// All uploads of this node.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<UploadId, UnderWay>);

impl Pending {
    pub(super) fn knows(&self, id: &UploadId) -> bool {
        self.0.contains_key(id)
    }

    /// A piece is coming: room is set aside for the whole upload with its first one, out of what the session may still
    /// keep. Whether the upload begins with it.
    pub(super) fn begin(&mut self, id: &UploadId, chunk: &Chunk, space: Space) -> Result<bool, UploadRefusal> {
        let is_same = |known: &UnderWay| {
            known.total_size == chunk.total_size && known.total_chunks == chunk.total_chunks && !known.is_merging
        };
        let is_new = !self.0.get(id).is_some_and(is_same);
        match self.0.get(id) {
            Some(known) if is_same(known) => {}
            Some(known) if known.is_merging || chunk.number != 1 => return Err(UploadRefusal::Identifier),
            None if chunk.number != 1 => return Err(UploadRefusal::Identifier),
            Some(_) | None => self.reserve(id, chunk, space)?,
        }
        let known = self.0.get_mut(id).ok_or(UploadRefusal::Identifier)?;
        known.touched = Instant::now();
        let others: u64 = known.parts.iter().filter(|(number, _)| **number != chunk.number).map(|(_, size)| size).sum();
        if others.saturating_add(chunk.size) > known.total_size {
            return Err(UploadRefusal::Fields);
        }
        known.parts.insert(chunk.number, chunk.size);
        Ok(is_new)
    }

    fn reserve(&mut self, id: &UploadId, chunk: &Chunk, space: Space) -> Result<(), UploadRefusal> {
        let others = || self.0.iter().filter(|(other, _)| *other != id && other.session == id.session);
        if others().filter(|(other, _)| other.user == id.user).count() >= MAX_PER_PERSON {
            return Err(UploadRefusal::TooMany);
        }
        let taken: u64 = others().map(|(_, upload)| upload.total_size).fold(0, u64::saturating_add);
        if space.used.saturating_add(taken).saturating_add(chunk.total_size) > space.most {
            return Err(UploadRefusal::NoSpace(FileRefusal::Full(space.most)));
        }
        let upload = UnderWay {
            total_size: chunk.total_size,
            total_chunks: chunk.total_chunks,
            parts: BTreeMap::new(),
            is_merging: false,
            touched: Instant::now(),
        };
        self.0.insert(id.clone(), upload);
        Ok(())
    }

    /// A piece did not come after all.
    pub(super) fn undo(&mut self, id: &UploadId, number: u32) {
        let Some(known) = self.0.get_mut(id) else { return };
        known.parts.remove(&number);
        if known.parts.is_empty() && !known.is_merging {
            self.0.remove(id);
        }
    }

    /// Takes up an upload of which there are pieces, the first among them.
    pub(super) fn recover(
        &mut self,
        id: &UploadId,
        total_chunks: u32,
        total_size: Option<u64>,
        parts: Vec<(u32, u64)>,
    ) -> Result<(), UploadRefusal> {
        let parts: BTreeMap<u32, u64> = parts.into_iter().collect();
        if !parts.contains_key(&1) {
            return Err(UploadRefusal::Identifier);
        }
        let total_size = total_size.unwrap_or_else(|| parts.values().sum());
        let upload = UnderWay { total_size, total_chunks, parts, is_merging: false, touched: Instant::now() };
        self.0.entry(id.clone()).or_insert(upload);
        Ok(())
    }

    /// Whether it was the other way before.
    pub(super) fn set_merging(&mut self, id: &UploadId, is_merging: bool) -> bool {
        let Some(known) = self.0.get_mut(id) else { return false };
        std::mem::replace(&mut known.is_merging, is_merging) != is_merging
    }

    pub(super) fn remove(&mut self, id: &UploadId) {
        self.0.remove(id);
    }

    pub(super) fn forget(&mut self, session: &SessionId) {
        self.0.retain(|id, _| id.session != *session);
    }

    pub(super) fn expire(&mut self) {
        let patience: Duration = ABANDONED_AFTER;
        self.0.retain(|_, upload| upload.is_merging || upload.touched.elapsed() < patience);
    }
}
