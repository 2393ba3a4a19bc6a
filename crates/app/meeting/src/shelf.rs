//! What sessions left behind: past sessions, recordings and artifacts, and the tokens that open their files.

mod refusals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{RoomId, SessionId};
use ports::archive::{Archive, Artifact, MAX_METADATA, Page, PastSession, Recording, Scope, Slice};
use ports::blobs::{Area, Blobs, Key, Reader};
use ports::store::{SessionRecord, StoreError};
use tokio::sync::Mutex;
use tracing::warn;
use wire::pnm::{self, RoomArtifactType};
use wire::token::ApiKey;

use crate::actor::now;

pub use refusals::{ArtifactRefusal, EditRefusal, MergeRefusal, OpenRefusal, ShelfError};

/// How often files that were deleted long enough ago are looked for (http-api.md section 8.4).
const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);

/// Kinds of artifacts that are files people may fetch and delete (http-api.md section 9.2).
const WITH_FILE: [RoomArtifactType; 3] =
    [RoomArtifactType::MeetingAnalytics, RoomArtifactType::MeetingSummary, RoomArtifactType::SpeechTranscription];

/// How files are kept and handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfRules {
    /// How long a deleted recording can be got back; `None` deletes it at once.
    pub keep_deleted_recordings: Option<Duration>,
    /// The same for artifacts.
    pub keep_deleted_artifacts: Option<Duration>,
    /// Life of a token that opens a recording.
    pub recording_token: Duration,
    /// Life of a token that opens an artifact.
    pub artifact_token: Duration,
}

impl Default for ShelfRules {
    /// http-api.md section 10; the reference has no default for recordings, the sample's half an hour is it.
    fn default() -> Self {
        Self {
            keep_deleted_recordings: None,
            keep_deleted_artifacts: Some(Duration::from_secs(72 * 3600)),
            recording_token: Duration::from_secs(30 * 60),
            artifact_token: Duration::from_secs(10 * 60),
        }
    }
}

/// The use cases around what is left. Cheap to clone.
#[derive(Clone)]
pub struct Shelf(Arc<Inner>);

struct Inner {
    archive: Arc<dyn Archive>,
    blobs: Arc<dyn Blobs>,
    key: ApiKey,
    rules: ShelfRules,
    /// One change of metadata at a time: it reads, changes and writes.
    editing: Mutex<()>,
}

/// A file that a token opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    /// Where it lies.
    pub area: Area,
    /// Its path there.
    pub key: Key,
    /// In bytes.
    pub length: u64,
}

impl Shelf {
    /// Puts the use cases on top of records and files. `key` signs download tokens.
    pub fn new(archive: Arc<dyn Archive>, blobs: Arc<dyn Blobs>, key: ApiKey, rules: ShelfRules) -> Self {
        Self(Arc::new(Inner { archive, blobs, key, rules, editing: Mutex::new(()) }))
    }

    /// Removes what was deleted long enough ago, now and every hour, for as long as it is polled.
    pub async fn keep_tidy(self) {
        let mut tick = tokio::time::interval(EXPIRY_INTERVAL);
        loop {
            tick.tick().await;
            self.expire(now().unix_ms).await;
        }
    }

    async fn expire(&self, now_ms: i64) {
        let rules = &self.0.rules;
        for (area, keep) in [
            (Area::RecordingsTrash, rules.keep_deleted_recordings),
            (Area::ArtifactsTrash, rules.keep_deleted_artifacts),
        ] {
            // Where nothing is kept nothing is put, and what lies there is somebody else's.
            let Some(keep) = keep else { continue };
            let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
            if let Err(error) = self.0.blobs.expire(area, now_ms.saturating_sub(keep_ms)).await {
                warn!(%error, "deleted files could not be removed for good");
            }
        }
    }

    /// Sessions of these rooms that are over; of all rooms if none is named.
    pub async fn past_rooms(&self, rooms: &[String], page: Page) -> Result<Slice<PastSession>, ShelfError> {
        Ok(self.0.archive.past_sessions(&scope(rooms), page).await?)
    }

    /// Recordings of a session, else of these rooms, else all.
    pub async fn recordings(
        &self,
        rooms: &[String],
        session: Option<&str>,
        page: Page,
    ) -> Result<Slice<Recording>, ShelfError> {
        Ok(self.0.archive.recordings(&narrowed(rooms, session), page).await?)
    }

    /// Recordings in scope.
    pub async fn recordings_in(&self, scope: &Scope, page: Page) -> Result<Slice<Recording>, ShelfError> {
        Ok(self.0.archive.recordings(scope, page).await?)
    }

    /// A session, running or over.
    pub async fn session(&self, session: &SessionId) -> Result<Option<SessionRecord>, ShelfError> {
        Ok(self.0.archive.find_session(session).await?)
    }

    /// A recording and the session it was made in, if that is still known.
    pub async fn recording(&self, id: &str) -> Result<Option<(Recording, Option<SessionRecord>)>, ShelfError> {
        let Some(recording) = self.0.archive.find_recording(id).await? else { return Ok(None) };
        let session = self.0.archive.find_session(&recording.session).await?;
        Ok(Some((recording, session)))
    }

    /// Adds a recording that a recorder finished.
    pub async fn add_recording(&self, recording: Recording) -> Result<(), ShelfError> {
        Ok(self.0.archive.add_recording(recording).await?)
    }

    /// Writes the file that tells about a recording beside it (http-api.md section 9.4).
    pub async fn describe_recording(&self, file_path: &str, about: &pnm::RecordingInfoFile) -> Result<(), ShelfError> {
        let Some(side) = Key::try_from(file_path).ok().and_then(|key| key.beside(SIDE_FILE)) else { return Ok(()) };
        Ok(self.0.blobs.put(Area::Recordings, &side, wire::json::encode(about).into()).await?)
    }

    /// Changes a recording's metadata: what is not named stays, what is empty goes (http-api.md section 3.1).
    pub async fn edit_recording(&self, id: &str, patch: Option<pnm::RecordingMetadata>) -> Result<(), EditRefusal> {
        let _turn = self.0.editing.lock().await;
        let failed = |error: StoreError| EditRefusal::Failed(error.into());
        let recording = self.0.archive.find_recording(id).await.map_err(failed)?.ok_or(EditRefusal::NotFound)?;
        let Some(patch) = patch else { return Ok(()) };
        let before = recording_metadata(&recording).unwrap_or_default();
        let after = patched(before.clone(), patch);
        let most = wire::validate::MAX_ENTRIES;
        if after.subtitles.len() > most || after.extra_data.len() > most {
            return Err(EditRefusal::TooMany(most));
        }
        if after == before {
            return Ok(());
        }
        let text = wire::json::encode(&after);
        if text.len() > MAX_METADATA {
            return Err(EditRefusal::TooLong(MAX_METADATA));
        }
        self.0.archive.set_recording_metadata(id, text).await.map_err(failed)?;
        Ok(())
    }

    /// Deletes a recording with its files. Whether there was one; a missing file does not matter.
    pub async fn delete_recording(&self, id: &str) -> Result<bool, ShelfError> {
        let Some(recording) = self.0.archive.find_recording(id).await? else { return Ok(false) };
        // The files first: if that breaks off, the row is still there to try again with.
        if let Ok(key) = Key::try_from(recording.file_path.as_str()) {
            let trash = self.0.rules.keep_deleted_recordings.map(|_| Area::RecordingsTrash);
            for key in [key.beside(SIDE_FILE), Some(key)].into_iter().flatten() {
                self.discard(Area::Recordings, trash, &key).await?;
            }
        }
        Ok(self.0.archive.remove_recording(id).await?)
    }

    async fn discard(&self, area: Area, trash: Option<Area>, key: &Key) -> Result<(), ShelfError> {
        match trash {
            Some(trash) => self.0.blobs.shift(area, trash, key).await?,
            None => self.0.blobs.remove(area, key).await?,
        };
        Ok(())
    }

    /// A token that opens a recording's file for a while; `None` if there is no such recording.
    pub async fn recording_token(&self, id: &str) -> Result<Option<String>, ShelfError> {
        Ok(self.0.archive.find_recording(id).await?.map(|recording| self.opener(&recording)))
    }

    /// A token that opens this recording's file for a while.
    pub fn opener(&self, recording: &Recording) -> String {
        self.token(&recording.file_path, self.0.rules.recording_token)
    }

    fn token(&self, path: &str, validity: Duration) -> String {
        let seconds = i64::try_from(validity.as_secs()).unwrap_or(i64::MAX);
        wire::token::mint_download(&self.0.key, path, now().unix_ms / 1000, seconds)
    }

    /// Checks a wish to merge recordings. Nobody can carry it out yet, so a wish without fault is refused as well.
    pub async fn merge(&self, request: &pnm::MergeRecordingsReq) -> Result<(), MergeRefusal> {
        use pnm::merge_recordings_req::MergeScope;
        match &request.merge_scope {
            None => Err(MergeRefusal::TooFew),
            Some(MergeScope::BySession(wish)) => self.check_session(wish).await,
            Some(MergeScope::ByIds(wish)) => self.check_ids(wish).await,
        }?;
        Err(MergeRefusal::NoRecorder)
    }

    async fn check_session(&self, wish: &pnm::MergeRecordingsByRoomSession) -> Result<(), MergeRefusal> {
        let failed = |error: StoreError| MergeRefusal::Failed(error.into());
        let session = SessionId::try_from(wish.room_sid.as_str()).map_err(|_| MergeRefusal::NoRoom)?;
        self.0.archive.find_session(&session).await.map_err(failed)?.ok_or(MergeRefusal::NoRoom)?;
        let page = Page { from: 0, limit: MOST_MERGED, order: ports::archive::Order::OldestFirst };
        let found = self.0.archive.recordings(&Scope::Session(session), page).await.map_err(failed)?;
        if found.total == 0 {
            return Err(MergeRefusal::NoRecording);
        }
        let excluded = &wish.exclude_recording_ids;
        if found.items.iter().filter(|recording| !excluded.contains(&recording.record_id)).count() < 2 {
            return Err(MergeRefusal::TooFew);
        }
        Ok(())
    }

    async fn check_ids(&self, wish: &pnm::MergeRecordingsByIds) -> Result<(), MergeRefusal> {
        for id in &wish.recording_ids {
            let found = self.0.archive.find_recording(id).await.map_err(ShelfError::from)?;
            if found.is_none_or(|recording| recording.room.as_str() != wish.room_id) {
                return Err(MergeRefusal::Mismatch);
            }
        }
        Ok(())
    }

    /// Artifacts of a session, else of these rooms, else all; of one kind if one is named.
    pub async fn artifacts(
        &self,
        rooms: &[String],
        session: Option<&str>,
        kind: Option<&str>,
        page: Page,
    ) -> Result<Slice<Artifact>, ShelfError> {
        Ok(self.0.archive.artifacts(&narrowed(rooms, session), kind, page).await?)
    }

    /// An artifact and the session it belongs to, if that is still known.
    pub async fn artifact(&self, id: &str) -> Result<Option<(Artifact, Option<SessionRecord>)>, ShelfError> {
        let Some(artifact) = self.0.archive.find_artifact(id).await? else { return Ok(None) };
        let session = self.0.archive.find_session(&artifact.session).await?;
        Ok(Some((artifact, session)))
    }

    /// Adds an artifact; `file` is written to the path its metadata names, before the row. The row of one that is there
    /// stays as it is, so that whoever is not sure may add it again.
    pub async fn add_artifact(&self, artifact: Artifact, file: Option<bytes::Bytes>) -> Result<(), ShelfError> {
        if let (Some(file), Some(key)) = (file, file_of(&artifact)) {
            self.0.blobs.put(Area::Artifacts, &key, file).await?;
        }
        if self.0.archive.find_artifact(&artifact.artifact_id).await?.is_some() {
            return Ok(());
        }
        Ok(self.0.archive.add_artifact(artifact).await?)
    }

    /// Deletes an artifact with its file.
    pub async fn delete_artifact(&self, id: &str) -> Result<(), ArtifactRefusal> {
        let artifact = self.with_file(id).await?.map_err(ArtifactRefusal::NotDeletable)?;
        if let Some(key) = file_of(&artifact) {
            let trash = self.0.rules.keep_deleted_artifacts.map(|_| Area::ArtifactsTrash);
            if let Err(error) = self.discard(Area::Artifacts, trash, &key).await {
                warn!(%error, artifact.id = id, "the file of a deleted artifact stays");
            }
        }
        self.0.archive.remove_artifact(id).await.map_err(ShelfError::from)?;
        Ok(())
    }

    /// A token that opens an artifact's file for a while.
    pub async fn artifact_token(&self, id: &str) -> Result<String, ArtifactRefusal> {
        let artifact = self.with_file(id).await?.map_err(ArtifactRefusal::NotDownloadable)?;
        let key = file_of(&artifact).ok_or(ArtifactRefusal::NoFile)?;
        Ok(self.token(key.as_str(), self.0.rules.artifact_token))
    }

    /// An artifact of a kind that has files; the inner error is the name of another kind.
    async fn with_file(&self, id: &str) -> Result<Result<Artifact, String>, ArtifactRefusal> {
        let found = self.0.archive.find_artifact(id).await.map_err(ShelfError::from)?;
        let artifact = found.ok_or(ArtifactRefusal::NotFound)?;
        let allowed = WITH_FILE.iter().any(|kind| kind.as_str_name() == artifact.kind);
        Ok(if allowed { Ok(artifact) } else { Err(artifact.kind) })
    }

    /// What a download token opens, in the area of the route it was shown at.
    pub async fn open(&self, area: Area, token: &str) -> Result<OpenFile, OpenRefusal> {
        let path =
            wire::token::verify_download(&self.0.key, token, now().unix_ms / 1000).map_err(OpenRefusal::Token)?;
        let key = Key::try_from(path.as_str()).map_err(OpenRefusal::Path)?;
        let length = self.0.blobs.length(area, &key).await.map_err(ShelfError::from)?.ok_or(OpenRefusal::NotFound)?;
        Ok(OpenFile { area, key, length })
    }

    /// Part of an open file, `None` if it has gone meanwhile.
    pub async fn read(&self, file: &OpenFile, start: u64, length: u64) -> Result<Option<Reader>, ShelfError> {
        Ok(self.0.blobs.read(file.area, &file.key, start, length).await?)
    }

    /// A session by the row id recorders know it by.
    pub async fn session_by_row(&self, row: u64) -> Result<Option<SessionRecord>, ShelfError> {
        Ok(self.0.archive.find_session_by_row(row).await?)
    }
}

/// What is added to the name of a recording for the file that tells about it.
const SIDE_FILE: &str = ".json";

/// More recordings than that are not looked at for a merge.
const MOST_MERGED: u64 = 1000;

/// A recording's metadata, `None` if it has none or it cannot be read.
pub fn recording_metadata(recording: &Recording) -> Option<pnm::RecordingMetadata> {
    wire::json::decode(recording.metadata.as_bytes()).ok()
}

/// An artifact's metadata, `None` if it cannot be read.
pub fn artifact_metadata(artifact: &Artifact) -> Option<pnm::RoomArtifactMetadata> {
    wire::json::decode(artifact.metadata.as_bytes()).ok()
}

fn file_of(artifact: &Artifact) -> Option<Key> {
    Key::try_from(artifact_metadata(artifact)?.file_info?.file_path.as_str()).ok()
}

/// What is no room id names no room.
fn scope(rooms: &[String]) -> Scope {
    if rooms.is_empty() {
        return Scope::Everything;
    }
    Scope::Rooms(rooms.iter().filter_map(|room| RoomId::try_from(room.as_str()).ok()).collect())
}

/// A session that is named wins over rooms; what is no session id names no session.
fn narrowed(rooms: &[String], session: Option<&str>) -> Scope {
    match session.map(SessionId::try_from) {
        Some(Ok(session)) => Scope::Session(session),
        Some(Err(_)) => Scope::Rooms(Vec::new()),
        None => scope(rooms),
    }
}

fn patched(mut metadata: pnm::RecordingMetadata, patch: pnm::RecordingMetadata) -> pnm::RecordingMetadata {
    fn text(old: &mut Option<String>, new: Option<String>) {
        if let Some(new) = new {
            *old = Some(new).filter(|text| !text.is_empty());
        }
    }
    fn entries<V>(old: &mut BTreeMap<String, V>, new: BTreeMap<String, V>, removes: impl Fn(&V) -> bool) {
        for (key, value) in new {
            if removes(&value) {
                old.remove(&key);
            } else {
                old.insert(key, value);
            }
        }
    }
    text(&mut metadata.title, patch.title);
    text(&mut metadata.description, patch.description);
    entries(&mut metadata.subtitles, patch.subtitles, |subtitle| subtitle.label.is_empty() || subtitle.url.is_empty());
    entries(&mut metadata.extra_data, patch.extra_data, String::is_empty);
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_keeps_what_it_does_not_name_and_removes_what_it_empties() {
        let before: pnm::RecordingMetadata = wire::json::decode(
            br#"{"title":"T","description":"D","subtitles":{"en":{"label":"English","url":"https://x/en.vtt"},
                "de":{"label":"Deutsch","url":"https://x/de.vtt"}},"extra_data":{"a":"1","b":"2"}}"#,
        )
        .unwrap();
        let patch = wire::json::decode(
            br#"{"description":"","subtitles":{"en":{"label":"","url":"https://x/en.vtt"},
                "fr":{"label":"F","url":"https://x/fr.vtt"}},"extra_data":{"a":"","b":"3","c":"4"}}"#,
        )
        .unwrap();

        let after = patched(before, patch);

        let expected: pnm::RecordingMetadata = wire::json::decode(
            br#"{"title":"T","subtitles":{"de":{"label":"Deutsch","url":"https://x/de.vtt"},
                "fr":{"label":"F","url":"https://x/fr.vtt"}},"extra_data":{"b":"3","c":"4"}}"#,
        )
        .unwrap();
        assert_eq!(after, expected);
    }

    #[test]
    fn a_session_wins_over_rooms_and_what_is_no_id_names_nothing() {
        let room = |id: &str| RoomId::try_from(id).unwrap();
        let rooms = ["r".to_owned(), "no id".to_owned()];

        assert_eq!(narrowed(&[], None), Scope::Everything);
        assert_eq!(narrowed(&rooms, None), Scope::Rooms(vec![room("r")]));
        assert_eq!(narrowed(&rooms[1..], None), Scope::Rooms(Vec::new()));
        assert_eq!(narrowed(&rooms, Some("s")), Scope::Session(SessionId::try_from("s").unwrap()));
        assert_eq!(narrowed(&rooms, Some("")), Scope::Rooms(Vec::new()));
    }
}
