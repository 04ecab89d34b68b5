//! `POST /api/v1/roles`: creates a role.

use actix_web::{HttpResponse, post, web};
use bailiwick_domain::EventKind;
use bailiwick_store::TenantTx;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::authz::roles::{self, Role};

use super::{MOST_ROLES, RoleBody, RoleMembers};
use crate::admin::auth::{CreateRole, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody, Reason};
use crate::cx::Cx;

/// Creates a role. Nobody has it yet: give it by `POST /role-assignments`.
///
/// # Errors
/// 400, 401, 403, 409, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/roles",
    tag = "Management",
    operation_id = "roles_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = RoleMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is created", body = RoleBody<'_>,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 409, description = "There is one of this name, or the tenant has 1,000",
            body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/roles")]
pub async fn handler(
    permit: Permit<CreateRole>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let members: RoleMembers = json::typed(body.value.clone())?;
    members.check()?;
    let work = create(permit.cx.clone(), permit.actor, members);
    idempotency::once(&permit, &body, work).await
}

async fn create(cx: Cx, actor: Actor, members: RoleMembers) -> Result<Created, Problem> {
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let role = Role {
        name: members.name,
        description: members.description,
        permissions: members.permissions,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let event = AuditEvent::new(cx.env(), tenant, EventKind::RoleCreated, actor);
    let event = event.with(serde_json::json!({ "role": role.name }));
    let new = role.clone();
    let write = move |tx: TenantTx| async move {
        if roles::count(&tx, tenant).await? >= MOST_ROLES {
            return Err(Problem::new(Reason::Full, "a tenant has at most 1,000 roles"));
        }
        roles::insert(&tx, tenant, &new).await?;
        audit::append(&tx, &[event]).await?;
        Ok(())
    };
    cx.store().write(tenant, write).await?;
    let body = serde_json::json!(RoleBody::from(&role));
    Ok(Created { path: format!("/roles/{}", role.name), version: role.version, body })
}
