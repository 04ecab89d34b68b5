//! `objects`.

use sea_orm::entity::prelude::*;

/// An entity that the tenant keeps here for its policies.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "objects")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The name of its type.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub kind: String,
    /// Its id among those of its type.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Its attributes, by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub attrs: Json,
    /// What it is in: an array of `type` and `id`.
    #[sea_orm(column_type = "JsonBinary")]
    pub parents: Json,
    /// Its tags, by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub tags: Json,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
