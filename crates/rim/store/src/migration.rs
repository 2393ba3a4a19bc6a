//! The tables as they came to be, one step per release that changed them. A step that has shipped never changes.
//!
//! All names begin with `plenum_`, because a database server may hold other tables too, those of a reference server for
//! instance. The first release knew the embedded engine alone and had a file to itself, so its names there were shorter
//! until the second step.
//!
//! A step is one transaction where the engine can do that. MariaDB cannot: there every step can be taken again after it
//! was interrupted halfway.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, double, string_len, string_len_null,
};

/// The history of an embedded database.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(SessionsAndLiveState), Box::new(ShelfAndOutbox), Box::new(WhoIsThere), Box::new(SessionsByEnd)]
    }
}

/// The history of a database on a server, which may keep the histories of others too.
pub(crate) struct ServerMigrator;

impl MigratorTrait for ServerMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Migrator::migrations()
    }

    fn migration_table_name() -> DynIden {
        "plenum_migrations".into_iden()
    }
}

/// Room ids we derive ourselves have up to 129 characters, session ids and given ids 64.
const ROOM_ID_WIDTH: u32 = 129;
const SESSION_ID_WIDTH: u32 = 64;

#[derive(DeriveIden)]
enum Sessions {
    Id,
    RoomId,
    Sid,
    RoomTitle,
    WebhookUrl,
    ParentRoomId,
    IsRunning,
    JoinedParticipants,
    Created,
    Ended,
}

#[derive(DeriveIden)]
enum LiveState {
    Sid,
    Key,
    Value,
}

struct SessionsAndLiveState;

impl MigrationName for SessionsAndLiveState {
    fn name(&self) -> &str {
        "m0001_sessions_and_live_state"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SessionsAndLiveState {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (sessions, live_state, running) = match manager.get_database_backend() {
            DbBackend::Sqlite => ("sessions", "live_state", "sessions_running"),
            _ => ("plenum_sessions", "plenum_live_state", "plenum_sessions_running"),
        };
        let table = Table::create()
            .table(sessions)
            .col(big_pk_auto(Sessions::Id))
            .col(string_len(Sessions::RoomId, ROOM_ID_WIDTH))
            .col(string_len(Sessions::Sid, SESSION_ID_WIDTH).unique_key())
            .col(string_len(Sessions::RoomTitle, 255))
            .col(string_len(Sessions::WebhookUrl, 255))
            .col(string_len_null(Sessions::ParentRoomId, ROOM_ID_WIDTH))
            .col(boolean(Sessions::IsRunning))
            .col(big_integer(Sessions::JoinedParticipants))
            .col(big_integer(Sessions::Created))
            .col(big_integer_null(Sessions::Ended))
            .to_owned();
        create_table(manager, table).await?;
        // Serves "what is running" and "what ran", each also for one room.
        let index = Index::create().name(running).col(Sessions::IsRunning).col(Sessions::RoomId).to_owned();
        create_index(manager, sessions, running, index).await?;

        let table = Table::create()
            .table(live_state)
            .col(string_len(LiveState::Sid, SESSION_ID_WIDTH))
            .col(string_len(LiveState::Key, 160))
            .col(large_blob(LiveState::Value, manager.get_database_backend()))
            .primary_key(Index::create().col(LiveState::Sid).col(LiveState::Key))
            .to_owned();
        create_table(manager, table).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

#[derive(DeriveIden)]
enum Recordings {
    Id,
    RecordId,
    RoomId,
    Sid,
    RecorderId,
    FilePath,
    Megabytes,
    Metadata,
    Created,
    RoomCreated,
}

#[derive(DeriveIden)]
enum Artifacts {
    Id,
    ArtifactId,
    RoomId,
    Sid,
    Kind,
    Metadata,
    Created,
}

#[derive(DeriveIden)]
enum Outbox {
    Id,
    Line,
    RoomId,
    Sid,
    Event,
    Url,
    Body,
    Created,
    Attempts,
    Due,
    IsParked,
}

#[derive(DeriveIden)]
enum Ledger {
    Id,
    Turn,
}

struct ShelfAndOutbox;

impl MigrationName for ShelfAndOutbox {
    fn name(&self) -> &str {
        "m0002_shelf_and_outbox"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ShelfAndOutbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        if backend == DbBackend::Sqlite {
            for (short, name) in [("sessions", "plenum_sessions"), ("live_state", "plenum_live_state")] {
                manager.rename_table(Table::rename().table(short, name).to_owned()).await?;
            }
        }

        let table = Table::create()
            .table("plenum_recordings")
            .col(big_pk_auto(Recordings::Id))
            .col(string_len(Recordings::RecordId, 64).unique_key())
            .col(string_len(Recordings::RoomId, ROOM_ID_WIDTH))
            .col(string_len(Recordings::Sid, SESSION_ID_WIDTH))
            .col(string_len(Recordings::RecorderId, 36))
            .col(string_len(Recordings::FilePath, 255))
            .col(double(Recordings::Megabytes))
            .col(large_text(Recordings::Metadata, backend))
            .col(big_integer(Recordings::Created))
            .col(big_integer(Recordings::RoomCreated))
            .to_owned();
        create_table(manager, table).await?;

        let table = Table::create()
            .table("plenum_artifacts")
            .col(big_pk_auto(Artifacts::Id))
            .col(string_len(Artifacts::ArtifactId, 64).unique_key())
            .col(string_len(Artifacts::RoomId, ROOM_ID_WIDTH))
            .col(string_len(Artifacts::Sid, SESSION_ID_WIDTH))
            .col(string_len(Artifacts::Kind, 100))
            .col(large_text(Artifacts::Metadata, backend))
            .col(big_integer(Artifacts::Created))
            .to_owned();
        create_table(manager, table).await?;

        let table = Table::create()
            .table("plenum_outbox")
            .col(big_pk_auto(Outbox::Id))
            .col(big_integer(Outbox::Line))
            .col(string_len(Outbox::RoomId, ROOM_ID_WIDTH))
            .col(string_len(Outbox::Sid, SESSION_ID_WIDTH))
            .col(string_len(Outbox::Event, 100))
            .col(string_len(Outbox::Url, 2048))
            .col(large_blob(Outbox::Body, backend))
            .col(big_integer(Outbox::Created))
            .col(big_integer(Outbox::Attempts))
            .col(big_integer(Outbox::Due))
            .col(boolean(Outbox::IsParked))
            .to_owned();
        create_table(manager, table).await?;

        let table = Table::create()
            .table("plenum_ledger")
            .col(big_integer(Ledger::Id).primary_key())
            .col(big_integer(Ledger::Turn))
            .to_owned();
        create_table(manager, table).await?;

        for (table, name, columns) in [
            ("plenum_recordings", "plenum_recordings_by_room", &["room_id", "id"][..]),
            ("plenum_recordings", "plenum_recordings_by_session", &["sid", "id"]),
            ("plenum_artifacts", "plenum_artifacts_by_room", &["room_id", "id"]),
            ("plenum_artifacts", "plenum_artifacts_by_session", &["sid", "kind", "id"]),
            // The head of every line is the least id of each group, and that is read from the index alone.
            ("plenum_outbox", "plenum_outbox_heads", &["is_parked", "line", "id"]),
            ("plenum_outbox", "plenum_outbox_due", &["is_parked", "due"]),
        ] {
            let mut index = Index::create().name(name).to_owned();
            for column in columns {
                index.col(*column);
            }
            create_index(manager, table, name, index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

#[derive(DeriveIden)]
enum Presence {
    Id,
    RoomId,
    Sid,
    About,
}

struct WhoIsThere;

impl MigrationName for WhoIsThere {
    fn name(&self) -> &str {
        "m0003_who_is_there"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for WhoIsThere {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("plenum_presence")
            .col(string_len(Presence::Id, 64).primary_key())
            .col(string_len(Presence::RoomId, ROOM_ID_WIDTH))
            .col(string_len(Presence::Sid, SESSION_ID_WIDTH))
            .col(large_blob(Presence::About, manager.get_database_backend()))
            .to_owned();
        create_table(manager, table).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

struct SessionsByEnd;

impl MigrationName for SessionsByEnd {
    fn name(&self) -> &str {
        "m0004_sessions_by_end"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SessionsByEnd {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Serves "which rooms' sessions ended since", which is read from the index alone.
        let name = "plenum_sessions_ended";
        let index = Index::create().name(name).col(Sessions::Ended).col(Sessions::RoomId).to_owned();
        create_index(manager, "plenum_sessions", name, index).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn create_table(manager: &SchemaManager<'_>, mut table: TableCreateStatement) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql {
        // Whatever the database's own choice is: texts are compared byte by byte.
        table.engine("InnoDB").character_set("utf8mb4").collate(exact_collation(manager.get_connection()).await?);
    }
    manager.create_table(table.if_not_exists().to_owned()).await
}

/// The collation that tells apart what differs in case, in accents and in spaces at the end. Its name depends on the
/// family of the server.
async fn exact_collation(db: &SchemaManagerConnection<'_>) -> Result<&'static str, DbErr> {
    let statement = Statement::from_string(DbBackend::MySql, "SELECT VERSION()");
    let version = db.query_one_raw(statement).await?.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
    let is_mariadb = version.is_some_and(|version| version.contains("MariaDB"));
    Ok(if is_mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" })
}

async fn create_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &str,
    mut index: IndexCreateStatement,
) -> Result<(), DbErr> {
    if manager.has_index(table, name).await? {
        return Ok(());
    }
    manager.create_index(index.table(table).to_owned()).await
}

/// A column for values up to 16 MiB. A plain `BLOB` ends at 64 KiB in MariaDB.
fn large_blob(name: impl IntoIden, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::MySql => column.custom("LONGBLOB"),
        _ => column.blob(),
    };
    column.not_null().to_owned()
}

/// A column for texts up to 16 MiB. A plain `TEXT` ends at 64 KiB in MariaDB.
fn large_text(name: impl IntoIden, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::MySql => column.custom("LONGTEXT"),
        _ => column.text(),
    };
    column.not_null().to_owned()
}
