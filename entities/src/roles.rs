//! `roles`.

use sea_orm::entity::prelude::*;

/// A role: a name for what may be done.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "roles")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its name, which is its id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// What it is for.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// The names of the actions that it allows: an array.
    #[sea_orm(column_type = "JsonBinary")]
    pub permissions: Json,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
