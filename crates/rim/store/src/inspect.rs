//! Looks at a database without changing it, for an operator who wants to know what is wrong. A server may run on it at
//! the same time and notices nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, EntityTrait as _,
    QueryOrder as _, QuerySelect as _, Statement,
};
use sea_orm_migration::MigratorTrait as _;

use crate::entity::{notice, session};
use crate::migration::Migrator;
use crate::{OpenError, Server, server, sqlite};

/// Most addresses that are told apart in the outbox.
const MOST_ADDRESSES: u64 = 1000;

/// How often the way there and back is measured.
const ROUNDS: usize = 5;

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Engine and version.
    pub engine: String,
    /// There and back, the middle one of a few.
    pub latency: Duration,
    /// How its tables and this version fit.
    pub schema: Schema,
    /// Undelivered webhooks, one line per address and state.
    pub outbox: Vec<OutboxLine>,
    /// When the newest session began, in Unix milliseconds.
    pub newest_session_ms: Option<i64>,
}

/// How tables and this version fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// There are none yet; the first start makes them.
    Empty,
    /// They are of this version.
    Current {
        /// The last step taken.
        version: String,
    },
    /// They are of an earlier version; the next start brings them up to date.
    Older {
        /// How many steps are missing.
        steps: usize,
    },
    /// They are of a later version, and this one refuses them.
    Newer {
        /// A step this version does not know.
        version: String,
    },
}

/// Undelivered webhooks to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLine {
    /// Where they go.
    pub url: String,
    /// Given up, and waiting for somebody to look.
    pub is_parked: bool,
    /// How many.
    pub count: u64,
    /// When the oldest was written, in Unix milliseconds.
    pub oldest_ms: i64,
}

/// Looks at the embedded database; `None` if there is none yet.
///
/// # Errors
/// When it cannot be read.
pub async fn inspect_file(path: &Path) -> Result<Option<Inspection>, OpenError> {
    if !path.exists() {
        return Ok(None);
    }
    let failed = |source| OpenError::Database { database: path.display().to_string(), source };
    let db = Database::connect(sqlite::reading(path)).await.map_err(failed)?;
    let found = inspect(&db).await.map_err(failed);
    // What was read stays read.
    let _ = db.close().await;
    found.map(Some)
}

/// Looks at a database on a server.
///
/// # Errors
/// When it cannot be reached, is set up in a way that cannot work, or cannot be read.
pub async fn inspect_server(server: &Server) -> Result<Inspection, OpenError> {
    let failed = |source| OpenError::Database { database: server.to_string(), source };
    let db = server::look(server).await?;
    let found = inspect(&db).await.map_err(failed);
    // What was read stays read.
    let _ = db.close().await;
    found
}

async fn inspect(db: &DatabaseConnection) -> Result<Inspection, DbErr> {
    let engine = engine(db).await?;
    let latency = latency(db).await?;
    let schema = schema(db).await?;
    let (mut outbox, mut newest) = (Vec::new(), None);
    if matches!(schema, Schema::Current { .. } | Schema::Newer { .. }) {
        outbox = lines(db).await?;
        newest = session::Entity::find()
            .select_only()
            .column_as(session::Column::Created.max(), "newest")
            .into_tuple::<Option<i64>>()
            .one(db)
            .await?
            .flatten();
    }
    Ok(Inspection { engine, latency, schema, outbox, newest_session_ms: newest })
}

async fn engine(db: &DatabaseConnection) -> Result<String, DbErr> {
    Ok(match db.get_database_backend() {
        DbBackend::Sqlite => format!("SQLite {}", scalar::<String>(db, "SELECT sqlite_version()").await?),
        DbBackend::Postgres => format!("PostgreSQL {}", scalar::<String>(db, "SHOW server_version").await?),
        _ => scalar::<String>(db, "SELECT VERSION()").await?,
    })
}

async fn latency(db: &DatabaseConnection) -> Result<Duration, DbErr> {
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        db.execute_unprepared("SELECT 1").await?;
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    Ok(took[ROUNDS / 2])
}

async fn schema(db: &DatabaseConnection) -> Result<Schema, DbErr> {
    let (exists, applied) = match db.get_database_backend() {
        DbBackend::Sqlite => (
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
            "SELECT version FROM seaql_migrations ORDER BY version",
        ),
        DbBackend::Postgres => (
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'plenum_migrations'",
            "SELECT version FROM plenum_migrations ORDER BY version",
        ),
        _ => (
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'plenum_migrations'",
            "SELECT version FROM plenum_migrations ORDER BY version",
        ),
    };
    if scalar::<i64>(db, exists).await? == 0 {
        return Ok(Schema::Empty);
    }
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), applied)).await?;
    let applied = rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    Ok(fit(&Migrator::migrations().iter().map(|step| step.name().to_owned()).collect::<Vec<_>>(), &applied))
}

fn fit(known: &[String], applied: &[String]) -> Schema {
    if let Some(unknown) = applied.iter().find(|version| !known.contains(version)) {
        return Schema::Newer { version: unknown.clone() };
    }
    match known.iter().filter(|version| !applied.contains(version)).count() {
        0 => Schema::Current { version: applied.last().cloned().unwrap_or_default() },
        steps if steps == known.len() => Schema::Empty,
        steps => Schema::Older { steps },
    }
}

async fn lines(db: &DatabaseConnection) -> Result<Vec<OutboxLine>, DbErr> {
    let found: Vec<(String, bool, i64, i64)> = notice::Entity::find()
        .select_only()
        .columns([notice::Column::Url, notice::Column::IsParked])
        .column_as(notice::Column::Id.count(), "count")
        .column_as(notice::Column::Created.min(), "oldest")
        .group_by(notice::Column::Url)
        .group_by(notice::Column::IsParked)
        .order_by_asc(notice::Column::Url)
        .limit(MOST_ADDRESSES)
        .into_tuple()
        .all(db)
        .await?;
    Ok(found
        .into_iter()
        .map(|(url, is_parked, count, oldest_ms)| OutboxLine {
            url,
            is_parked,
            count: u64::try_from(count).unwrap_or_default(),
            oldest_ms,
        })
        .collect())
}

async fn scalar<T: sea_orm::TryGetable>(db: &DatabaseConnection, sql: &str) -> Result<T, DbErr> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::{RoomId, SessionId};
    use ports::outbox::{Notice, Outbox as _};
    use ports::store::Records as _;

    use super::*;
    use crate::Store;

    #[test]
    fn tables_of_any_age_are_told_apart() {
        let known = ["a", "b"].map(str::to_owned);
        let of = |applied: &[&str]| fit(&known, &applied.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());

        assert_eq!(of(&[]), Schema::Empty);
        assert_eq!(of(&["a"]), Schema::Older { steps: 1 });
        assert_eq!(of(&["a", "b"]), Schema::Current { version: "b".to_owned() });
        assert_eq!(of(&["a", "b", "c"]), Schema::Newer { version: "c".to_owned() });
    }

    #[tokio::test]
    async fn a_database_in_use_is_looked_at_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plenum.db");
        assert_eq!(inspect_file(&path).await.unwrap(), None);
        assert!(!path.exists());

        let store = Store::open(&path).await.unwrap();
        let notice = |url: &str, created_at_ms| Notice {
            room: RoomId::try_from("r").unwrap(),
            session: SessionId::try_from("s").unwrap(),
            event: "room_created".to_owned(),
            url: url.to_owned(),
            body: Bytes::from_static(b"{}"),
            created_at_ms,
        };
        store.enqueue(vec![notice("https://a.example/x", 5), notice("https://b.example/", 7)]).await.unwrap();
        store.enqueue(vec![notice("https://b.example/", 6)]).await.unwrap();

        let found = inspect_file(&path).await.unwrap().unwrap();
        let lines: Vec<_> = found.outbox.iter().map(|line| (line.url.as_str(), line.count, line.oldest_ms)).collect();
        assert_eq!(lines, [("https://a.example/x", 1, 5), ("https://b.example/", 2, 6)]);
        assert!(matches!(found.schema, Schema::Current { .. }) && found.engine.starts_with("SQLite 3."), "{found:?}");
        store.ping().await.unwrap();
        store.close().await;
    }
}
