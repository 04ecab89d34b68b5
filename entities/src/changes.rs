//! `changes`.

use sea_orm::entity::prelude::*;

/// One change, for the nodes that hold copies.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "changes")]
pub struct Model {
    /// Counts up; commits arrive out of its order.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The tenant.
    pub tenant_id: Uuid,
    /// What kind of thing changed.
    #[sea_orm(column_type = "Text")]
    pub topic: String,
    /// Which one.
    #[sea_orm(column_type = "Text")]
    pub key: String,
    /// Its version after the change.
    pub version: i64,
    /// When.
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
