//! `api_keys`.

use sea_orm::entity::prelude::*;

/// A key of the management API; only its MAC is kept.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Shown to administrators.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// HMAC-SHA256 of the secret part under a tenant key.
    pub mac: Vec<u8>,
    /// Names of its roles: an array of strings.
    #[sea_orm(column_type = "JsonBinary")]
    pub roles: Json,
    /// When it was made.
    pub created_at: i64,
    /// When it stops working.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
