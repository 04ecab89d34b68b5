//! `POST /api/v1/organizations`: creates an organization.

use actix_web::{HttpResponse, post, web};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::organizations::{self, NewOrganization};
use bailiwick_store::{Error as StoreError, TenantTx};

use super::{OrganizationBody, OrganizationMembers};
use crate::admin::auth::{CreateOrganization, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::values;
use crate::cx::Cx;

/// Creates an organization.
///
/// # Errors
/// 400, 401, 403, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/organizations",
    tag = "Management",
    operation_id = "organizations_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = OrganizationMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is created", body = OrganizationBody<'_>,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/organizations")]
pub async fn handler(
    permit: Permit<CreateOrganization>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let members: OrganizationMembers = json::typed(body.value.clone())?;
    values::check_named(&members.name, &members.attributes)?;
    let work = create(permit.cx.clone(), permit.actor, members);
    idempotency::once(&permit, &body, work).await
}

async fn create(cx: Cx, actor: Actor, members: OrganizationMembers) -> Result<Created, Problem> {
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let OrganizationMembers { name, attributes } = members;
    let new = NewOrganization { id: cx.env().id(), name, attributes, customer_tenant_id: None };
    let event = AuditEvent::new(cx.env(), tenant, EventKind::OrganizationCreated, actor);
    let event = event.on("organization", new.id.0);
    let write = move |tx: TenantTx| async move {
        let made = organizations::insert(&tx, tenant, &new, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(made)
    };
    let made = cx.store().write(tenant, write).await?;
    let body = serde_json::json!(OrganizationBody::from(&made));
    Ok(Created { path: format!("/organizations/{}", made.id), version: made.version, body })
}
