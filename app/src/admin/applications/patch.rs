//! `PATCH /api/v1/applications/{id}`: changes an application (JSON Merge Patch, RFC 7396).

use actix_web::{HttpResponse, patch, web};
use bailiwick_actors::{Change, Changed};
use bailiwick_domain::ApplicationSpec;
use bailiwick_store::applications::Stored;

use super::{ApplicationBody, ApplicationMembers};
use crate::admin::auth::{Loaded, UpdateApplication};
use crate::admin::json::{self, MERGE_PATCH};
use crate::admin::problem::{Problem, ProblemBody, Reason};
use crate::admin::versions;

/// Changes what an application is registered with. A member that is `null` gets its default.
///
/// # Errors
/// 400, 401, 403, 404, 409, 412, 413, 415, 428.
#[utoipa::path(
    patch,
    path = "/applications/{id}",
    tag = "Management",
    operation_id = "applications_update",
    params(
        ("id" = String, Path, description = "`app_...`"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = ApplicationMembers, content_type = "application/merge-patch+json",
        description = "Any of the members"),
    responses(
        (status = 200, description = "As it is now", body = ApplicationBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 409, description = "Another one has this `client_id`", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/merge-patch+json`", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[patch("/applications/{id}")]
pub async fn handler(
    found: Loaded<UpdateApplication, Stored>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    let app = &item.application;
    versions::must_match(&permit.request, app.version)?;
    let patch = json::read(&permit.request, payload, MERGE_PATCH).await?.value;
    let mut members = serde_json::json!(app.spec);
    json::merge(&mut members, patch);
    let spec: ApplicationSpec = json::typed(members)?;
    let development = permit.cx.platform().options().development;
    let spec = spec.settle(development).map_err(Problem::mistakes)?;
    if spec.auth_method().uses_secret() && item.secrets.is_empty() {
        let message = "this application has no client secret: register a new one with this method";
        return Err(Problem::mistake("token_endpoint_auth_method", message));
    }
    let change = Change::UpdateApplication { id: app.id, version: app.version, spec };
    match permit.cx.tenant.change(change, permit.actor).await? {
        Changed::Application(app) => {
            Ok(versions::changed(app.version, &ApplicationBody::from(&app)))
        }
        _ => Err(Problem::new(Reason::Internal, "give us the request id")),
    }
}
