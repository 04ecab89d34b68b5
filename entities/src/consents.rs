//! `consents`.

use sea_orm::entity::prelude::*;

/// What a user allows an application, remembered.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consents")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who allows it.
    pub user_id: Uuid,
    /// To whom.
    pub application_id: Uuid,
    /// For which organization; the nil UUID when for none.
    pub organization_id: Uuid,
    /// What: an array of strings.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was first given.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// When it was taken back.
    pub revoked_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
