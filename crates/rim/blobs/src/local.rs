//! Keys are paths below an area's folder. They cannot lead out of it ([`Key`]), and what is inside belongs to the
//! operator and to recorders, not to users.

use std::fs::{self, File, FileTimes};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use ports::blobs::{Area, BlobError, Blobs, Key, Pieces, Reader, Received};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::spawn_blocking;

/// How files that are being written are called until they are whole; such a name is never served.
const UNFINISHED: &str = ".unfinished-";

/// Deepest folder that [`Blobs::expire`] looks into.
const MAX_DEPTH: usize = 16;

/// Where the areas lie. Folders are made when the first file comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// [`Area::Recordings`].
    pub recordings: PathBuf,
    /// [`Area::RecordingsTrash`].
    pub recordings_trash: PathBuf,
    /// [`Area::Artifacts`].
    pub artifacts: PathBuf,
    /// [`Area::ArtifactsTrash`].
    pub artifacts_trash: PathBuf,
    /// [`Area::Uploads`].
    pub uploads: PathBuf,
    /// [`Area::UploadParts`].
    pub upload_parts: PathBuf,
}

/// Files in local folders.
#[derive(Debug, Clone)]
pub struct LocalBlobs {
    folders: Folders,
}

impl LocalBlobs {
    /// Touches nothing yet.
    pub fn new(folders: Folders) -> Self {
        Self { folders }
    }

    fn folder(&self, area: Area) -> &Path {
        match area {
            Area::Recordings => &self.folders.recordings,
            Area::RecordingsTrash => &self.folders.recordings_trash,
            Area::Artifacts => &self.folders.artifacts,
            Area::ArtifactsTrash => &self.folders.artifacts_trash,
            Area::Uploads => &self.folders.uploads,
            Area::UploadParts => &self.folders.upload_parts,
        }
    }

    fn path(&self, area: Area, key: &Key) -> PathBuf {
        self.folder(area).join(key.as_str())
    }
}

#[async_trait]
impl Blobs for LocalBlobs {
    async fn length(&self, area: Area, key: &Key) -> Result<Option<u64>, BlobError> {
        let path = self.path(area, key);
        blocking("look at a file", move || {
            let found = absent(fs::metadata(path))?;
            Ok(found.filter(fs::Metadata::is_file).map(|metadata| metadata.len()))
        })
        .await
    }

    async fn read(&self, area: Area, key: &Key, start: u64, length: u64) -> Result<Option<Reader>, BlobError> {
        let path = self.path(area, key);
        let file = blocking("open a file", move || {
            let Some(mut file) = absent(File::open(path))? else { return Ok(None) };
            if !file.metadata()?.is_file() {
                return Ok(None);
            }
            file.seek(SeekFrom::Start(start))?;
            Ok(Some(file))
        })
        .await?;
        Ok(file.map(|file| -> Reader { Box::new(tokio::fs::File::from_std(file).take(length)) }))
    }

    async fn put(&self, area: Area, key: &Key, content: Bytes) -> Result<(), BlobError> {
        let path = self.path(area, key);
        blocking("write a file", move || write_whole(&path, &mut content.as_ref())).await
    }

    async fn receive(&self, area: Area, key: &Key, mut content: Pieces<'_>, most: u64) -> Result<Received, BlobError> {
        let path = self.path(area, key);
        let unfinished = blocking("begin a file", move || Unfinished::begin(path)).await?;
        let mut file =
            tokio::fs::File::from_std(unfinished.file.try_clone().map_err(|error| failed("open a file", &error))?);
        let mut total = 0u64;
        while let Some(piece) = content.next().await {
            let Ok(piece) = piece else { return Ok(Received::BrokenOff) };
            total = total.saturating_add(piece.len() as u64);
            if total > most {
                return Ok(Received::TooLong);
            }
            file.write_all(&piece).await.map_err(|error| failed("write a file", &error))?;
        }
        file.flush().await.map_err(|error| failed("write a file", &error))?;
        blocking("finish a file", move || unfinished.finish()).await?;
        Ok(Received::Whole(total))
    }

    async fn join(&self, from: Area, parts: &[Key], to: Area, key: &Key) -> Result<Option<u64>, BlobError> {
        let parts: Vec<PathBuf> = parts.iter().map(|part| self.path(from, part)).collect();
        let path = self.path(to, key);
        blocking("put a file together", move || {
            let mut unfinished = Unfinished::begin(path)?;
            let mut total = 0;
            for part in parts {
                let Some(mut part) = absent(File::open(part))? else { return Ok(None) };
                total += io::copy(&mut part, &mut unfinished.file)?;
            }
            unfinished.finish()?;
            Ok(Some(total))
        })
        .await
    }

    async fn remove_folder(&self, area: Area, folder: &Key) -> Result<(), BlobError> {
        let path = self.path(area, folder);
        blocking("remove a folder", move || absent(fs::remove_dir_all(path)).map(drop)).await
    }

    async fn shift(&self, from: Area, to: Area, key: &Key) -> Result<bool, BlobError> {
        let (folder, old, new) = (self.folder(from).to_owned(), self.path(from, key), self.path(to, key));
        blocking("move a file", move || {
            if absent(fs::metadata(&old))?.is_none() {
                return Ok(false);
            }
            fs::create_dir_all(parent(&new))?;
            match fs::rename(&old, &new) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    write_whole(&new, &mut File::open(&old)?)?;
                    fs::remove_file(&old)?;
                }
                moved => moved?,
            }
            File::options().append(true).open(&new)?.set_times(FileTimes::new().set_modified(SystemTime::now()))?;
            sync_folder(parent(&new))?;
            remove_empty(&folder, parent(&old));
            Ok(true)
        })
        .await
    }

    async fn remove(&self, area: Area, key: &Key) -> Result<bool, BlobError> {
        let (folder, path) = (self.folder(area).to_owned(), self.path(area, key));
        blocking("remove a file", move || {
            let removed = absent(fs::remove_file(&path))?.is_some();
            remove_empty(&folder, parent(&path));
            Ok(removed)
        })
        .await
    }

    async fn expire(&self, area: Area, before_ms: i64) -> Result<u64, BlobError> {
        let folder = self.folder(area).to_owned();
        let before = UNIX_EPOCH + Duration::from_millis(u64::try_from(before_ms).unwrap_or_default());
        blocking("remove old files", move || {
            let mut removed = 0;
            expire_below(&folder, before, MAX_DEPTH, &mut removed)?;
            Ok(removed)
        })
        .await
    }
}

fn failed(attempt: &'static str, error: &io::Error) -> BlobError {
    BlobError { attempt, reason: error.to_string() }
}

async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let failed = |reason: String| BlobError { attempt, reason };
    spawn_blocking(work).await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

/// What is not there is no failure; neither is a path that goes through a file.
pub(crate) fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Under another name first: a reader, or a machine that loses power, never meets half a file.
pub(crate) fn write_whole(path: &Path, content: &mut dyn io::Read) -> io::Result<()> {
    let mut unfinished = Unfinished::begin(path.to_owned())?;
    io::copy(content, &mut unfinished.file)?;
    unfinished.finish()
}

/// A file under another name until it is whole: a reader, or a machine that loses power, never meets half of one. It is
/// gone when dropped before.
struct Unfinished {
    file: File,
    at: PathBuf,
    path: PathBuf,
}

impl Unfinished {
    fn begin(path: PathBuf) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = parent(&path);
        fs::create_dir_all(folder)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let at = folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
        let file = File::options().write(true).create_new(true).open(&at)?;
        Ok(Self { file, at, path })
    }

    fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.at, &self.path)?;
        sync_folder(parent(&self.path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = fs::remove_file(&self.at);
    }
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes `folder` and those above it while they are empty, up to the area's own.
fn remove_empty(area: &Path, mut folder: &Path) {
    while folder != area && folder.starts_with(area) && fs::remove_dir(folder).is_ok() {
        folder = parent(folder);
    }
}

fn expire_below(folder: &Path, before: SystemTime, depth: usize, removed: &mut u64) -> io::Result<()> {
    let Some(entries) = absent(fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            expire_below(&entry.path(), before, depth - 1, removed)?;
            // Only an empty one goes.
            let _ = fs::remove_dir(entry.path());
        } else if kind.is_file() && entry.metadata()?.modified()? < before {
            fs::remove_file(entry.path())?;
            *removed += 1;
        }
    }
    Ok(())
}
