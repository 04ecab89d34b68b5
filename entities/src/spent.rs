//! `spent`.

use sea_orm::entity::prelude::*;

/// Something that works once, and was used.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "spent")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// SHA-256 of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    /// When it would have stopped working anyway, and with that the need for this row.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
