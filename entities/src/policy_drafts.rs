//! `policy_drafts`.

use sea_orm::entity::prelude::*;

/// Policies that are being written.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_drafts")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that it is for; nil is the whole tenant.
    pub scope: Uuid,
    /// Shown to people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Schema, policies and links.
    #[sea_orm(column_type = "JsonBinary")]
    pub bundle: Json,
    /// Why.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// The number of the version that it started from.
    pub based_on: Option<i64>,
    /// What kind of actor made it.
    #[sea_orm(column_type = "Text")]
    pub actor_kind: String,
    /// The tenant that the actor belongs to.
    pub actor_tenant_id: Uuid,
    /// The actor.
    pub actor_id: Option<Uuid>,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
