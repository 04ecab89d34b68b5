//! `organizations`.

use sea_orm::entity::prelude::*;

/// An organization of a tenant.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Shown to people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// What policies know about it, by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub attributes: Json,
    /// The customer tenant that it stands for, in the system tenant.
    pub customer_tenant_id: Option<Uuid>,
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
