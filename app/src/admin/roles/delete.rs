//! `DELETE /api/v1/roles/{name}`: removes a role.

use actix_web::{HttpResponse, delete};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::roles::{self, Role};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde_json::json;

use crate::admin::auth::{DeleteRole, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Removes a role, and takes it from everybody who has it. The audit event says from how many.
///
/// # Errors
/// 401, 403, 404, 412, 428.
#[utoipa::path(
    delete,
    path = "/roles/{name}",
    tag = "Management",
    operation_id = "roles_delete",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[delete("/roles/{name}")]
pub async fn handler(found: Loaded<DeleteRole, Role>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    versions::must_match(&permit.request, item.version)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::RoleDeleted, permit.actor);
    let write = move |tx: TenantTx| async move {
        let taken = roles::delete(&tx, tenant, (&item.name, item.version), now).await?;
        let event = event.with(json!({ "role": item.name, "assignments": taken }));
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
