//! `POST /api/v1/policies/drafts/{id}/validate`: what activating a draft would find.

use actix_web::{HttpResponse, post};
use bailiwick_store::authz::policies::Draft;
use serde::Serialize;
use utoipa::ToSchema;

use super::FindingBody;
use crate::admin::auth::{GetPolicies, Loaded};
use crate::admin::problem::{Problem, ProblemBody};

/// What was found.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyValidation)]
struct Body {
    /// Whether it could be activated.
    valid: bool,
    /// What is wrong or worth knowing.
    findings: Vec<FindingBody>,
}

/// Validates a draft against its schema, the tenant's roles and the platform's own types; one of the
/// management API against the schema of that. Nothing changes.
///
/// # Errors
/// 401, 403, 404, 503.
#[utoipa::path(
    post,
    path = "/policies/drafts/{id}/validate",
    tag = "Management",
    operation_id = "policy_drafts_validate",
    params(("id" = String, Path, description = "`drf_...`")),
    responses(
        (status = 200, description = "What was found", body = Body),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/policies/drafts/{id}/validate")]
pub async fn handler(found: Loaded<GetPolicies, Draft>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: draft } = found;
    let findings = permit.cx.tenant.validate_policies(draft.scope, draft.bundle).await?;
    let findings: Vec<FindingBody> = findings.into_iter().map(FindingBody::from).collect();
    let valid = findings.iter().all(|f| f.severity == "warning");
    Ok(HttpResponse::Ok().json(Body { valid, findings }))
}
