//! Past sessions, recordings and artifacts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{RoomId, SessionId};
use ports::archive::{
    Archive, Artifact, MAX_FILE_PATH, MAX_ID, MAX_KIND, MAX_METADATA, MAX_RECORDER, MAX_ROWS, Order, Page, PastSession,
    Recording, Scope, Slice,
};
use ports::store::{SessionRecord, StoreError};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, ModelTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::entity::{artifact, recording, session};
use crate::plan::{Shelving, Write};
use crate::writer::Answer;
use crate::{Store, fits, record, refuse};

/// The kind that past sessions name (http-api.md section 2.7).
const ANALYTICS: &str = "MEETING_ANALYTICS";

#[async_trait]
impl Archive for Store {
    async fn find_session(&self, session: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.find_record(session::Entity::find().filter(session::Column::Sid.eq(session.as_str()))).await
    }

    async fn find_session_by_row(&self, row: u64) -> Result<Option<SessionRecord>, StoreError> {
        let Ok(id) = i64::try_from(row) else { return Ok(None) };
        self.find_record(session::Entity::find_by_id(id)).await
    }

    async fn past_sessions(&self, scope: &Scope, page: Page) -> Result<Slice<PastSession>, StoreError> {
        const ATTEMPT: &str = "list past sessions";
        let past = session::Entity::find().filter(session::Column::IsRunning.eq(false));
        let slice = self.slice(ATTEMPT, past, COLUMNS_OF_SESSIONS, scope, page).await?;
        let sids: Vec<_> = slice.items.iter().map(|row| row.sid.as_str()).collect();
        let mut analytics = self.first_analytics(&sids).await.map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        let items = slice.items.into_iter().map(|row| {
            let analytics = analytics.remove(&row.sid);
            let record = record(row).map_err(|reason| refuse(ATTEMPT, reason))?;
            Ok(PastSession { record, analytics })
        });
        Ok(Slice { total: slice.total, items: items.collect::<Result<_, StoreError>>()? })
    }

    async fn add_recording(&self, recording: Recording) -> Result<(), StoreError> {
        const ATTEMPT: &str = "add a recording";
        check_recording(&recording).map_err(|reason| refuse(ATTEMPT, reason))?;
        self.shelve(ATTEMPT, Shelving::AddRecording(recording)).await.map(drop)
    }

    async fn find_recording(&self, record_id: &str) -> Result<Option<Recording>, StoreError> {
        const ATTEMPT: &str = "find a recording";
        if check_id(record_id).is_err() {
            return Ok(None);
        }
        let row = recording::Entity::find()
            .filter(recording::Column::RecordId.eq(record_id))
            .one(&self.readers)
            .await
            .map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        row.map(read_recording).transpose().map_err(|reason| refuse(ATTEMPT, reason))
    }

    async fn recordings(&self, scope: &Scope, page: Page) -> Result<Slice<Recording>, StoreError> {
        const ATTEMPT: &str = "list recordings";
        let slice = self.slice(ATTEMPT, recording::Entity::find(), COLUMNS_OF_RECORDINGS, scope, page).await?;
        read_all(ATTEMPT, slice, read_recording)
    }

    async fn set_recording_metadata(&self, record_id: &str, metadata: String) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "change a recording";
        fits("metadata", &metadata, MAX_METADATA).map_err(|reason| refuse(ATTEMPT, reason))?;
        if check_id(record_id).is_err() {
            return Ok(false);
        }
        self.shelve(ATTEMPT, Shelving::SetRecordingMetadata { record_id: record_id.to_owned(), metadata }).await
    }

    async fn remove_recording(&self, record_id: &str) -> Result<bool, StoreError> {
        if check_id(record_id).is_err() {
            return Ok(false);
        }
        self.shelve("remove a recording", Shelving::RemoveRecording { record_id: record_id.to_owned() }).await
    }

    async fn add_artifact(&self, artifact: Artifact) -> Result<(), StoreError> {
        const ATTEMPT: &str = "add an artifact";
        check_artifact(&artifact).map_err(|reason| refuse(ATTEMPT, reason))?;
        self.shelve(ATTEMPT, Shelving::AddArtifact(artifact)).await.map(drop)
    }

    async fn find_artifact(&self, artifact_id: &str) -> Result<Option<Artifact>, StoreError> {
        const ATTEMPT: &str = "find an artifact";
        if check_id(artifact_id).is_err() {
            return Ok(None);
        }
        let row = artifact::Entity::find()
            .filter(artifact::Column::ArtifactId.eq(artifact_id))
            .one(&self.readers)
            .await
            .map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        row.map(read_artifact).transpose().map_err(|reason| refuse(ATTEMPT, reason))
    }

    async fn artifacts(&self, scope: &Scope, kind: Option<&str>, page: Page) -> Result<Slice<Artifact>, StoreError> {
        const ATTEMPT: &str = "list artifacts";
        let mut query = artifact::Entity::find();
        if let Some(kind) = kind {
            fits("kind", kind, MAX_KIND).map_err(|reason| refuse(ATTEMPT, reason))?;
            query = query.filter(artifact::Column::Kind.eq(kind));
        }
        let slice = self.slice(ATTEMPT, query, COLUMNS_OF_ARTIFACTS, scope, page).await?;
        read_all(ATTEMPT, slice, read_artifact)
    }

    async fn remove_artifact(&self, artifact_id: &str) -> Result<bool, StoreError> {
        if check_id(artifact_id).is_err() {
            return Ok(false);
        }
        self.shelve("remove an artifact", Shelving::RemoveArtifact { artifact_id: artifact_id.to_owned() }).await
    }
}

/// What every list is ordered and narrowed by.
struct Columns<C> {
    id: C,
    room: C,
    session: C,
}

const COLUMNS_OF_SESSIONS: Columns<session::Column> =
    Columns { id: session::Column::Id, room: session::Column::RoomId, session: session::Column::Sid };
const COLUMNS_OF_RECORDINGS: Columns<recording::Column> =
    Columns { id: recording::Column::Id, room: recording::Column::RoomId, session: recording::Column::Sid };
const COLUMNS_OF_ARTIFACTS: Columns<artifact::Column> =
    Columns { id: artifact::Column::Id, room: artifact::Column::RoomId, session: artifact::Column::Sid };

impl Store {
    /// Whether there was a row to change.
    pub(crate) async fn shelve(&self, attempt: &'static str, shelving: Shelving) -> Result<bool, StoreError> {
        let answer = self.write(attempt, Write::Shelve(shelving)).await?;
        Ok(matches!(answer, Answer::Count(count) if count > 0))
    }

    async fn find_record(&self, query: Select<session::Entity>) -> Result<Option<SessionRecord>, StoreError> {
        const ATTEMPT: &str = "find a session";
        let row = query.one(&self.readers).await.map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        row.map(record).transpose().map_err(|reason| refuse(ATTEMPT, reason))
    }

    async fn slice<E>(
        &self,
        attempt: &'static str,
        query: Select<E>,
        columns: Columns<E::Column>,
        scope: &Scope,
        page: Page,
    ) -> Result<Slice<E::Model>, StoreError>
    where
        E: EntityTrait,
        E::Model: FromQueryResult + ModelTrait,
    {
        let query = match scope {
            Scope::Everything => query,
            Scope::Rooms(rooms) if rooms.is_empty() => return Ok(Slice { total: 0, items: Vec::new() }),
            Scope::Rooms(rooms) if rooms.len() > MAX_ROWS => {
                return Err(refuse(attempt, format!("{} rooms at once, at most {MAX_ROWS} are allowed", rooms.len())));
            }
            Scope::Rooms(rooms) => query.filter(columns.room.is_in(rooms.iter().map(RoomId::as_str))),
            Scope::Session(session) => query.filter(columns.session.eq(session.as_str())),
        };
        let read = async {
            let total = query.clone().select_only().column_as(columns.id.count(), "total").into_tuple::<i64>();
            let total = u64::try_from(total.one(&self.readers).await?.unwrap_or_default()).unwrap_or_default();
            let limit = page.limit.min(MAX_ROWS as u64);
            if limit == 0 || page.from >= total {
                return Ok(Slice { total, items: Vec::new() });
            }
            let query = match page.order {
                Order::OldestFirst => query.order_by_asc(columns.id),
                Order::NewestFirst => query.order_by_desc(columns.id),
            };
            let items = query.offset(page.from).limit(limit).all(&self.readers).await?;
            Ok(Slice { total, items })
        };
        read.await.map_err(|error: DbErr| refuse(attempt, error.to_string()))
    }

    /// Of each session that left any, the first analytics.
    async fn first_analytics(&self, sids: &[&str]) -> Result<BTreeMap<String, String>, DbErr> {
        let mut first = BTreeMap::new();
        if sids.is_empty() {
            return Ok(first);
        }
        let found: Vec<(String, String)> = artifact::Entity::find()
            .select_only()
            .columns([artifact::Column::Sid, artifact::Column::ArtifactId])
            .filter(artifact::Column::Sid.is_in(sids.iter().copied()))
            .filter(artifact::Column::Kind.eq(ANALYTICS))
            .order_by_asc(artifact::Column::Id)
            .into_tuple()
            .all(&self.readers)
            .await?;
        for (sid, artifact) in found {
            first.entry(sid).or_insert(artifact);
        }
        Ok(first)
    }
}

fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("the id is empty".to_owned());
    }
    fits("id", id, MAX_ID)
}

fn check_recording(recording: &Recording) -> Result<(), String> {
    check_id(&recording.record_id)?;
    fits("name of the recorder", &recording.recorder_id, MAX_RECORDER)?;
    fits("file path", &recording.file_path, MAX_FILE_PATH)?;
    fits("metadata", &recording.metadata, MAX_METADATA)?;
    if recording.megabytes.is_finite() { Ok(()) } else { Err("the size is no number".to_owned()) }
}

fn check_artifact(artifact: &Artifact) -> Result<(), String> {
    check_id(&artifact.artifact_id)?;
    fits("kind", &artifact.kind, MAX_KIND)?;
    fits("metadata", &artifact.metadata, MAX_METADATA)
}

fn read_all<R, T>(
    attempt: &'static str,
    slice: Slice<R>,
    read: impl Fn(R) -> Result<T, String>,
) -> Result<Slice<T>, StoreError> {
    let items = slice.items.into_iter().map(|row| read(row).map_err(|reason| refuse(attempt, reason)));
    Ok(Slice { total: slice.total, items: items.collect::<Result<_, _>>()? })
}

fn read_recording(row: recording::Model) -> Result<Recording, String> {
    let unreadable = |what: &str| format!("recording {} holds an unreadable {what}", row.id);
    Ok(Recording {
        room: RoomId::try_from(row.room_id.as_str()).map_err(|_| unreadable("room id"))?,
        session: SessionId::try_from(row.sid.as_str()).map_err(|_| unreadable("session id"))?,
        record_id: row.record_id,
        recorder_id: row.recorder_id,
        file_path: row.file_path,
        megabytes: row.megabytes,
        metadata: row.metadata,
        created_at_ms: row.created,
        room_created_at_ms: row.room_created,
    })
}

fn read_artifact(row: artifact::Model) -> Result<Artifact, String> {
    let unreadable = |what: &str| format!("artifact {} holds an unreadable {what}", row.id);
    Ok(Artifact {
        room: RoomId::try_from(row.room_id.as_str()).map_err(|_| unreadable("room id"))?,
        session: SessionId::try_from(row.sid.as_str()).map_err(|_| unreadable("session id"))?,
        artifact_id: row.artifact_id,
        kind: row.kind,
        metadata: row.metadata,
        created_at_ms: row.created,
    })
}
