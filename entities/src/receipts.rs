//! `receipts`.

use sea_orm::entity::prelude::*;

/// What one node counted for one application in one flush: billing recomputes from these.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipts")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The run of the node.
    pub boot_id: Uuid,
    /// The application.
    pub application_id: Uuid,
    /// What was counted.
    #[sea_orm(column_type = "Text")]
    pub dimension: String,
    /// When the node began to count.
    pub period_start: i64,
    /// When it wrote this.
    pub flushed_at: i64,
    /// How many.
    pub quantity: i64,
    /// SHA-256 over what was counted.
    pub digest: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
