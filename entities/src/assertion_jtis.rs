//! `assertion_jtis`.

use sea_orm::entity::prelude::*;

/// The `jti` of a client assertion that was used (RFC 7523 section 3).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "assertion_jtis")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The client.
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: Uuid,
    /// SHA-256 of the `jti`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jti_hash: Vec<u8>,
    /// When the assertion expires, and with it the need for this row.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
