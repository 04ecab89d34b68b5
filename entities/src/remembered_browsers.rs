//! `remembered_browsers`.

use sea_orm::entity::prelude::*;

/// A browser that a user is not asked for a second factor in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "remembered_browsers")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The browser.
    #[sea_orm(primary_key, auto_increment = false)]
    pub browser_id: Uuid,
    /// The user.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// Since when.
    pub created_at: i64,
    /// Until when.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
