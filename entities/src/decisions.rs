//! `decisions`.

use sea_orm::entity::prelude::*;

/// A logged decision.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decisions")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id, a UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it was made.
    pub at: i64,
    /// The application that asked.
    pub application_id: Option<Uuid>,
    /// Who wanted to do it.
    #[sea_orm(column_type = "Text")]
    pub principal: String,
    /// What.
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// To what.
    #[sea_orm(column_type = "Text")]
    pub resource: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// The ids of the policies that decided: an array.
    #[sea_orm(column_type = "JsonBinary")]
    pub policies: Json,
    /// How many policies could not be evaluated.
    pub errors: i64,
    /// The `version` of `policy_state` that it was made with.
    pub snapshot: i64,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// The whole request, sealed by the tenant's vault.
    pub request_sealed: Vec<u8>,
    /// When it is forgotten.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
