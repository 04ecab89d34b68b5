//! `POST /api/v1/policies/drafts/{id}/activate` and `POST /api/v1/policies/versions/{number}/activate`:
//! other policies hold from now on, on every node within a second.

use actix_web::{HttpResponse, post, web};
use bailiwick_actors::Error as OwnerError;
use bailiwick_actors::authz::{Activated, PolicyChange};
use bailiwick_store::authz::policies::Draft;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ActivatedBody, scope};
use crate::admin::auth::{ActivatePolicies, Loaded, Permit};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Why.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PolicyActivation)]
struct Body {
    /// In place of the draft's own note.
    note: String,
}

/// Makes a draft the next version, and the one that holds. It is validated first, and compiled;
/// until it is committed the version before goes on to decide. The draft is gone then. Only owners
/// activate policies of the management API.
///
/// # Errors
/// 400, 401, 403, 404, 412, 413, 415, 422, 428, 503.
#[utoipa::path(
    post,
    path = "/policies/drafts/{id}/activate",
    tag = "Management",
    operation_id = "policy_drafts_activate",
    params(
        ("id" = String, Path, description = "`drf_...`"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = Body, content_type = "application/json", example = json!({})),
    responses(
        (status = 200, description = "It holds", body = ActivatedBody),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The policies are not valid", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/policies/drafts/{id}/activate")]
pub async fn draft(
    found: Loaded<ActivatePolicies, Draft>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: draft } = found;
    scope::may_activate(&permit, draft.scope).await?;
    versions::must_match(&permit.request, draft.version)?;
    let body: Body = json::typed(json::read(&permit.request, payload, JSON).await?.value)?;
    if body.note.len() > super::NOTE {
        return Err(Problem::mistake("note", "must be at most 2000 bytes"));
    }
    let change =
        PolicyChange::Activate { draft: draft.id, version: draft.version, note: body.note };
    answer(permit.cx.tenant.change_policies(change, permit.actor).await)
}

/// Makes a version that held before the one that holds again. Of the management API only owners do.
///
/// # Errors
/// 400, 401, 403, 404, 412, 422, 503.
#[utoipa::path(
    post,
    path = "/policies/versions/{number}/activate",
    tag = "Management",
    operation_id = "policy_versions_activate",
    params(
        ("number" = i64, Path, description = "Its number"),
        ("organization" = Option<String>, Query, description = "`org_...`"),
        ("layer" = Option<String>, Query, description = "`management`"),
    ),
    responses(
        (status = 200, description = "It holds", body = ActivatedBody),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "Others were activated at the same time", body = ProblemBody),
        (status = 422, description = "It is not valid any more", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/policies/versions/{number}/activate")]
pub async fn version(permit: Permit<ActivatePolicies>) -> Result<HttpResponse, Problem> {
    let scope = scope::asked(permit.request.query_string())?;
    scope::may_activate(&permit, scope).await?;
    let number = super::versions::number(&permit.request)?;
    let change = PolicyChange::RollBack { scope, number };
    answer(permit.cx.tenant.change_policies(change, permit.actor).await)
}

fn answer(done: Result<Activated, OwnerError>) -> Result<HttpResponse, Problem> {
    match done {
        Ok(activated) => Ok(HttpResponse::Ok().json(ActivatedBody::from(activated))),
        Err(OwnerError::Policies(findings)) => Err(super::refused(findings)),
        Err(e) => Err(e.into()),
    }
}
