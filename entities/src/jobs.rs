//! `jobs`.

use sea_orm::entity::prelude::*;

/// A durable piece of work, committed with its cause.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What is to be done.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// To what.
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    /// Not before.
    pub run_at: i64,
    /// How often it was claimed.
    pub attempts: i64,
    /// Until when a node has claimed it.
    pub locked_until: Option<i64>,
    /// Why it failed last.
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    /// When it was given.
    pub created_at: i64,
    /// When it was done.
    pub finished_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
