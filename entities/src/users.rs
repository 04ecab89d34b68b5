//! `users`.

use sea_orm::entity::prelude::*;

/// A user.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The `sub` of tokens: random, never used again.
    #[sea_orm(column_type = "Text")]
    pub sub: String,
    /// The display name.
    #[sea_orm(column_type = "Text")]
    pub name: Option<String>,
    /// Further claims by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub claims: Json,
    /// Whether it may sign in.
    pub active: bool,
    /// What the user has set up beside a password, as bits; kept in step with `credentials`.
    pub factors: i64,
    /// When it will be deleted, because its person wants that.
    pub delete_at: Option<i64>,
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
