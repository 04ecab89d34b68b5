//! `GET /api/v1/users/{id}`: one user.

use actix_web::{HttpResponse, get};
use bailiwick_domain::user::User;

use super::UserBody;
use crate::admin::auth::{GetUser, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One user.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "Management",
    operation_id = "users_get",
    params(
        ("id" = String, Path, description = "`usr_...`"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "The user", body = UserBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/users/{id}")]
pub async fn handler(found: Loaded<GetUser, User>) -> Result<HttpResponse, Problem> {
    let user = &found.item;
    Ok(versions::read(&found.permit.request, user.version, &UserBody::from(user)))
}
