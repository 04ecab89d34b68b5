//! `idempotency_keys`.

use sea_orm::entity::prelude::*;

/// The answer to a request that may be sent again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Hash of the key that the caller chose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: Vec<u8>,
    /// Hash of the request.
    pub request_hash: Vec<u8>,
    /// The status of the answer; null while the request runs.
    pub status: Option<i64>,
    /// The answer, sealed.
    pub body: Option<Vec<u8>>,
    /// When the request began.
    pub created_at: i64,
    /// When the answer is forgotten.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
