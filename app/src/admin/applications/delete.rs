//! `DELETE /api/v1/applications/{id}`: removes an application.

use actix_web::{HttpResponse, delete};
use bailiwick_actors::Change;
use bailiwick_store::applications::Stored;

use crate::admin::auth::{DeleteApplication, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Removes an application: what it was given stops working at once, and is erased soon after.
///
/// # Errors
/// 401, 403, 404, 412, 428.
#[utoipa::path(
    delete,
    path = "/applications/{id}",
    tag = "Management",
    operation_id = "applications_delete",
    params(
        ("id" = String, Path, description = "`app_...`"),
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
#[delete("/applications/{id}")]
pub async fn handler(found: Loaded<DeleteApplication, Stored>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    let app = item.application;
    versions::must_match(&permit.request, app.version)?;
    let change = Change::DeleteApplication { id: app.id, version: app.version };
    permit.cx.tenant.change(change, permit.actor).await?;
    Ok(HttpResponse::NoContent().finish())
}
