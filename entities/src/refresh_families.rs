//! `refresh_families`.

use sea_orm::entity::prelude::*;

/// A family of refresh tokens.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_families")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The grant that it extends.
    pub grant_id: Uuid,
    /// The application that it was issued to.
    pub application_id: Uuid,
    /// The user that it is about.
    pub user_id: Uuid,
    /// The generation that is valid now, from 0.
    pub generation: i64,
    /// When that generation was issued.
    pub rotated_at: i64,
    /// What the token endpoint needs when it refreshes.
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Json,
    /// When it was issued.
    pub created_at: i64,
    /// When it stops working.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// The command that rotated it last.
    pub command_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
