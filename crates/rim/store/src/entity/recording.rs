//! One row per recording. The file is elsewhere, and the row of its session may be gone.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "plenum_recordings")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    #[sea_orm(unique)]
    pub(crate) record_id: String,
    pub(crate) room_id: String,
    pub(crate) sid: String,
    pub(crate) recorder_id: String,
    pub(crate) file_path: String,
    pub(crate) megabytes: f64,
    pub(crate) metadata: String,
    pub(crate) created: i64,
    pub(crate) room_created: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
