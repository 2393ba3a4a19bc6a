//! The tables as they came to be, one step per release that changed them. A step that has shipped never changes.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, boolean, string_len, string_len_null};

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(SessionsAndLiveState)]
    }
}

#[derive(DeriveIden)]
enum Sessions {
    Table,
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
    Table,
    Sid,
    Key,
    Value,
}

/// Room ids we derive ourselves have up to 129 characters, session ids and given ids 64.
const ROOM_ID_WIDTH: u32 = 129;
const SESSION_ID_WIDTH: u32 = 64;

struct SessionsAndLiveState;

impl MigrationName for SessionsAndLiveState {
    fn name(&self) -> &str {
        "m0001_sessions_and_live_state"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SessionsAndLiveState {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Sessions::Table)
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
                    .to_owned(),
            )
            .await?;
        // Serves both "what is running" and "what is running for this room".
        manager
            .create_index(
                Index::create()
                    .name("sessions_running")
                    .table(Sessions::Table)
                    .col(Sessions::IsRunning)
                    .col(Sessions::RoomId)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(LiveState::Table)
                    .col(string_len(LiveState::Sid, SESSION_ID_WIDTH))
                    .col(string_len(LiveState::Key, 160))
                    .col(large_blob(LiveState::Value, manager.get_database_backend()))
                    .primary_key(Index::create().col(LiveState::Sid).col(LiveState::Key))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(LiveState::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Sessions::Table).to_owned()).await
    }
}

/// A column for values up to 16 MiB. A plain `BLOB` ends at 64 KiB in MariaDB.
fn large_blob(name: LiveState, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match backend {
        DbBackend::MySql => column.custom("LONGBLOB"),
        _ => column.blob(),
    };
    column.not_null().to_owned()
}
