//! `browsers`.

use sea_orm::entity::prelude::*;

/// A browser that somebody signed in with.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "browsers")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// HMAC-SHA256 of the secret in its cookie under a tenant key.
    pub mac: Vec<u8>,
    /// When it was first seen.
    pub created_at: i64,
    /// When somebody last signed in with it.
    pub last_used_at: i64,
    /// When its cookie ends.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
