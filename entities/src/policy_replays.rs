//! `policy_replays`.

use sea_orm::entity::prelude::*;

/// What a draft of policies would have decided.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_replays")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The draft.
    pub draft_id: Uuid,
    /// The organization that the draft is for; nil is the whole tenant.
    pub scope: Uuid,
    /// What the draft held.
    #[sea_orm(column_type = "JsonBinary")]
    pub bundle: Json,
    /// The first time of decisions.
    pub from_at: i64,
    /// The time after the last.
    pub to_at: i64,
    /// The time of the last decision that was looked at.
    pub after_at: Option<i64>,
    /// The last decision that was looked at.
    pub after_id: Option<Uuid>,
    /// How many decisions there are to look at.
    pub total: i64,
    /// How many were looked at.
    pub done: i64,
    /// What was found.
    #[sea_orm(column_type = "JsonBinary")]
    pub report: Json,
    /// Why it ended early.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// When it began.
    pub created_at: i64,
    /// When it is forgotten.
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
