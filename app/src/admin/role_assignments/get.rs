//! `GET /api/v1/role-assignments/{id}`: one role of somebody.

use actix_web::{HttpResponse, get};
use bailiwick_store::authz::assignments::Assignment;

use super::AssignmentBody;
use crate::admin::auth::{GetRoleAssignment, Load as _, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One role of somebody.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/role-assignments/{id}",
    tag = "Management",
    operation_id = "role_assignments_get",
    params(
        ("id" = String, Path, description = "`asg_...`"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "It", body = AssignmentBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/role-assignments/{id}")]
pub async fn handler(
    found: Loaded<GetRoleAssignment, Assignment>,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    Ok(versions::read(&permit.request, item.version(), &AssignmentBody::from(&item)))
}
