//! `signing_keys`.

use sea_orm::entity::prelude::*;

/// A key that signs tokens; its state follows from its times.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id: the `kid` of tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The registered name of its algorithm.
    #[sea_orm(column_type = "Text")]
    pub alg: String,
    /// The public half (RFC 7517).
    #[sea_orm(column_type = "JsonBinary")]
    pub public_jwk: Json,
    /// The private half, sealed by the vault.
    pub private_sealed: Vec<u8>,
    /// From when the JWKS shows it.
    pub published_at: i64,
    /// From when it signs.
    pub signs_from: i64,
    /// Until when it signs; null without an end.
    pub signs_until: Option<i64>,
    /// When the JWKS stops showing it.
    pub gone_at: Option<i64>,
    /// When it is to get a successor; null when it has one, or is not to get one by itself.
    pub rotate_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
