//! `/api/v1/groups/{id}/members`: who is in a group.

use actix_web::{HttpResponse, delete, get, put};
use bailiwick_store::authz::groups::Group;
use bailiwick_store::authz::members::Of;

use crate::admin::auth::{GetGroup, Loaded, UpdateGroup};
use crate::admin::members::{self, MemberBody};
use crate::admin::page::{Page, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The members of a group, in the order of their ids, a page at a time.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/groups/{id}/members",
    tag = "Management",
    operation_id = "groups_members_list",
    params(("id" = String, Path, description = "`grp_...`"), Query),
    responses(
        (status = 200, description = "A page", body = Page<MemberBody>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/groups/{id}/members")]
pub async fn list(found: Loaded<GetGroup, Group>) -> Result<HttpResponse, Problem> {
    members::list(&found.permit, Of::Group(found.item.id)).await
}

/// Makes a user a member of a group; nothing happens when it is one.
///
/// # Errors
/// 401, 403, 404, 409.
#[utoipa::path(
    put,
    path = "/groups/{id}/members/{user}",
    tag = "Management",
    operation_id = "groups_members_add",
    params(
        ("id" = String, Path, description = "`grp_...`"),
        ("user" = String, Path, description = "`usr_...`"),
    ),
    responses(
        (status = 204, description = "It is a member"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 409, description = "The user is in 200 groups", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[put("/groups/{id}/members/{user}")]
pub async fn add(found: Loaded<UpdateGroup, Group>) -> Result<HttpResponse, Problem> {
    members::add(&found.permit, Of::Group(found.item.id)).await
}

/// Takes a user out of a group.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    delete,
    path = "/groups/{id}/members/{user}",
    tag = "Management",
    operation_id = "groups_members_remove",
    params(
        ("id" = String, Path, description = "`grp_...`"),
        ("user" = String, Path, description = "`usr_...`"),
    ),
    responses(
        (status = 204, description = "It is no member"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant, or it is no member",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[delete("/groups/{id}/members/{user}")]
pub async fn remove(found: Loaded<UpdateGroup, Group>) -> Result<HttpResponse, Problem> {
    members::remove(&found.permit, Of::Group(found.item.id)).await
}
