//! `data_keys`.

use sea_orm::entity::prelude::*;

/// A data-encryption key of a tenant, wrapped by the master keyring.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "data_keys")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id, carried by every ciphertext.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// From 1; the newest seals.
    pub version: i64,
    /// The key, sealed by a master key.
    pub wrapped: Vec<u8>,
    /// Which master key wraps it.
    #[sea_orm(column_type = "Text")]
    pub master_key_id: String,
    /// When it was made.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
