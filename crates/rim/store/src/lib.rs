//! Records and live state in an SQL database.
//!
//! The application sees the traits of `ports` only. Tables and statements are written once for every engine:
//! SQLite in a file of the data folder, or PostgreSQL or MariaDB on a server. All writes pass through one task that makes
//! many of them durable at once (`writer`); reads go their own way and never wait for it.

mod apply;
mod archive;
mod entity;
mod inspect;
mod migration;
mod outbox;
mod plan;
mod presence;
mod reference;
mod server;
mod sqlite;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::outbox::Notice;
use ports::store::{NewSession, Records, SessionRecord, State, StateEntry, StateWrite, StoreError};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::{mpsc, oneshot};

pub use crate::inspect::{Inspection, OutboxLine, Schema, inspect_file, inspect_server};
pub use crate::reference::{Reference, ReferenceArtifact, ReferenceRecording, ReferenceSession};
pub use crate::server::{Driver, Server, Tls};

use crate::entity::{live_state, session};
use crate::plan::{Shelving, Write};
use crate::writer::{Answer, Letter, QUEUE_LENGTH, Writer};

/// Longest key of live state, in bytes.
pub const MAX_KEY_LENGTH: usize = 160;

/// Longest value of live state, in bytes.
pub const MAX_VALUE_LENGTH: usize = 16 << 20;

/// Most changes in one `State::commit`.
pub const MAX_WRITES: usize = 10_000;

/// Most bytes, keys and values, in one `State::commit`.
pub const MAX_COMMIT_LENGTH: usize = 64 << 20;

/// Longest title or webhook address, in characters (register D-38 of the HTTP reference).
pub const MAX_TEXT_LENGTH: usize = 255;

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open and did not let go within a few seconds.
    #[error("the database {database} is in use by another server")]
    InUse {
        /// Which one.
        database: String,
    },
    /// The file or its folder cannot be created, read or locked.
    #[error("could not prepare {}", path.display())]
    File {
        /// What was touched.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// It is not a database, is damaged, cannot be reached, or the engine refuses it.
    #[error("could not open the database {database}")]
    Database {
        /// Which one.
        database: String,
        /// The engine's answer.
        #[source]
        source: DbErr,
    },
    /// It is set up in a way that cannot work.
    #[error("the database {database} cannot be used: {reason}")]
    Unusable {
        /// Which one.
        database: String,
        /// What to change.
        reason: String,
    },
    /// Its tables could not be brought up to date, for instance because a newer version wrote them.
    #[error("could not bring the database {database} up to date")]
    Migrate {
        /// Which one.
        database: String,
        /// The engine's answer.
        #[source]
        source: DbErr,
    },
}

/// Records and journal of one server. Clones share one queue and one writer.
#[derive(Clone)]
pub struct Store {
    queue: mpsc::Sender<Letter>,
    readers: DatabaseConnection,
}

impl Store {
    /// Opens the database file, creating it (mode 0600) and its folder (mode 0700) if need be, and brings its tables up
    /// to date. Must be called on a tokio runtime, which then runs the writer.
    ///
    /// # Errors
    /// When the file cannot be used; nothing is changed then. A file another process holds is waited for up to five
    /// seconds, so that a restart may overlap.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let (writer, readers) = Writer::embedded(sqlite::open(path).await?);
        Ok(Self::start(writer, readers))
    }

    /// The same with a database on a server, which must exist and may hold other tables: all of ours have names that
    /// begin with `plenum_`.
    ///
    /// # Errors
    /// When it cannot be reached or used, or another Plenum uses it; that one is waited for up to five seconds.
    pub async fn connect(server: &Server) -> Result<Self, OpenError> {
        let engine = server::open(server).await?;
        let writer = Writer::outside(engine.writer, engine.writer_options)
            .await
            .map_err(|source| OpenError::Database { database: server.to_string(), source })?;
        Ok(Self::start(writer, engine.readers))
    }

    fn start(writer: Writer, readers: DatabaseConnection) -> Self {
        let (queue, letters) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(writer.run(letters));
        Self { queue, readers }
    }

    /// Finishes everything asked so far and lets go of the file. Afterwards every clone answers with an error. Not
    /// needed for durability; needed to open the same file again at once.
    pub async fn close(&self) {
        // The writer goes last: only it can fold the log back into the file.
        if let Err(error) = self.readers.clone().close().await {
            tracing::warn!(%error, "the database readers did not close cleanly");
        }
        let (done, closed) = oneshot::channel();
        if self.queue.send(Letter::Close { done }).await.is_ok() {
            // An error means that somebody else closed it first.
            let _ = closed.await;
        }
    }

    /// Adds the row of a session that another server held and that is over. Whether it was added: one of that id that is
    /// there already stays as it is. Its row id is given anew.
    ///
    /// # Errors
    /// When the row cannot be kept, or the store fails; nothing is added then.
    pub async fn adopt_session(&self, past: SessionRecord) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "adopt a session";
        check_session(&past.session).map_err(|reason| refuse(ATTEMPT, reason))?;
        self.shelve(ATTEMPT, Shelving::AdoptSession(past)).await
    }

    async fn write(&self, attempt: &'static str, write: Write) -> Result<Answer, StoreError> {
        let closed = || StoreError { attempt, reason: "the store is closed".to_owned() };
        let (reply, outcome) = oneshot::channel();
        self.queue.send(Letter::Write { write, reply }).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?.map_err(|reason| StoreError { attempt, reason })
    }
}

#[async_trait]
impl Records for Store {
    async fn open_session(&self, session: NewSession) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "open a session";
        check_session(&session).map_err(|reason| refuse(ATTEMPT, reason))?;
        match self.write(ATTEMPT, Write::Open(session)).await? {
            Answer::Row(id) if id >= 0 => Ok(id.unsigned_abs()),
            other => Err(refuse(ATTEMPT, format!("the engine gave no row id but {other:?}"))),
        }
    }

    async fn close_session(&self, session: &SessionId, ended_at_ms: i64) -> Result<(), StoreError> {
        let write = Write::Close { session: session.clone(), ended_at_ms };
        self.write("close a session", write).await.map(drop)
    }

    async fn set_joined(&self, session: &SessionId, joined_participants: i64) -> Result<(), StoreError> {
        let write = Write::SetJoined { session: session.clone(), joined: joined_participants };
        self.write("note who joined a session", write).await.map(drop)
    }

    async fn running_sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        const ATTEMPT: &str = "list running sessions";
        let rows = session::Entity::find()
            .filter(session::Column::IsRunning.eq(true))
            .order_by_asc(session::Column::Id)
            .all(&self.readers)
            .await
            .map_err(|error| refuse(ATTEMPT, error.to_string()))?;
        rows.into_iter().map(|row| record(row).map_err(|reason| refuse(ATTEMPT, reason))).collect()
    }

    async fn ended_since(&self, since_ms: i64) -> Result<Vec<(RoomId, i64)>, StoreError> {
        let rows: Vec<(String, i64)> = session::Entity::find()
            .select_only()
            .column(session::Column::RoomId)
            .column_as(session::Column::Ended.max(), "last")
            .filter(session::Column::Ended.gte(since_ms))
            .group_by(session::Column::RoomId)
            .into_tuple()
            .all(&self.readers)
            .await
            .map_err(|error| refuse("list rooms whose sessions ended", error.to_string()))?;
        // What is not an id was not written by us; no meeting can have it either.
        Ok(rows.into_iter().filter_map(|(room, at)| Some((RoomId::try_from(room.as_str()).ok()?, at))).collect())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        const ATTEMPT: &str = "answer";
        if self.queue.is_closed() {
            return Err(refuse(ATTEMPT, "the store is closed".to_owned()));
        }
        self.readers.ping().await.map_err(|error| refuse(ATTEMPT, error.to_string()))
    }
}

#[async_trait]
impl State for Store {
    async fn commit(&self, session: &SessionId, writes: Vec<StateWrite>) -> Result<(), StoreError> {
        self.commit_with(session, writes, Vec::new()).await
    }

    async fn commit_with(
        &self,
        session: &SessionId,
        writes: Vec<StateWrite>,
        notices: Vec<Notice>,
    ) -> Result<(), StoreError> {
        const ATTEMPT: &str = "write live state";
        check(&writes).and_then(|()| outbox::check(&notices)).map_err(|reason| refuse(ATTEMPT, reason))?;
        if writes.is_empty() && notices.is_empty() {
            return Ok(());
        }
        self.write(ATTEMPT, Write::Commit { session: session.clone(), writes, notices }).await.map(drop)
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<StateEntry>, StoreError> {
        let rows = live_state::Entity::find()
            .filter(live_state::Column::Sid.eq(session.as_str()))
            .all(&self.readers)
            .await
            .map_err(|error| refuse("load live state", error.to_string()))?;
        let mut entries: Vec<_> =
            rows.into_iter().map(|row| StateEntry { key: row.key, value: Bytes::from(row.value) }).collect();
        // Sorted here, by bytes, because engines sort text by their own rules.
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        let sids: Vec<String> = live_state::Entity::find()
            .select_only()
            .column(live_state::Column::Sid)
            .distinct()
            .into_tuple()
            .all(&self.readers)
            .await
            .map_err(|error| refuse("list sessions with live state", error.to_string()))?;
        // What is not an id was not written by us; nobody can ask for it either.
        Ok(sids.iter().filter_map(|sid| SessionId::try_from(sid.as_str()).ok()).collect())
    }

    async fn forget(&self, session: &SessionId) -> Result<(), StoreError> {
        self.write("forget live state", Write::Forget { session: session.clone() }).await.map(drop)
    }
}

fn check_session(session: &NewSession) -> Result<(), String> {
    for (name, text) in [("title", &session.title), ("webhook address", &session.webhook_url)] {
        if text.chars().count() > MAX_TEXT_LENGTH {
            return Err(format!("the {name} has more than {MAX_TEXT_LENGTH} characters"));
        }
        no_nul(name, text)?;
    }
    Ok(())
}

fn refuse(attempt: &'static str, reason: String) -> StoreError {
    StoreError { attempt, reason }
}

fn check(writes: &[StateWrite]) -> Result<(), String> {
    if writes.len() > MAX_WRITES {
        return Err(format!("{} changes at once, at most {MAX_WRITES} are allowed", writes.len()));
    }
    let mut total = 0;
    for write in writes {
        let value = write.value.as_ref().map_or(0, Bytes::len);
        if write.key.is_empty() || write.key.len() > MAX_KEY_LENGTH {
            return Err(format!("a key of {} bytes, it must have 1 to {MAX_KEY_LENGTH}", write.key.len()));
        }
        no_nul("key", &write.key)?;
        if value > MAX_VALUE_LENGTH {
            return Err(format!("a value of {value} bytes, at most {MAX_VALUE_LENGTH} are allowed"));
        }
        total += write.key.len() + value;
    }
    if total > MAX_COMMIT_LENGTH {
        return Err(format!("{total} bytes at once, at most {MAX_COMMIT_LENGTH} are allowed"));
    }
    Ok(())
}

/// A text of at most so many bytes that every engine can hold.
fn fits(name: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("the {name} has {} bytes, at most {most} are allowed", text.len()));
    }
    no_nul(name, text)
}

/// PostgreSQL has no place for this character in a text.
fn no_nul(name: &str, text: &str) -> Result<(), String> {
    if text.contains('\0') { Err(format!("the {name} holds a NUL character")) } else { Ok(()) }
}

fn record(row: session::Model) -> Result<SessionRecord, String> {
    let unreadable = |what: &str| format!("row {} holds an unreadable {what}", row.id);
    let parent = row.parent_room_id.as_deref().map(RoomId::try_from).transpose();
    Ok(SessionRecord {
        id: u64::try_from(row.id).map_err(|_| unreadable("id"))?,
        session: NewSession {
            room: RoomId::try_from(row.room_id.as_str()).map_err(|_| unreadable("room id"))?,
            session: SessionId::try_from(row.sid.as_str()).map_err(|_| unreadable("session id"))?,
            parent: parent.map_err(|_| unreadable("parent room id"))?,
            title: row.room_title,
            webhook_url: row.webhook_url,
            created_at_ms: row.created,
        },
        joined_participants: row.joined_participants,
        ended_at_ms: row.ended,
    })
}
