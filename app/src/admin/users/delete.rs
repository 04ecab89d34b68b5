//! `DELETE /api/v1/users/{id}`: removes a user.

use actix_web::{HttpResponse, delete};
use bailiwick_domain::EventKind;
use bailiwick_domain::user::User;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::{Error as StoreError, TenantTx, users};

use crate::admin::auth::{DeleteUser, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;
use crate::flow::cut_off::{cut_off, tell};

/// Removes a user: its sessions, grants and tokens end at once, and it is erased soon after. Its
/// address is free again; its `sub` is never used again.
///
/// # Errors
/// 401, 403, 404, 412, 428.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "Management",
    operation_id = "users_delete",
    params(
        ("id" = String, Path, description = "`usr_...`"),
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
#[delete("/users/{id}")]
pub async fn handler(found: Loaded<DeleteUser, User>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: user } = found;
    versions::must_match(&permit.request, user.version)?;
    let (cx, id, version) = (&permit.cx, user.id, user.version);
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::UserDeleted, permit.actor);
    let event = event.on("user", id.0);
    let purge = NewJob {
        id: cx.env().id(),
        kind: JobKind::PurgeDeleted,
        payload: serde_json::json!({ "user": id }),
        run_at: now,
    };
    let write = move |tx: TenantTx| async move {
        let revoked = cut_off(&tx, tenant, id, now).await?;
        users::delete(&tx, tenant, id, version, now).await?;
        jobs::enqueue(&tx, tenant, &purge, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(revoked)
    };
    let revoked = cx.store().write(tenant, write).await?;
    tell(cx, revoked).await;
    Ok(HttpResponse::NoContent().finish())
}
