//! `codes`.

use sea_orm::entity::prelude::*;

/// An authorization code; only its MAC is kept.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "codes")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// HMAC-SHA256 of the code under a tenant key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mac: Vec<u8>,
    /// The grant that it stands for.
    pub grant_id: Uuid,
    /// The application that it was issued to.
    pub application_id: Uuid,
    /// What the token endpoint needs: redirect URI, challenge, nonce.
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Json,
    /// When it was issued.
    pub created_at: i64,
    /// When it stops working.
    pub expires_at: i64,
    /// When it was redeemed.
    pub used_at: Option<i64>,
    /// The command that redeemed it.
    pub command_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
