//! `grants`.

use sea_orm::entity::prelude::*;

/// One authorization by one user for one application (RFC 6749 section 1.3).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grants")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who authorized.
    pub user_id: Uuid,
    /// Which application.
    pub application_id: Uuid,
    /// For which organization; the nil UUID when for none.
    pub organization_id: Uuid,
    /// The session it was given in.
    pub session_id: Option<Uuid>,
    /// What: an array of strings.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// When it was given.
    pub created_at: i64,
    /// When nothing that it gave works any longer.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
