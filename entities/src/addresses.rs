//! `addresses`.

use sea_orm::entity::prelude::*;

/// Where a tenant is found. Rows are never deleted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "addresses")]
pub struct Model {
    /// `slug:acme` or `host:login.acme.example`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub address: String,
    /// The tenant.
    pub tenant_id: Uuid,
    /// Whether its issuer is here.
    pub canonical: bool,
    /// When it stopped leading anywhere.
    pub retired_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
