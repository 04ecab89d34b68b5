//! `user_identifiers`.

use sea_orm::entity::prelude::*;

/// What a user signs in with: an e-mail address, a user name, a phone number.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_identifiers")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// `email`, `username` or `phone`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// The normalised form, unique for its kind in the tenant.
    #[sea_orm(column_type = "Text")]
    pub value: String,
    /// The form that the user wrote.
    #[sea_orm(column_type = "Text")]
    pub display: String,
    /// When it was shown to be the user's.
    pub verified_at: Option<i64>,
    /// When it was added.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
