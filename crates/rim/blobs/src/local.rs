//! Keys are paths below an area's folder. They cannot lead out of it ([`Key`]), and what is inside belongs to the
//! operator and to recorders, not to users.

use std::fs::{self, File, FileTimes};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use ports::blobs::{Area, BlobError, Blobs, Key, Reader};
use tokio::io::AsyncReadExt as _;
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
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let folder = parent(path);
    fs::create_dir_all(folder)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).open(&unfinished)?;
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = content.read(&mut piece)?;
            if length == 0 {
                break;
            }
            file.write_all(&piece[..length])?;
        }
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_folder(folder)
    })();
    if written.is_err() {
        // The first error is the one worth telling.
        let _ = fs::remove_file(&unfinished);
    }
    written
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
