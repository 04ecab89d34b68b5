//! `GET /api/v1/groups/{id}`: one group.

use actix_web::{HttpResponse, get};
use bailiwick_store::authz::groups::Group;

use super::GroupBody;
use crate::admin::auth::{GetGroup, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One group.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/groups/{id}",
    tag = "Management",
    operation_id = "groups_get",
    params(
        ("id" = String, Path, description = "`grp_...`"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "It", body = GroupBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/groups/{id}")]
pub async fn handler(found: Loaded<GetGroup, Group>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    Ok(versions::read(&permit.request, item.version, &GroupBody::from(&item)))
}
