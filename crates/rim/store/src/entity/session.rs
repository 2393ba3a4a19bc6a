//! One row per session. Rows stay after the session is over.

use sea_orm::entity::prelude::*;

/// Times are Unix milliseconds as whole numbers, because engines disagree on the precision of timestamps.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plenum_sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) room_id: String,
    #[sea_orm(unique)]
    pub(crate) sid: String,
    pub(crate) room_title: String,
    pub(crate) webhook_url: String,
    pub(crate) parent_room_id: Option<String>,
    pub(crate) is_running: bool,
    pub(crate) joined_participants: i64,
    pub(crate) created: i64,
    pub(crate) ended: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
