//! `GET /api/v1/roles/{name}`: one role.

use actix_web::{HttpResponse, get};
use bailiwick_store::authz::roles::Role;

use super::RoleBody;
use crate::admin::auth::{GetRole, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One role.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/roles/{name}",
    tag = "Management",
    operation_id = "roles_get",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "It", body = RoleBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/roles/{name}")]
pub async fn handler(found: Loaded<GetRole, Role>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    Ok(versions::read(&permit.request, item.version, &RoleBody::from(&item)))
}
