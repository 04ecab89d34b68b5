//! `DELETE /api/v1/groups/{id}`: removes a group.

use actix_web::{HttpResponse, delete};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::groups::{self, Group};
use bailiwick_store::{Error as StoreError, TenantTx};

use crate::admin::auth::{DeleteGroup, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Removes a group, with the roles that it has. Its users stay.
///
/// # Errors
/// 401, 403, 404, 412, 428.
#[utoipa::path(
    delete,
    path = "/groups/{id}",
    tag = "Management",
    operation_id = "groups_delete",
    params(
        ("id" = String, Path, description = "`grp_...`"),
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
#[delete("/groups/{id}")]
pub async fn handler(found: Loaded<DeleteGroup, Group>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    versions::must_match(&permit.request, item.version)?;
    let (cx, seen) = (&permit.cx, (item.id, item.version));
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::GroupDeleted, permit.actor);
    let event = event.on("group", item.id.0);
    let write = move |tx: TenantTx| async move {
        groups::delete(&tx, tenant, seen, now).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
