//! `PATCH /api/v1/organizations/{id}`: changes an organization (JSON Merge Patch, RFC 7396).

use actix_web::{HttpResponse, patch, web};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::organizations::{self, Organization};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde_json::json;

use super::{OrganizationBody, OrganizationMembers};
use crate::admin::auth::{Loaded, UpdateOrganization};
use crate::admin::json::{self as body, MERGE_PATCH};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::{values, versions};

/// Changes an organization. A member of `attributes` that is `null` is removed.
///
/// # Errors
/// 400, 401, 403, 404, 412, 413, 415, 428.
#[utoipa::path(
    patch,
    path = "/organizations/{id}",
    tag = "Management",
    operation_id = "organizations_update",
    params(
        ("id" = String, Path, description = "`org_...`"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = OrganizationMembers, content_type = "application/merge-patch+json",
        description = "Any of the members"),
    responses(
        (status = 200, description = "As it is now", body = OrganizationBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/merge-patch+json`", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[patch("/organizations/{id}")]
pub async fn handler(
    found: Loaded<UpdateOrganization, Organization>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    let cx = &permit.cx;
    versions::must_match(&permit.request, item.version)?;
    let patch = body::read(&permit.request, payload, MERGE_PATCH).await?.value;
    let mut members = json!({ "name": item.name, "attributes": item.attributes });
    body::merge(&mut members, patch);
    let OrganizationMembers { name, attributes } = body::typed(members)?;
    values::check_named(&name, &attributes)?;
    let changed: Vec<&str> =
        [("name", name != item.name), ("attributes", attributes != item.attributes)]
            .into_iter()
            .filter_map(|(name, changed)| changed.then_some(name))
            .collect();
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::OrganizationUpdated, permit.actor)
        .on("organization", item.id.0)
        .with(json!({ "changed": changed }));
    let to = Organization { name, attributes, ..item };
    let write = move |tx: TenantTx| async move {
        let after = organizations::update(&tx, tenant, &to, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(after)
    };
    let after = cx.store().write(tenant, write).await?;
    Ok(versions::changed(after.version, &OrganizationBody::from(&after)))
}
