//! `DELETE /api/v1/entities/{type}/{id}`: removes an entity.

use actix_web::{HttpResponse, delete};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::objects::{self, Object};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde_json::json;

use crate::admin::auth::{Loaded, WriteEntities};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Removes an entity. What was in it stays, and is in nothing that is there.
///
/// # Errors
/// 400, 401, 403, 404, 412, 428.
#[utoipa::path(
    delete,
    path = "/entities/{type}/{id}",
    tag = "Management",
    operation_id = "entities_delete",
    params(
        ("type" = String, Path, description = "The name of its type"),
        ("id" = String, Path, description = "Its id, percent-encoded"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "Nothing can be named so", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[delete("/entities/{type}/{id}")]
pub async fn handler(found: Loaded<WriteEntities, Object>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    versions::must_match(&permit.request, item.version)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::EntitiesDeleted, permit.actor);
    let event = event.with(json!({ "entity": item.data.uid }));
    let write = move |tx: TenantTx| async move {
        objects::delete(&tx, tenant, (&item.data.uid, item.version), now).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
