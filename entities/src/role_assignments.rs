//! `role_assignments`.

use sea_orm::entity::prelude::*;

/// A role that somebody has.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role_assignments")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The name of the role.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// The user that has it.
    pub user_id: Option<Uuid>,
    /// The group whose users have it.
    pub group_id: Option<Uuid>,
    /// The application that has it.
    pub application_id: Option<Uuid>,
    /// The organization that it holds in; nil is the whole tenant.
    pub organization_id: Uuid,
    /// When it was given.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
