//! `application_secrets`.

use sea_orm::entity::prelude::*;

/// A client secret of an application; only its MAC is kept.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "application_secrets")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose secret it is.
    pub application_id: Uuid,
    /// HMAC-SHA256 of the secret under a tenant key.
    pub mac: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
    /// When it stops working.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
