//! The outside engines: PostgreSQL and MariaDB.
//!
//! One connection writes and a pool reads, as with the embedded engine. The writing connection holds an advisory lock of
//! its database as long as it lives, which is how a second Plenum is kept away: whoever cannot get the lock cannot
//! write. A connection that breaks is replaced, lock included.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Redacted;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlSslMode};
use sea_orm::sqlx::postgres::{PgConnection, PgSslMode};
use sea_orm::sqlx::{self, Executor as _, query, query_scalar};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait as _;
use sha2::{Digest as _, Sha256};

use crate::OpenError;
use crate::migration::ServerMigrator;

/// How long a new connection may take, waiting for a server that is just starting included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long opening waits for the previous owner of the database to finish, in seconds.
const LOCK_TIMEOUT: u32 = 5;

/// Names the advisory lock in PostgreSQL, where locks are numbers and belong to a database: `plenum` in ASCII.
const LOCK_NUMBER: i64 = 0x706c_656e_756d;

/// Largest value of live state is as large, and MariaDB allows no larger one than a packet.
const SMALLEST_PACKET: u64 = crate::MAX_VALUE_LENGTH as u64;

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, or MySQL, which speaks the same protocol.
    MariaDb,
}

impl Driver {
    /// Where its servers listen unless told otherwise.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MariaDb => 3306,
        }
    }
}

/// How the way to the server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// Not at all.
    Off,
    /// Encrypted if the server can, with whoever answers.
    #[default]
    Prefer,
    /// Encrypted, with whoever answers.
    Require,
    /// Encrypted, with a server whose certificate is good for its name.
    Verify,
}

/// Where the database is and how to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Which engine.
    pub driver: Driver,
    /// A name or an address; a path is that of a socket: PostgreSQL's folder, MariaDB's file.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who we are there.
    pub username: String,
    /// Proves it; may be empty.
    pub password: Redacted<String>,
    /// Which database; it must exist.
    pub database: String,
    /// How the way there is protected.
    pub tls: Tls,
    /// PEM file with the authorities to believe besides the usual ones.
    pub authorities: Option<PathBuf>,
    /// Most connections, at least 2: one writes, the others read.
    pub max_connections: u32,
    /// How long a reading connection lives.
    pub max_lifetime: Duration,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, .. } = self;
        let driver = match self.driver {
            Driver::Postgres => "PostgreSQL",
            Driver::MariaDb => "MariaDB",
        };
        if self.socket().is_some() {
            write!(f, "`{database}` ({driver} at {host})")
        } else {
            write!(f, "`{database}` ({driver} at {host}:{port})")
        }
    }
}

impl Server {
    fn socket(&self) -> Option<&Path> {
        self.host.starts_with('/').then(|| Path::new(&self.host))
    }

    /// Names the advisory lock in MariaDB, where locks have names of at most 64 characters and belong to the server.
    fn lock_name(&self) -> String {
        let digest = Sha256::digest(self.database.as_bytes());
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("plenum.{digest}")
    }

    fn options(&self) -> ConnectOptions {
        // The address chooses the driver; everything else is set below, where nothing needs escaping.
        let mut options = ConnectOptions::new(match self.driver {
            Driver::Postgres => "postgres://localhost",
            Driver::MariaDb => "mysql://localhost",
        });
        options
            .sqlx_logging(false)
            .record_stmt_in_spans(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .acquire_timeout(CONNECT_TIMEOUT);
        let server = self.clone();
        match self.driver {
            Driver::Postgres => options.map_sqlx_postgres_opts(move |_| server.postgres()),
            Driver::MariaDb => options.map_sqlx_mysql_opts(move |_| server.mariadb()),
        };
        options
    }

    fn postgres(&self) -> sqlx::postgres::PgConnectOptions {
        // A fresh set of options: nothing of the environment and no file of passwords has a say.
        let mut options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .username(&self.username)
            .database(&self.database)
            .application_name("plenum")
            .ssl_mode(match self.tls {
                Tls::Off => PgSslMode::Disable,
                Tls::Prefer => PgSslMode::Prefer,
                Tls::Require => PgSslMode::Require,
                Tls::Verify => PgSslMode::VerifyFull,
            });
        if let Some(folder) = self.socket() {
            options = options.socket(folder);
        }
        if !self.password.expose().is_empty() {
            options = options.password(self.password.expose());
        }
        if let Some(file) = &self.authorities {
            options = options.ssl_root_cert(file);
        }
        sqlx::ConnectOptions::disable_statement_logging(options)
    }

    fn mariadb(&self) -> sqlx::mysql::MySqlConnectOptions {
        let mut options = sqlx::mysql::MySqlConnectOptions::new()
            .host(&self.host)
            .port(self.port)
            .username(&self.username)
            .database(&self.database)
            .charset("utf8mb4")
            .ssl_mode(match self.tls {
                Tls::Off => MySqlSslMode::Disabled,
                Tls::Prefer => MySqlSslMode::Preferred,
                Tls::Require => MySqlSslMode::Required,
                Tls::Verify => MySqlSslMode::VerifyIdentity,
            });
        if let Some(file) = self.socket() {
            options = options.socket(file);
        }
        if !self.password.expose().is_empty() {
            options = options.password(self.password.expose());
        }
        if let Some(file) = &self.authorities {
            options = options.ssl_ca(file);
        }
        sqlx::ConnectOptions::disable_statement_logging(options)
    }

    fn readers(&self) -> ConnectOptions {
        let mut options = self.options();
        options
            .test_before_acquire(true)
            .min_connections(0)
            .max_connections(self.max_connections.saturating_sub(1).max(1))
            .max_lifetime(self.max_lifetime);
        options
    }

    /// Every connection that is ever made with these options holds the lock, or is none.
    fn writer(&self, ownership: &Arc<Ownership>) -> ConnectOptions {
        let mut options = self.options();
        options.test_before_acquire(false).min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None);
        let ownership = ownership.clone();
        match self.driver {
            Driver::Postgres => options.map_sqlx_postgres_pool_opts(move |options| {
                let ownership = ownership.clone();
                options.after_connect(move |connection, _| {
                    let ownership = ownership.clone();
                    Box::pin(async move { own_postgres(connection, &ownership).await })
                })
            }),
            Driver::MariaDb => {
                let name: Arc<str> = self.lock_name().into();
                options.map_sqlx_mysql_pool_opts(move |options| {
                    let (name, ownership) = (name.clone(), ownership.clone());
                    options.after_connect(move |connection, _| {
                        let (name, ownership) = (name.clone(), ownership.clone());
                        Box::pin(async move {
                            let owned = own_mariadb(connection, &name, &ownership).await;
                            if owned.is_err() {
                                part(connection).await;
                            }
                            owned
                        })
                    })
                })
            }
        };
        options
    }
}

/// What is known about the lock, beyond the connection that holds it.
#[derive(Debug, Default)]
struct Ownership(Mutex<Known>);

#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// The server's number for the connection that held the lock last.
    session: Option<i64>,
    /// Whether somebody else had the lock when it was tried last.
    in_use: bool,
}

impl Ownership {
    fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn refused(&self) -> sqlx::Error {
        self.learn(Known { in_use: true, ..self.known() });
        sqlx::Error::Protocol("another plenum holds the lock of the database".to_owned())
    }
}

/// Takes the lock. Our own last connection may still hold it on the server though it is dead on this side; it is ended.
async fn own_postgres(connection: &mut PgConnection, ownership: &Ownership) -> Result<(), sqlx::Error> {
    if let Some(session) = ownership.known().session {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                   AND pid = $1 AND classid::bigint << 32 | objid::bigint = $2 \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        query(end).bind(session).bind(LOCK_NUMBER).execute(&mut *connection).await?;
    }
    let wait = format!("SET lock_timeout = '{LOCK_TIMEOUT}s'");
    connection.execute(sqlx::AssertSqlSafe(wait)).await?;
    let locked = query("SELECT pg_advisory_lock($1)").bind(LOCK_NUMBER).execute(&mut *connection).await;
    match locked {
        Ok(_) => {}
        // `lock_not_available`
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => {
            return Err(ownership.refused());
        }
        Err(error) => return Err(error),
    }
    connection.execute("SET lock_timeout = DEFAULT").await?;
    // An operator may have traded durability for speed; what is acknowledged here must stay.
    let synchronous: String = query_scalar("SHOW synchronous_commit").fetch_one(&mut *connection).await?;
    if synchronous == "off" {
        connection.execute("SET synchronous_commit = on").await?;
    }
    let session: i32 = query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *connection).await?;
    ownership.learn(Known { session: Some(session.into()), in_use: false });
    Ok(())
}

/// The same in MariaDB.
async fn own_mariadb(connection: &mut MySqlConnection, name: &str, ownership: &Ownership) -> Result<(), sqlx::Error> {
    if let Some(session) = ownership.known().session {
        let holder: Option<i64> =
            query_scalar("SELECT CAST(IS_USED_LOCK(?) AS SIGNED)").bind(name).fetch_one(&mut *connection).await?;
        if holder == Some(session) {
            let end = format!("KILL CONNECTION {session}");
            // It may be gone by now.
            let _ = connection.execute(sqlx::AssertSqlSafe(end)).await;
        }
    }
    let locked: Option<i64> = query_scalar("SELECT CAST(GET_LOCK(?, ?) AS SIGNED)")
        .bind(name)
        .bind(LOCK_TIMEOUT)
        .fetch_one(&mut *connection)
        .await?;
    if locked != Some(1) {
        return Err(ownership.refused());
    }
    // Nothing is cut to fit, and the lock is not lost to a quiet night.
    connection
        .execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), SESSION wait_timeout = 31536000")
        .await?;
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    let session: i64 = query_scalar("SELECT CAST(CONNECTION_ID() AS SIGNED)").fetch_one(&mut *connection).await?;
    ownership.learn(Known { session: Some(session), in_use: false });
    Ok(())
}

/// Has MariaDB end a connection that is of no use. The driver closes it without a word, and over TLS it then waits for the
/// server to hang up, which that does not do by itself.
async fn part(connection: &mut MySqlConnection) {
    let number = query_scalar::<_, i64>("SELECT CAST(CONNECTION_ID() AS SIGNED)").fetch_one(&mut *connection).await;
    if let Ok(number) = number {
        // The answer is that the connection was killed.
        let _ = connection.execute(sqlx::AssertSqlSafe(format!("KILL CONNECTION {number}"))).await;
    }
}

/// Connects a writer. Bounded as a whole: taking the lock and hanging up are not part of the driver's own limit.
pub(crate) async fn connect_writer(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let limit = CONNECT_TIMEOUT + Duration::from_secs(LOCK_TIMEOUT.into());
    tokio::time::timeout(limit, Database::connect(options))
        .await
        .map_err(|_| DbErr::Custom(format!("no connection within {} s", limit.as_secs())))?
}

/// An open database on a server.
pub(crate) struct Engine {
    pub(crate) readers: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
    /// How to replace the writer.
    pub(crate) writer_options: ConnectOptions,
}

/// Connects, keeps a second Plenum away and brings the tables up to date.
pub(crate) async fn open(server: &Server) -> Result<Engine, OpenError> {
    let name = server.to_string();
    let database = |source| OpenError::Database { database: name.clone(), source };
    let readers = look(server).await?;
    let ownership = Arc::new(Ownership::default());
    let writer_options = server.writer(&ownership);
    let writer = match connect_writer(writer_options.clone()).await {
        Ok(writer) => writer,
        Err(_) if ownership.known().in_use => return Err(OpenError::InUse { database: name.clone() }),
        Err(error) => return Err(database(error)),
    };
    ServerMigrator::up(&writer, None).await.map_err(|source| OpenError::Migrate { database: name.clone(), source })?;
    Ok(Engine { readers, writer, writer_options })
}

/// Connections to look with, to a server that passed our checks.
pub(crate) async fn look(server: &Server) -> Result<DatabaseConnection, OpenError> {
    let readers = reach(server).await.map_err(|source| OpenError::Database { database: server.to_string(), source })?;
    check(&readers, server).await?;
    Ok(readers)
}

/// The pool of readers, after a first connection of its own that says at once what is wrong, where a pool would try
/// until it runs out of time.
pub(crate) async fn reach(server: &Server) -> Result<DatabaseConnection, DbErr> {
    let failed = |error: sqlx::Error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()));
    match server.driver {
        Driver::Postgres => {
            let options = server.postgres();
            let connection = sqlx::ConnectOptions::connect(&options);
            sqlx::Connection::close(limited(connection).await?).await.map_err(failed)?;
        }
        Driver::MariaDb => {
            let options = server.mariadb();
            let connection = sqlx::ConnectOptions::connect(&options);
            sqlx::Connection::close(limited(connection).await?).await.map_err(failed)?;
        }
    }
    Database::connect(server.readers()).await
}

async fn limited<C>(connection: impl Future<Output = Result<C, sqlx::Error>>) -> Result<C, DbErr> {
    let too_late = |_| DbErr::Custom(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()));
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connection).await.map_err(too_late)?;
    connected.map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}

/// Whether the server's own settings let us keep our promises.
async fn check(db: &DatabaseConnection, server: &Server) -> Result<(), OpenError> {
    let name = server.to_string();
    if server.driver == Driver::Postgres {
        let encoding = setting::<String>(db, "SHOW server_encoding").await;
        return match encoding.map_err(|source| OpenError::Database { database: name.clone(), source })? {
            encoding if encoding == "UTF8" => Ok(()),
            encoding => {
                let reason = format!("its encoding is {encoding}; it must be created with UTF8");
                Err(OpenError::Unusable { database: name, reason })
            }
        };
    }
    let settings = async {
        let packet = setting::<u64>(db, "SELECT CAST(@@max_allowed_packet AS UNSIGNED)").await?;
        let flush = setting::<u64>(db, "SELECT CAST(@@innodb_flush_log_at_trx_commit AS UNSIGNED)").await?;
        Ok((packet, flush))
    };
    let (packet, flush) = settings.await.map_err(|source| OpenError::Database { database: name.clone(), source })?;
    if packet < SMALLEST_PACKET {
        let reason = format!("max_allowed_packet of the server is {packet}; it must be at least {SMALLEST_PACKET}");
        return Err(OpenError::Unusable { database: name, reason });
    }
    if flush != 1 {
        tracing::warn!(
            innodb_flush_log_at_trx_commit = flush,
            "the database server may forget the last second when it loses power"
        );
    }
    Ok(())
}

async fn setting<T: sea_orm::TryGetable>(db: &DatabaseConnection, sql: &str) -> Result<T, DbErr> {
    let backend: DbBackend = db.get_database_backend();
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}
