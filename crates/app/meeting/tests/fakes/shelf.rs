//! Artifacts and their files in memory, which can be made to fail.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use model::SessionId;
use ports::archive::{Archive, Artifact, Page, PastSession, Recording, Scope, Slice};
use ports::blobs::{Area, BlobError, Blobs, Key, Pieces, Reader, Received};
use ports::store::{SessionRecord, StoreError};

#[derive(Default)]
pub(crate) struct MemoryShelf {
    pub(crate) artifacts: Mutex<Vec<Artifact>>,
    pub(crate) files: Mutex<BTreeMap<String, Bytes>>,
    pub(crate) rows_fail: AtomicBool,
    pub(crate) files_fail: AtomicBool,
    /// How often something failed.
    pub(crate) failures: AtomicUsize,
}

impl MemoryShelf {
    fn check_rows(&self, attempt: &'static str) -> Result<(), StoreError> {
        if !self.rows_fail.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.failures.fetch_add(1, Ordering::SeqCst);
        Err(StoreError { attempt, reason: "out of order".into() })
    }

    fn check_files(&self, attempt: &'static str) -> Result<(), BlobError> {
        if !self.files_fail.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.failures.fetch_add(1, Ordering::SeqCst);
        Err(BlobError { attempt, reason: "out of order".into() })
    }
}

/// Recordings and past sessions are not what these tests are about.
#[async_trait]
impl Archive for MemoryShelf {
    async fn find_session(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn find_session_by_row(&self, _: u64) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn past_sessions(&self, _: &Scope, _: Page) -> Result<Slice<PastSession>, StoreError> {
        Ok(Slice { total: 0, items: Vec::new() })
    }

    async fn add_recording(&self, _: Recording) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find_recording(&self, _: &str) -> Result<Option<Recording>, StoreError> {
        Ok(None)
    }

    async fn recordings(&self, _: &Scope, _: Page) -> Result<Slice<Recording>, StoreError> {
        Ok(Slice { total: 0, items: Vec::new() })
    }

    async fn set_recording_metadata(&self, _: &str, _: String) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn remove_recording(&self, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn add_artifact(&self, artifact: Artifact) -> Result<(), StoreError> {
        self.check_rows("add an artifact")?;
        let mut artifacts = self.artifacts.lock().unwrap();
        assert!(artifacts.iter().all(|row| row.artifact_id != artifact.artifact_id), "an id is taken once");
        artifacts.push(artifact);
        Ok(())
    }

    async fn find_artifact(&self, id: &str) -> Result<Option<Artifact>, StoreError> {
        self.check_rows("find an artifact")?;
        Ok(self.artifacts.lock().unwrap().iter().find(|row| row.artifact_id == id).cloned())
    }

    async fn artifacts(&self, _: &Scope, _: Option<&str>, _: Page) -> Result<Slice<Artifact>, StoreError> {
        let items = self.artifacts.lock().unwrap().clone();
        Ok(Slice { total: items.len() as u64, items })
    }

    async fn remove_artifact(&self, id: &str) -> Result<bool, StoreError> {
        let mut artifacts = self.artifacts.lock().unwrap();
        let before = artifacts.len();
        artifacts.retain(|row| row.artifact_id != id);
        Ok(artifacts.len() < before)
    }
}

#[async_trait]
impl Blobs for MemoryShelf {
    async fn length(&self, _: Area, key: &Key) -> Result<Option<u64>, BlobError> {
        Ok(self.files.lock().unwrap().get(key.as_str()).map(|file| file.len() as u64))
    }

    async fn read(&self, _: Area, key: &Key, _: u64, _: u64) -> Result<Option<Reader>, BlobError> {
        let file = self.files.lock().unwrap().get(key.as_str()).cloned();
        Ok(file.map(|file| Box::new(std::io::Cursor::new(file)) as Reader))
    }

    async fn put(&self, area: Area, key: &Key, content: Bytes) -> Result<(), BlobError> {
        self.check_files("write a file")?;
        assert_eq!(area, Area::Artifacts);
        self.files.lock().unwrap().insert(key.as_str().to_owned(), content);
        Ok(())
    }

    async fn receive(&self, _: Area, _: &Key, _: Pieces<'_>, _: u64) -> Result<Received, BlobError> {
        unreachable!("sessions leave whole files behind")
    }

    async fn join(&self, _: Area, _: &[Key], _: Area, _: &Key) -> Result<Option<u64>, BlobError> {
        unreachable!("sessions leave whole files behind")
    }

    async fn remove_folder(&self, _: Area, _: &Key) -> Result<(), BlobError> {
        unreachable!("sessions leave no folders behind")
    }

    async fn shift(&self, _: Area, _: Area, _: &Key) -> Result<bool, BlobError> {
        Ok(false)
    }

    async fn remove(&self, _: Area, key: &Key) -> Result<bool, BlobError> {
        Ok(self.files.lock().unwrap().remove(key.as_str()).is_some())
    }

    async fn expire(&self, _: Area, _: i64) -> Result<u64, BlobError> {
        Ok(0)
    }
}
