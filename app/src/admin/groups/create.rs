//! `POST /api/v1/groups`: creates a group.

use actix_web::{HttpResponse, post, web};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::authz::groups::{self, Group};
use bailiwick_store::{Error as StoreError, TenantTx};

use super::{GroupBody, GroupMembers};
use crate::admin::auth::{CreateGroup, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::values;
use crate::cx::Cx;

/// Creates a group.
///
/// # Errors
/// 400, 401, 403, 409, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/groups",
    tag = "Management",
    operation_id = "groups_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = GroupMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is created", body = GroupBody<'_>,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 409, description = "Another one has this name", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/groups")]
pub async fn handler(
    permit: Permit<CreateGroup>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let members: GroupMembers = json::typed(body.value.clone())?;
    values::check_named(&members.name, &members.attributes)?;
    let work = create(permit.cx.clone(), permit.actor, members);
    idempotency::once(&permit, &body, work).await
}

async fn create(cx: Cx, actor: Actor, members: GroupMembers) -> Result<Created, Problem> {
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let GroupMembers { name, attributes } = members;
    let made =
        Group { id: cx.env().id(), name, attributes, version: 1, created_at: now, updated_at: now };
    let event = AuditEvent::new(cx.env(), tenant, EventKind::GroupCreated, actor);
    let (event, new) = (event.on("group", made.id.0), made.clone());
    let write = move |tx: TenantTx| async move {
        groups::insert(&tx, tenant, &new).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    let body = serde_json::json!(GroupBody::from(&made));
    Ok(Created { path: format!("/groups/{}", made.id), version: made.version, body })
}
