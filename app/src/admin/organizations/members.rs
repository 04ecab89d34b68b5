//! `/api/v1/organizations/{id}/members`: who is in an organization.

use actix_web::{HttpResponse, delete, get, put};
use bailiwick_store::authz::members::Of;
use bailiwick_store::organizations::Organization;

use crate::admin::auth::{GetOrganization, Loaded, UpdateOrganization};
use crate::admin::members::{self, MemberBody};
use crate::admin::page::{Page, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The members of an organization, in the order of their ids, a page at a time.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/organizations/{id}/members",
    tag = "Management",
    operation_id = "organizations_members_list",
    params(("id" = String, Path, description = "`org_...`"), Query),
    responses(
        (status = 200, description = "A page", body = Page<MemberBody>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/organizations/{id}/members")]
pub async fn list(found: Loaded<GetOrganization, Organization>) -> Result<HttpResponse, Problem> {
    members::list(&found.permit, Of::Organization(found.item.id)).await
}

/// Makes a user a member of an organization; nothing happens when it is one.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    put,
    path = "/organizations/{id}/members/{user}",
    tag = "Management",
    operation_id = "organizations_members_add",
    params(
        ("id" = String, Path, description = "`org_...`"),
        ("user" = String, Path, description = "`usr_...`"),
    ),
    responses(
        (status = 204, description = "It is a member"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[put("/organizations/{id}/members/{user}")]
pub async fn add(found: Loaded<UpdateOrganization, Organization>) -> Result<HttpResponse, Problem> {
    members::add(&found.permit, Of::Organization(found.item.id)).await
}

/// Takes a user out of an organization, with its own roles there.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    delete,
    path = "/organizations/{id}/members/{user}",
    tag = "Management",
    operation_id = "organizations_members_remove",
    params(
        ("id" = String, Path, description = "`org_...`"),
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
#[delete("/organizations/{id}/members/{user}")]
pub async fn remove(
    found: Loaded<UpdateOrganization, Organization>,
) -> Result<HttpResponse, Problem> {
    members::remove(&found.permit, Of::Organization(found.item.id)).await
}
