//! The tenant itself.

pub mod get;

use bailiwick_domain::{OrganizationId, Tenant, TenantId, TenantSettings};
use serde::Serialize;
use utoipa::ToSchema;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantBody<'a> {
    /// Its id.
    #[schema(value_type = String, example = "ten_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: TenantId,
    /// Names it in addresses.
    #[schema(example = "acme")]
    slug: &'a str,
    /// Shown to people.
    #[schema(example = "Acme Ltd")]
    name: &'a str,
    /// The one issuer.
    #[schema(example = "https://id.example.com/t/acme")]
    issuer: &'a str,
    /// The organization of the tenant `system` that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "org_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    organization_id: Option<OrganizationId>,
    /// What its administrators may set.
    #[schema(value_type = Object, example = json!({"limits": {"enabled": true}}))]
    settings: &'a TenantSettings,
    /// Counts its changes.
    #[schema(example = 1)]
    version: i64,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    updated_at: String,
}

impl<'a> From<&'a Tenant> for TenantBody<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        Self {
            id: tenant.id,
            slug: &tenant.slug,
            name: &tenant.name,
            issuer: &tenant.issuer,
            organization_id: tenant.organization_id,
            settings: &tenant.settings,
            version: tenant.version,
            created_at: tenant.created_at.to_rfc3339(),
            updated_at: tenant.updated_at.to_rfc3339(),
        }
    }
}
