//! `credentials`.

use sea_orm::entity::prelude::*;

/// A credential of a user.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credentials")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// `password`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// For a password: its hash.
    #[sea_orm(column_type = "Text")]
    pub data: String,
    /// When it was made.
    pub created_at: i64,
    /// When it was last set; a better hash of the same password does not count.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
