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
    /// `password`, `passkey`, `totp`, `recovery_code`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// For a password its hash, for a passkey its public half, for the rest a sealed secret.
    #[sea_orm(column_type = "Text")]
    pub data: String,
    /// What the user calls it.
    #[sea_orm(column_type = "Text", nullable)]
    pub name: Option<String>,
    /// What has to grow with every use: the time step of a code, the signature counter of a passkey.
    pub counter: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it was last set; a better hash of the same password does not count.
    pub updated_at: i64,
    /// When it was last used.
    pub last_used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
