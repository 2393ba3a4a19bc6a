//! The outbox: one row per notice that has not arrived.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plenum_outbox")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    /// Which queue it stands in; see `crate::outbox::line`.
    pub(crate) line: i64,
    pub(crate) room_id: String,
    pub(crate) sid: String,
    pub(crate) event: String,
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
    pub(crate) created: i64,
    pub(crate) attempts: i64,
    /// When to try next; of what was given up, when that was.
    pub(crate) due: i64,
    pub(crate) is_parked: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
