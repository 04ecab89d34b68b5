//! `groups`.

use sea_orm::entity::prelude::*;

/// A group of users.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "groups")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Shown to people, unique in the tenant.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// What policies know about it, by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub attributes: Json,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
