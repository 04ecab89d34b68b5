//! `PATCH /api/v1/roles/{name}`: changes a role (JSON Merge Patch, RFC 7396).

use actix_web::{HttpResponse, patch, web};
use bailiwick_domain::EventKind;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::roles::{self, Role};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde_json::json;

use super::{RoleBody, RoleMembers};
use crate::admin::auth::{Loaded, UpdateRole};
use crate::admin::json::{self as body, MERGE_PATCH};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Changes what a role is for, and what it allows: for everybody who has it, at once. Its name
/// stays.
///
/// # Errors
/// 400, 401, 403, 404, 412, 413, 415, 428.
#[utoipa::path(
    patch,
    path = "/roles/{name}",
    tag = "Management",
    operation_id = "roles_update",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = RoleMembers, content_type = "application/merge-patch+json",
        description = "`description`, `permissions` or both"),
    responses(
        (status = 200, description = "As it is now", body = RoleBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/merge-patch+json`", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[patch("/roles/{name}")]
pub async fn handler(
    found: Loaded<UpdateRole, Role>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    let cx = &permit.cx;
    versions::must_match(&permit.request, item.version)?;
    let patch = body::read(&permit.request, payload, MERGE_PATCH).await?.value;
    let mut members = json!({
        "name": item.name,
        "description": item.description,
        "permissions": item.permissions,
    });
    body::merge(&mut members, patch);
    let members: RoleMembers = body::typed(members)?;
    if members.name != item.name {
        let message = "stays what it is: policies name the role by it";
        return Err(Problem::mistake("name", message));
    }
    members.check()?;
    let (before, after) = (&item.permissions, &members.permissions);
    let without = |from: &[String], these: &[String]| -> Vec<String> {
        from.iter().filter(|name| !these.contains(name)).cloned().collect()
    };
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::RoleUpdated, permit.actor);
    let event = event.with(json!({
        "role": item.name,
        "allowed": without(after, before),
        "no_longer_allowed": without(before, after),
    }));
    let RoleMembers { description, permissions, .. } = members;
    let to = Role { description, permissions, ..item };
    let write = move |tx: TenantTx| async move {
        let after = roles::update(&tx, tenant, &to, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(after)
    };
    let after = cx.store().write(tenant, write).await?;
    Ok(versions::changed(after.version, &RoleBody::from(&after)))
}
