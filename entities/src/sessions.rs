//! `sessions`.

use sea_orm::entity::prelude::*;

/// A session of one account in one browser.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id: the `sid` of tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The browser.
    pub browser_id: Uuid,
    /// The account.
    pub user_id: Uuid,
    /// How and when the user was authenticated: an array of `Authentication`.
    #[sea_orm(column_type = "JsonBinary")]
    pub authentications: Json,
    /// What the browser said of itself and where it was, sealed by the tenant's vault.
    pub device: Option<Vec<u8>>,
    /// When the user last authenticated.
    pub auth_time: i64,
    /// When it started.
    pub created_at: i64,
    /// When it was last used.
    pub last_used_at: i64,
    /// When it ends unless it is used.
    pub idle_expires_at: i64,
    /// When it ends in any case.
    pub expires_at: i64,
    /// When it was ended.
    pub ended_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
