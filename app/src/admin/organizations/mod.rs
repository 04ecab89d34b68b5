//! Organizations of the tenant: its own customers, in the main.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod members;
pub mod patch;

use actix_web::HttpRequest;
use bailiwick_domain::{OrganizationId, TenantId};
use bailiwick_store::organizations::{self, Organization};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::auth::{Load, named};

/// What may be set in an organization.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationMembers {
    /// Shown to people.
    #[schema(example = "Globex Corporation")]
    pub name: String,
    /// What policies know about it, in the JSON format of Cedar: at most 16 KiB, 8 levels deep.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"plan": "gold"}))]
    pub attributes: Map<String, Value>,
}

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub struct OrganizationBody<'a> {
    /// Its id.
    #[schema(value_type = String, example = "org_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: OrganizationId,
    /// Shown to people.
    #[schema(example = "Globex Corporation")]
    name: &'a str,
    /// What policies know about it.
    #[schema(value_type = Object, example = json!({"plan": "gold"}))]
    attributes: &'a Map<String, Value>,
    /// The customer tenant that it stands for, in the tenant `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ten_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    tenant_id: Option<TenantId>,
    /// Counts its changes: `v1` is the ETag of version 1.
    #[schema(example = 1)]
    version: i64,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    updated_at: String,
}

impl<'a> From<&'a Organization> for OrganizationBody<'a> {
    fn from(organization: &'a Organization) -> Self {
        Self {
            id: organization.id,
            name: &organization.name,
            attributes: &organization.attributes,
            tenant_id: organization.customer_tenant_id,
            version: organization.version,
            created_at: organization.created_at.to_rfc3339(),
            updated_at: organization.updated_at.to_rfc3339(),
        }
    }
}

impl Load for Organization {
    type Id = OrganizationId;

    fn id(request: &HttpRequest) -> Result<OrganizationId, super::problem::Problem> {
        named(request, "id")
    }

    async fn load(
        tx: TenantTx,
        tenant: TenantId,
        id: OrganizationId,
    ) -> Result<Option<Self>, StoreError> {
        organizations::get(&tx, tenant, id).await
    }

    fn version(&self) -> i64 {
        self.version
    }
}
