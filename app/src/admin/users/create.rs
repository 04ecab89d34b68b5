//! `POST /api/v1/users`: creates a user.

use actix_web::{HttpResponse, post, web};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::users::{self, Email, NewUser};
use bailiwick_store::{Error as StoreError, TenantTx};

use super::{UserBody, UserMembers};
use crate::admin::auth::{CreateUser, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};
use crate::cx::Cx;

/// Creates a user, who may sign in at once when it has an address and a password.
///
/// # Errors
/// 400, 401, 403, 409, 413, 415, 422, 503.
#[utoipa::path(
    post,
    path = "/users",
    tag = "Management",
    operation_id = "users_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = UserMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is created", body = UserBody<'_>,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 409, description = "Another one has this address", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
        (status = 503, description = "Too many passwords are being hashed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/users")]
pub async fn handler(
    permit: Permit<CreateUser>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let members: UserMembers = json::typed(body.value.clone())?;
    let email = members.check(&permit.cx)?;
    if !members.active {
        return Err(Problem::mistake("active", "a new user is active"));
    }
    let work = create(permit.cx.clone(), permit.actor, members, email);
    idempotency::once(&permit, &body, work).await
}

async fn create(
    cx: Cx,
    actor: Actor,
    mut members: UserMembers,
    email: Option<Email>,
) -> Result<Created, Problem> {
    let (name, claims) = (members.name.take(), std::mem::take(&mut members.claims));
    let new = NewUser {
        id: cx.env().id(),
        sub: cx.env().token::<16>(),
        email,
        name,
        claims,
        password_hash: members.hash(&cx).await?,
    };
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::UserCreated, actor);
    let event = event.on("user", new.id.0);
    let write = move |tx: TenantTx| async move {
        let user = users::create(&tx, tenant, &new, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(user)
    };
    let user = cx.store().write(tenant, write).await?;
    let body = serde_json::json!(UserBody::from(&user));
    Ok(Created { path: format!("/users/{}", user.id), version: user.version, body })
}
