//! `/api/v1/policies/drafts`: policies that are being written.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use bailiwick_domain::EventKind;
use bailiwick_policy::management;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::authz::policies::{self, Draft, Scope};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde_json::json;

use super::{DraftBody, DraftMembers, members, scope};
use crate::admin::auth::{DraftPolicies, GetPolicies, Loaded, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self as body, JSON, MERGE_PATCH};
use crate::admin::page::{self, Page, Position, Query};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;
use crate::cx::Cx;

/// The drafts of the tenant, of one of its organizations, or of its management API, oldest first.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/policies/drafts",
    tag = "Management",
    operation_id = "policy_drafts_list",
    params(
        Query,
        ("organization" = Option<String>, Query, description = "`org_...`"),
        ("layer" = Option<String>, Query, description = "`management`"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<DraftBody>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies/drafts")]
pub async fn list(permit: Permit<GetPolicies>) -> Result<HttpResponse, Problem> {
    let (wanted, of) = page::filtered::<_, Position, 2>(&permit, ["organization", "layer"])?;
    let scope = scope::parse(of)?;
    scope::must_exist(&permit.cx, scope).await?;
    let tenant = permit.cx.tenant_id();
    let after = wanted.after.map(|(at, id)| (at, id.into()));
    let read =
        move |tx| async move { policies::drafts(&tx, (tenant, scope), after, wanted.read).await };
    let found: Vec<Draft> = permit.cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let place = |draft: &Draft| (draft.created_at, draft.id.0);
    Ok(page::answer(&permit, wanted.read, found, place, |draft| DraftBody::of(draft).ok()))
}

/// Keeps a new draft. Without policies in the request it starts as the version that holds.
///
/// # Errors
/// 400, 401, 403, 409, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/policies/drafts",
    tag = "Management",
    operation_id = "policy_drafts_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = DraftMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is kept", body = DraftBody,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 409, description = "The same request is under way", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/policies/drafts")]
pub async fn create(
    permit: Permit<DraftPolicies>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::read(&permit.request, payload, JSON).await?;
    let members: DraftMembers = body::typed(body.value.clone())?;
    members.check()?;
    let scope = members.scope()?;
    scope::must_exist(&permit.cx, scope).await?;
    let work = keep(permit.cx.clone(), permit.actor, scope, members);
    idempotency::once(&permit, &body, work).await
}

async fn keep(
    cx: Cx,
    actor: Actor,
    scope: Scope,
    members: DraftMembers,
) -> Result<Created, Problem> {
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let empty = members.schema.is_none() && members.policies.is_empty();
    let mut draft = Draft {
        id: cx.env().id(),
        scope,
        bundle: members.bundle(),
        name: members.name,
        note: members.note,
        based_on: members.based_on,
        actor,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let event = AuditEvent::new(cx.env(), tenant, EventKind::PoliciesDrafted, actor);
    let event = event.on("policy_draft", draft.id.0);
    let write = move |tx: TenantTx| async move {
        if empty {
            match policies::active(&tx, tenant, scope).await? {
                (_, Some(held)) => {
                    (draft.based_on, draft.bundle) = (Some(held.number), held.bundle);
                }
                _ if scope == Scope::Management => draft.bundle = json!(management::defaults()),
                _ => {}
            }
        }
        policies::insert_draft(&tx, tenant, &draft).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(draft)
    };
    let draft = cx.store().write(tenant, write).await?;
    let body = json!(DraftBody::of(&draft)?);
    Ok(Created { path: format!("/policies/drafts/{}", draft.id), version: draft.version, body })
}

/// A draft.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/policies/drafts/{id}",
    tag = "Management",
    operation_id = "policy_drafts_get",
    params(("id" = String, Path, description = "`drf_...`")),
    responses(
        (status = 200, description = "The draft", body = DraftBody,
            headers(("ETag" = String, description = "Its version"))),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies/drafts/{id}")]
pub async fn get(found: Loaded<GetPolicies, Draft>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: draft } = found;
    Ok(versions::read(&permit.request, draft.version, &DraftBody::of(&draft)?))
}

/// Changes a draft (JSON Merge Patch, RFC 7396): a file that is `null` is removed.
///
/// # Errors
/// 400, 401, 403, 404, 412, 413, 415, 428.
#[utoipa::path(
    patch,
    path = "/policies/drafts/{id}",
    tag = "Management",
    operation_id = "policy_drafts_update",
    params(
        ("id" = String, Path, description = "`drf_...`"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = DraftMembers, content_type = "application/merge-patch+json",
        description = "Any of the members"),
    responses(
        (status = 200, description = "As it is now", body = DraftBody,
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
#[patch("/policies/drafts/{id}")]
pub async fn update(
    found: Loaded<DraftPolicies, Draft>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: draft } = found;
    versions::must_match(&permit.request, draft.version)?;
    let patch = body::read(&permit.request, payload, MERGE_PATCH).await?.value;
    let mut merged = json!(members(&draft)?);
    body::merge(&mut merged, patch);
    let members: DraftMembers = body::typed(merged)?;
    members.check()?;
    must_stay(draft.scope, members.scope()?)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let bundle = members.bundle();
    let DraftMembers { name, note, based_on, .. } = members;
    let to = Draft { name, note, based_on, bundle, ..draft };
    let event = AuditEvent::new(cx.env(), tenant, EventKind::PoliciesDrafted, permit.actor);
    let event = event.on("policy_draft", to.id.0);
    let write = move |tx: TenantTx| async move {
        let draft = policies::update_draft(&tx, tenant, &to, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(draft)
    };
    let draft = cx.store().write(tenant, write).await?;
    Ok(versions::changed(draft.version, &DraftBody::of(&draft)?))
}

fn must_stay(before: Scope, after: Scope) -> Result<(), Problem> {
    if before == after {
        return Ok(());
    }
    let layer = [before, after].contains(&Scope::Management);
    let path = if layer { "layer" } else { "organization" };
    Err(Problem::mistake(path, "cannot be changed: make another draft"))
}

/// Removes a draft.
///
/// # Errors
/// 401, 403, 404, 412, 428.
#[utoipa::path(
    delete,
    path = "/policies/drafts/{id}",
    tag = "Management",
    operation_id = "policy_drafts_delete",
    params(
        ("id" = String, Path, description = "`drf_...`"),
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
#[delete("/policies/drafts/{id}")]
pub async fn remove(found: Loaded<DraftPolicies, Draft>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: draft } = found;
    versions::must_match(&permit.request, draft.version)?;
    let (cx, tenant) = (&permit.cx, permit.cx.tenant_id());
    let event = AuditEvent::new(cx.env(), tenant, EventKind::PolicyDraftDeleted, permit.actor);
    let event = event.on("policy_draft", draft.id.0);
    let write = move |tx: TenantTx| async move {
        policies::delete_draft(&tx, tenant, (draft.id, draft.version)).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
