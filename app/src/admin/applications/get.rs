//! `GET /api/v1/applications/{id}`: one application.

use actix_web::{HttpResponse, get};
use bailiwick_store::applications::Stored;

use super::ApplicationBody;
use crate::admin::auth::{GetApplication, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One application, without its secrets, which nobody can read.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/applications/{id}",
    tag = "Management",
    operation_id = "applications_get",
    params(
        ("id" = String, Path, description = "`app_...`"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "The application", body = ApplicationBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/applications/{id}")]
pub async fn handler(found: Loaded<GetApplication, Stored>) -> Result<HttpResponse, Problem> {
    let app = &found.item.application;
    Ok(versions::read(&found.permit.request, app.version, &ApplicationBody::from(app)))
}
