//! `applications`.

use sea_orm::entity::prelude::*;

/// An application (an OAuth client).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "applications")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The OAuth `client_id`, unique among the tenant's live applications.
    #[sea_orm(column_type = "Text")]
    pub client_id: String,
    /// Shown to users.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The settled `ApplicationSpec`.
    #[sea_orm(column_type = "JsonBinary")]
    pub spec: Json,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// When it was removed; null while it is alive.
    pub deleted_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
