//! `tenants`.

use sea_orm::entity::prelude::*;

/// A tenant; deletion leaves the row, so that slugs are never used again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenants")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Names it in addresses.
    #[sea_orm(column_type = "Text")]
    pub slug: String,
    /// In the names of its cookies.
    #[sea_orm(column_type = "Text")]
    pub short_id: String,
    /// Shown to people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Its one issuer.
    #[sea_orm(column_type = "Text")]
    pub issuer: String,
    /// The organization of the system tenant that it is.
    pub organization_id: Option<Uuid>,
    /// What its administrators set.
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Json,
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
