//! `DELETE /api/v1/organizations/{id}`: removes an organization.

use actix_web::{HttpResponse, delete};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::organizations::{self, Organization};
use bailiwick_store::{Error as StoreError, TenantTx};

use crate::admin::auth::{DeleteOrganization, Loaded};
use crate::admin::problem::{Problem, ProblemBody, Reason};
use crate::admin::versions;

/// Removes an organization: nobody is in it from here on, and the roles that hold in it and its
/// policies are gone. Its users stay.
///
/// # Errors
/// 401, 403, 404, 409, 412, 428.
#[utoipa::path(
    delete,
    path = "/organizations/{id}",
    tag = "Management",
    operation_id = "organizations_delete",
    params(
        ("id" = String, Path, description = "`org_...`"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 409, description = "A tenant stands on it", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[delete("/organizations/{id}")]
pub async fn handler(
    found: Loaded<DeleteOrganization, Organization>,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    if item.customer_tenant_id.is_some() {
        let detail = "it stands for a tenant, whose administrators are its members";
        return Err(Problem::new(Reason::InUse, detail));
    }
    versions::must_match(&permit.request, item.version)?;
    let (cx, seen) = (&permit.cx, (item.id, item.version));
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::OrganizationDeleted, permit.actor);
    let event = event.on("organization", item.id.0);
    let purge = NewJob {
        id: cx.env().id(),
        kind: JobKind::PurgeDeleted,
        payload: serde_json::json!({ "organization": item.id }),
        run_at: now,
    };
    let write = move |tx: TenantTx| async move {
        organizations::delete(&tx, tenant, seen, now).await?;
        jobs::enqueue(&tx, tenant, &purge, now).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
