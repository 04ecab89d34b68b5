//! `DELETE /api/v1/role-assignments/{id}`: takes a role from somebody.

use actix_web::{HttpResponse, delete};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::assignments::{self, Assignment};
use bailiwick_store::{Error as StoreError, TenantTx};

use super::told;
use crate::admin::auth::{DeleteRoleAssignment, Loaded};
use crate::admin::problem::{Problem, ProblemBody};

/// Takes a role from whoever has it by this. `If-Match` is not needed: it never changes.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    delete,
    path = "/role-assignments/{id}",
    tag = "Management",
    operation_id = "role_assignments_delete",
    params(("id" = String, Path, description = "`asg_...`")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[delete("/role-assignments/{id}")]
pub async fn handler(
    found: Loaded<DeleteRoleAssignment, Assignment>,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::RoleUnassigned, permit.actor);
    let event = event.on("role_assignment", item.id.0).with(told(&item));
    let write = move |tx: TenantTx| async move {
        assignments::delete(&tx, tenant, item.id, now).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
