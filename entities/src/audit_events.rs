//! `audit_events`.

use sea_orm::entity::prelude::*;

/// An audit event.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id, a UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it happened.
    pub at: i64,
    /// The name of the `EventKind`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// `user`, `application`, `api_key`, `operator` or `system`.
    #[sea_orm(column_type = "Text")]
    pub actor_kind: String,
    /// The tenant that the actor belongs to.
    pub actor_tenant_id: Uuid,
    /// The actor.
    pub actor_id: Option<Uuid>,
    /// What kind of thing it happened to.
    #[sea_orm(column_type = "Text")]
    pub target_kind: Option<String>,
    /// The thing that it happened to.
    pub target_id: Option<Uuid>,
    /// What happened, without personal data.
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    /// Personal data, sealed.
    pub personal_sealed: Option<Vec<u8>>,
    /// SHA-256 that the chain covers in place of the personal data.
    pub personal_hash: Option<Vec<u8>>,
    /// Its place in the tenant's chain, once sealed.
    pub seq: Option<i64>,
    /// The chain's hash up to here, once sealed.
    pub hash: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
