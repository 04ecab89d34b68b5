//! `policy_state`.

use sea_orm::entity::prelude::*;

/// Which policies hold.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_state")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The organization that it is for; nil is the whole tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Uuid,
    /// The number of the version that holds.
    pub active: Option<i64>,
    /// Counts what changes decisions: activations, and in the whole tenant's row roles too.
    pub version: i64,
    /// When that was.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
