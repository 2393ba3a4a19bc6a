//! Past sessions, recordings and artifacts in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use model::SessionId;
use ports::archive::{Archive, Artifact, Order, Page, PastSession, Recording, Scope, Slice};
use ports::store::{SessionRecord, StoreError};

#[derive(Default)]
pub(super) struct Shelf {
    pub(super) sessions: Mutex<Vec<SessionRecord>>,
    pub(super) recordings: Mutex<Vec<Recording>>,
    artifacts: Mutex<Vec<Artifact>>,
    pub(super) is_broken: Mutex<bool>,
}

impl Shelf {
    fn check(&self, attempt: &'static str) -> Result<(), StoreError> {
        if *self.is_broken.lock().unwrap() { Err(StoreError { attempt, reason: "broken".into() }) } else { Ok(()) }
    }
}

/// The page of those that `fits`; `all` is in order of insertion.
fn slice<T: Clone>(all: &[T], page: Page, fits: impl Fn(&T) -> bool) -> Slice<T> {
    let mut items: Vec<T> = all.iter().filter(|item| fits(item)).cloned().collect();
    if page.order == Order::NewestFirst {
        items.reverse();
    }
    let total = items.len().try_into().unwrap();
    let (from, limit) = (page.from.try_into().unwrap(), page.limit.try_into().unwrap());
    Slice { total, items: items.into_iter().skip(from).take(limit).collect() }
}

fn is_in(scope: &Scope, room: &model::RoomId, session: &SessionId) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Rooms(rooms) => rooms.contains(room),
        Scope::Session(only) => only == session,
    }
}

#[async_trait]
impl Archive for Shelf {
    async fn find_session(&self, session: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.check("find a session")?;
        Ok(self.sessions.lock().unwrap().iter().find(|row| row.session.session == *session).cloned())
    }

    async fn find_session_by_row(&self, row: u64) -> Result<Option<SessionRecord>, StoreError> {
        self.check("find a session")?;
        Ok(self.sessions.lock().unwrap().iter().find(|found| found.id == row).cloned())
    }

    async fn past_sessions(&self, scope: &Scope, page: Page) -> Result<Slice<PastSession>, StoreError> {
        self.check("list sessions")?;
        let sessions = self.sessions.lock().unwrap();
        let over = slice(&sessions, page, |row| {
            row.ended_at_ms.is_some() && is_in(scope, &row.session.room, &row.session.session)
        });
        let items = over.items.into_iter().map(|record| PastSession { record, analytics: None }).collect();
        Ok(Slice { total: over.total, items })
    }

    async fn add_recording(&self, recording: Recording) -> Result<(), StoreError> {
        self.recordings.lock().unwrap().push(recording);
        Ok(())
    }

    async fn find_recording(&self, record_id: &str) -> Result<Option<Recording>, StoreError> {
        self.check("find a recording")?;
        Ok(self.recordings.lock().unwrap().iter().find(|row| row.record_id == record_id).cloned())
    }

    async fn recordings(&self, scope: &Scope, page: Page) -> Result<Slice<Recording>, StoreError> {
        self.check("list recordings")?;
        Ok(slice(&self.recordings.lock().unwrap(), page, |row| is_in(scope, &row.room, &row.session)))
    }

    async fn set_recording_metadata(&self, record_id: &str, metadata: String) -> Result<bool, StoreError> {
        self.check("change a recording")?;
        let mut recordings = self.recordings.lock().unwrap();
        let found = recordings.iter_mut().find(|row| row.record_id == record_id);
        Ok(found.map(|row| row.metadata = metadata).is_some())
    }

    async fn remove_recording(&self, record_id: &str) -> Result<bool, StoreError> {
        self.check("remove a recording")?;
        let mut recordings = self.recordings.lock().unwrap();
        let before = recordings.len();
        recordings.retain(|row| row.record_id != record_id);
        Ok(recordings.len() < before)
    }

    async fn add_artifact(&self, artifact: Artifact) -> Result<(), StoreError> {
        self.artifacts.lock().unwrap().push(artifact);
        Ok(())
    }

    async fn find_artifact(&self, artifact_id: &str) -> Result<Option<Artifact>, StoreError> {
        self.check("find an artifact")?;
        Ok(self.artifacts.lock().unwrap().iter().find(|row| row.artifact_id == artifact_id).cloned())
    }

    async fn artifacts(&self, scope: &Scope, kind: Option<&str>, page: Page) -> Result<Slice<Artifact>, StoreError> {
        self.check("list artifacts")?;
        let fits = |row: &Artifact| is_in(scope, &row.room, &row.session) && kind.is_none_or(|kind| kind == row.kind);
        Ok(slice(&self.artifacts.lock().unwrap(), page, fits))
    }

    async fn remove_artifact(&self, artifact_id: &str) -> Result<bool, StoreError> {
        self.check("remove an artifact")?;
        let mut artifacts = self.artifacts.lock().unwrap();
        let before = artifacts.len();
        artifacts.retain(|row| row.artifact_id != artifact_id);
        Ok(artifacts.len() < before)
    }
}
