//! `policy_versions`.

use sea_orm::entity::prelude::*;

/// Policies that were activated once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_versions")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The organization that it is for; nil is the whole tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: Uuid,
    /// Its number in its scope, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Schema, policies and links.
    #[sea_orm(column_type = "JsonBinary")]
    pub bundle: Json,
    /// Why.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// What kind of actor activated it.
    #[sea_orm(column_type = "Text")]
    pub actor_kind: String,
    /// The tenant that the actor belongs to.
    pub actor_tenant_id: Uuid,
    /// The actor.
    pub actor_id: Option<Uuid>,
    /// When it was activated first.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
