//! Reads the tables of a reference server (http-api.md section 9.5), for moving to Plenum. Nothing is written there.
//!
//! Rows come as they are, texts of any content and numbers of any size; whoever takes them over checks them. Times are
//! worked out from the Unix seconds a row has and the distance between its dates, because dates are in whatever zone
//! that server was set to.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};

use crate::{OpenError, Server, server};

/// Longest prefix of table names.
const MAX_PREFIX: usize = 32;

/// Rows of one page.
const PAGE: u32 = 500;

/// A row of `room_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceSession {
    /// Its number there.
    pub id: i64,
    /// `room_title`.
    pub title: String,
    /// `roomId`.
    pub room: String,
    /// `sid`.
    pub session: String,
    /// `joined_participants`.
    pub joined: i64,
    /// `is_running`.
    pub is_running: bool,
    /// `webhook_url`.
    pub webhook_url: String,
    /// `parent_room_id`; empty if there is none.
    pub parent: String,
    /// `creation_time`, in Unix seconds.
    pub created_s: i64,
    /// How long it lasted, in seconds, if it is over.
    pub lasted_s: Option<i64>,
}

/// A row of `recordings`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceRecording {
    /// Its number there.
    pub id: i64,
    /// `record_id`.
    pub record_id: String,
    /// `room_id`.
    pub room: String,
    /// `room_sid`.
    pub session: String,
    /// `recorder_id`.
    pub recorder_id: String,
    /// `file_path`.
    pub file_path: String,
    /// `size`, in units of 10^6 bytes.
    pub megabytes: f64,
    /// `metadata`; empty if there is none.
    pub metadata: String,
    /// `creation_time`, in Unix seconds.
    pub created_s: i64,
    /// `room_creation_time`, in Unix seconds.
    pub room_created_s: i64,
}

/// A row of `room_artifacts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceArtifact {
    /// Its number there.
    pub id: i64,
    /// `artifact_id`.
    pub artifact_id: String,
    /// `room_id`.
    pub room: String,
    /// `sid` of its session; empty if that row is gone.
    pub session: String,
    /// `type`, the name of a `RoomArtifactType`.
    pub kind: String,
    /// `metadata`; empty if there is none.
    pub metadata: String,
    /// `created`, in Unix seconds.
    pub created_s: i64,
}

/// The database of a reference server.
pub struct Reference {
    db: DatabaseConnection,
    prefix: String,
}

impl Reference {
    /// Connects. `prefix` is `database_info.prefix`.
    ///
    /// # Errors
    /// When the server cannot be reached or used, is no MariaDB or MySQL, or has no such tables.
    pub async fn connect(from: &Server, prefix: &str) -> Result<Self, OpenError> {
        let unusable = |reason: &str| OpenError::Unusable { database: from.to_string(), reason: reason.to_owned() };
        if prefix.len() > MAX_PREFIX || !prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(unusable("database_info.prefix may hold letters, digits and `_` alone"));
        }
        let db =
            server::reach(from).await.map_err(|source| OpenError::Database { database: from.to_string(), source })?;
        if db.get_database_backend() != DbBackend::MySql {
            return Err(unusable("a reference server keeps its records in MariaDB or MySQL"));
        }
        let reference = Self { db, prefix: prefix.to_owned() };
        for table in ["room_info", "recordings"] {
            let there = reference.has_table(table).await;
            if !there.map_err(|source| OpenError::Database { database: from.to_string(), source })? {
                return Err(unusable(&format!("it has no table {prefix}{table}; see database_info.prefix")));
            }
        }
        Ok(reference)
    }

    /// Sessions behind the row of that number, the next page of them, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn sessions(&self, behind: i64) -> Result<Vec<ReferenceSession>, DbErr> {
        let sql = format!(
            "SELECT CAST(id AS SIGNED), {title}, {room}, {sid}, {joined}, {running}, {webhook}, {parent}, {created}, \
             CAST(CASE WHEN YEAR(ended) > 1970 THEN TIMESTAMPDIFF(SECOND, created, ended) END AS SIGNED) \
             FROM `{prefix}room_info` WHERE id > ? ORDER BY id LIMIT {PAGE}",
            title = text("room_title"),
            room = text("roomId"),
            sid = text("sid"),
            joined = number("joined_participants"),
            running = number("is_running"),
            webhook = text("webhook_url"),
            parent = text("parent_room_id"),
            created = number("creation_time"),
            prefix = self.prefix,
        );
        self.page(sql, behind, |row| {
            Ok(ReferenceSession {
                id: row.try_get_by_index(0)?,
                title: row.try_get_by_index(1)?,
                room: row.try_get_by_index(2)?,
                session: row.try_get_by_index(3)?,
                joined: row.try_get_by_index(4)?,
                is_running: row.try_get_by_index::<i64>(5)? != 0,
                webhook_url: row.try_get_by_index(6)?,
                parent: row.try_get_by_index(7)?,
                created_s: row.try_get_by_index(8)?,
                lasted_s: row.try_get_by_index(9)?,
            })
        })
        .await
    }

    /// The same of recordings.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn recordings(&self, behind: i64) -> Result<Vec<ReferenceRecording>, DbErr> {
        let sql = format!(
            "SELECT CAST(id AS SIGNED), {record}, {room}, {sid}, {recorder}, {file}, \
             CAST(COALESCE(size, 0) AS DOUBLE), {metadata}, {created}, {room_created} \
             FROM `{prefix}recordings` WHERE id > ? ORDER BY id LIMIT {PAGE}",
            record = text("record_id"),
            room = text("room_id"),
            sid = text("room_sid"),
            recorder = text("recorder_id"),
            file = text("file_path"),
            metadata = text("metadata"),
            created = number("creation_time"),
            room_created = number("room_creation_time"),
            prefix = self.prefix,
        );
        self.page(sql, behind, |row| {
            Ok(ReferenceRecording {
                id: row.try_get_by_index(0)?,
                record_id: row.try_get_by_index(1)?,
                room: row.try_get_by_index(2)?,
                session: row.try_get_by_index(3)?,
                recorder_id: row.try_get_by_index(4)?,
                file_path: row.try_get_by_index(5)?,
                megabytes: row.try_get_by_index(6)?,
                metadata: row.try_get_by_index(7)?,
                created_s: row.try_get_by_index(8)?,
                room_created_s: row.try_get_by_index(9)?,
            })
        })
        .await
    }

    /// The same of artifacts; none where the server was too old to have any.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn artifacts(&self, behind: i64) -> Result<Vec<ReferenceArtifact>, DbErr> {
        if !self.has_table("room_artifacts").await? {
            return Ok(Vec::new());
        }
        // The session tells how far its server's dates are from UTC, to the quarter of an hour.
        let sql = format!(
            "SELECT CAST(a.id AS SIGNED), {artifact}, {room}, {sid}, {kind}, {metadata}, \
             CAST(COALESCE(TIMESTAMPDIFF(SECOND, '1970-01-01', a.created), 0) - COALESCE(ROUND((TIMESTAMPDIFF(SECOND, \
             '1970-01-01', r.created) - NULLIF(r.creation_time, 0)) / 900) * 900, 0) AS SIGNED) \
             FROM `{prefix}room_artifacts` a LEFT JOIN `{prefix}room_info` r ON r.id = a.room_table_id \
             WHERE a.id > ? ORDER BY a.id LIMIT {PAGE}",
            artifact = text("a.artifact_id"),
            room = text("a.room_id"),
            sid = text("r.sid"),
            kind = text("a.type"),
            metadata = text("a.metadata"),
            prefix = self.prefix,
        );
        self.page(sql, behind, |row| {
            Ok(ReferenceArtifact {
                id: row.try_get_by_index(0)?,
                artifact_id: row.try_get_by_index(1)?,
                room: row.try_get_by_index(2)?,
                session: row.try_get_by_index(3)?,
                kind: row.try_get_by_index(4)?,
                metadata: row.try_get_by_index(5)?,
                created_s: row.try_get_by_index(6)?,
            })
        })
        .await
    }

    /// Rows of the table that came before artifacts. That server moves them itself when it starts.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub async fn old_analytics(&self) -> Result<u64, DbErr> {
        if !self.has_table("room_analytics").await? {
            return Ok(0);
        }
        let sql = format!("SELECT COUNT(*) FROM `{}room_analytics`", self.prefix);
        let row = self.db.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    async fn has_table(&self, table: &str) -> Result<bool, DbErr> {
        let sql = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?";
        let name = format!("{}{table}", self.prefix);
        let row = self.db.query_one_raw(Statement::from_sql_and_values(DbBackend::MySql, sql, [name.into()])).await?;
        Ok(row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or_default() > 0)
    }

    async fn page<T>(
        &self,
        sql: String,
        behind: i64,
        read: impl Fn(&QueryResult) -> Result<T, DbErr>,
    ) -> Result<Vec<T>, DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, [behind.into()]);
        self.db.query_all_raw(statement).await?.iter().map(read).collect()
    }
}

/// A column as text, whatever its type and character set; empty if it is null.
fn text(column: &str) -> String {
    format!("COALESCE(CONVERT({column} USING utf8mb4), '')")
}

/// A column as a whole number; 0 if it is null.
fn number(column: &str) -> String {
    format!("CAST(COALESCE({column}, 0) AS SIGNED)")
}
