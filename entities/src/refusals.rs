//! `refusals`.

use sea_orm::entity::prelude::*;

/// How often something was refused, per minute.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refusals")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The start of the minute.
    #[sea_orm(primary_key, auto_increment = false)]
    pub minute: i64,
    /// What was refused.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub kind: String,
    /// The application; nil when unknown.
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: Uuid,
    /// The network that asked.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub network: String,
    /// How often.
    pub count: i64,
}

impl ActiveModelBehavior for ActiveModel {}
