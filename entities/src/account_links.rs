//! `account_links`.

use sea_orm::entity::prelude::*;

/// What a link in a mail stands for.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_links")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The MAC of its secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mac: Vec<u8>,
    /// What it does: `reset_password`, `register`.
    #[sea_orm(column_type = "Text")]
    pub purpose: String,
    /// Whose it is, when there is such a user already.
    pub user_id: Option<Uuid>,
    /// What it needs, sealed by the tenant's vault.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: i64,
    /// When it stops working.
    pub expires_at: i64,
    /// When it was used.
    pub used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
