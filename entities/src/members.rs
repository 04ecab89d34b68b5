//! `members`.

use sea_orm::entity::prelude::*;

/// A user as a member of an organization.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "members")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The organization.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// The user.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// What the member may do.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// When it joined.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
