//! The embedded engine: one file in the data folder, one connection that writes, a few that read.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::OpenError;
use crate::migration::Migrator;

/// How long a statement waits for a foreign process (a backup, a shell) to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long opening waits for the previous owner of the file to finish, as on a restart.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it looks meanwhile.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Readers are for start and health only; writers never wait for them (WAL).
const READERS: u32 = 2;

/// After a burst the log file shrinks back to this, in bytes.
const LOG_SIZE_LIMIT: &str = "67108864";

/// The writer folds the log into the file itself, while everybody waits, only when it has this many pages (64 MiB).
const LAST_CHECKPOINT: &str = "16384";

/// After so many bytes of values the log is folded into the file beside the writer.
const CHECKPOINT_BYTES: usize = 4 << 20;

/// An open database file.
pub(crate) struct Engine {
    pub(crate) readers: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
    /// Folds the log into the file.
    pub(crate) checkpoints: Checkpoints,
    /// How to replace the writer when a broken transaction leaves its connection unusable.
    pub(crate) writer_options: ConnectOptions,
    /// Held as long as anything may write.
    pub(crate) lock: File,
}

/// Opens or creates the file, locks it against a second server and brings its tables up to date.
pub(crate) async fn open(path: &Path) -> Result<Engine, OpenError> {
    let lock = lock(path).await?;
    create_private(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;

    let database = |source| OpenError::Database { database: path.display().to_string(), source };
    let writer_options = options(path, false);
    let writer = Database::connect(writer_options.clone()).await.map_err(database)?;
    Migrator::up(&writer, None)
        .await
        .map_err(|source| OpenError::Migrate { database: path.display().to_string(), source })?;
    let readers = Database::connect(options(path, true)).await.map_err(database)?;
    let checkpoints = Checkpoints::start(Database::connect(options(path, false)).await.map_err(database)?);
    Ok(Engine { readers, writer, checkpoints, writer_options, lock })
}

/// Folds the log into the file on a connection of its own, while the writer goes on. Otherwise the writer would do it
/// in the middle of a commit, and everybody would wait for the disk a few times over.
pub(crate) struct Checkpoints {
    due: Arc<Notify>,
    pending: usize,
    task: JoinHandle<()>,
    db: DatabaseConnection,
}

impl Checkpoints {
    fn start(db: DatabaseConnection) -> Self {
        let due = Arc::new(Notify::new());
        let (wake, connection) = (due.clone(), db.clone());
        let task = tokio::spawn(async move {
            loop {
                wake.notified().await;
                // It takes what it can without keeping anybody waiting; the rest comes next time.
                if let Err(error) = connection.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await {
                    tracing::warn!(%error, "the log could not be folded into the database");
                }
            }
        });
        Self { due, pending: 0, task, db }
    }

    /// So many bytes of values were written.
    pub(crate) fn note(&mut self, bytes: usize) {
        self.pending += bytes;
        if self.pending >= CHECKPOINT_BYTES {
            self.pending = 0;
            self.due.notify_one();
        }
    }

    /// Ends it; the writer, closing last, folds what is left.
    pub(crate) async fn stop(self) {
        self.task.abort();
        // Cancelled, or broken and logged.
        let _ = self.task.await;
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "a database connection did not close cleanly");
        }
    }
}

/// A connection that reads an existing file and cannot write.
pub(crate) fn reading(path: &Path) -> ConnectOptions {
    let mut options = options(path, true);
    options.max_connections(1);
    options
}

fn options(path: &Path, read_only: bool) -> ConnectOptions {
    let path = path.to_owned();
    // The address chooses the driver; the file is named below, where no character of a path needs escaping.
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .min_connections(1)
        .max_connections(if read_only { READERS } else { 1 })
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(BUSY_TIMEOUT)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options
                .in_memory(false)
                .shared_cache(false)
                .filename(&path)
                .create_if_missing(false)
                .read_only(read_only)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT);
            if read_only {
                return options;
            }
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .pragma("journal_size_limit", LOG_SIZE_LIMIT)
                .pragma("wal_autocheckpoint", LAST_CHECKPOINT)
        });
    options
}

/// Creates the file readable by its owner alone; the engine's side files inherit that. An existing file keeps the
/// rights its operator gave it.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all()?;
            File::open(folder_of(path))?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Two servers on one data folder would both own its rooms. The lock is a file of its own, since closing a second
/// handle of the database file would drop the engine's locks on it. The system releases it with the process.
async fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        PathBuf::from(name)
    };
    let file_error = |source| OpenError::File { path: lock_path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder_of(path)).map_err(file_error)?;
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock_path).map_err(file_error)?;

    let started = tokio::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => {
                tokio::time::sleep(LOCK_INTERVAL).await;
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { database: path.display().to_string() }),
            Err(TryLockError::Error(source)) => return Err(file_error(source)),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use sea_orm::Statement;

    use super::*;

    #[tokio::test]
    async fn every_writer_waits_for_the_disk_and_logs_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder.path().join("plenum.db")).await.unwrap();

        for (pragma, expected) in [("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", "5000")] {
            assert_eq!(number(&engine.writer, pragma).await.to_string(), expected, "{pragma}");
        }
        let statement = Statement::from_string(engine.writer.get_database_backend(), "PRAGMA journal_mode");
        let row = engine.writer.query_one_raw(statement).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "wal");
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder.path().join("plenum.db")).await.unwrap();

        assert!(engine.readers.execute_unprepared("DELETE FROM plenum_live_state").await.is_err());
    }

    #[tokio::test]
    async fn a_file_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plenum.db");
        let engine = open(&path).await.unwrap();
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)";
        engine.writer.execute_unprepared(newer).await.unwrap();
        engine.readers.close().await.unwrap();
        engine.checkpoints.stop().await;
        engine.writer.close().await.unwrap();
        drop(engine.lock);

        assert!(matches!(open(&path).await.err(), Some(OpenError::Migrate { .. })));
    }

    async fn number(db: &DatabaseConnection, pragma: &str) -> i64 {
        let statement = Statement::from_string(db.get_database_backend(), format!("PRAGMA {pragma}"));
        db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}
