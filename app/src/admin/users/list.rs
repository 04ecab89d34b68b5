//! `GET /api/v1/users`: the users of the tenant.

use actix_web::{HttpResponse, get};
use bailiwick_domain::UserId;
use bailiwick_domain::user::User;
use bailiwick_store::users;

use super::UserBody;
use crate::admin::auth::{ListUsers, Permit};
use crate::admin::page::{self, Page, Position, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The users, oldest first, a page at a time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/users",
    tag = "Management",
    operation_id = "users_list",
    params(Query),
    responses(
        (status = 200, description = "A page", body = Page<UserBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/users")]
pub async fn handler(permit: Permit<ListUsers>) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, Position>(&permit)?;
    let tenant = permit.cx.tenant_id();
    let after = wanted.after.map(|(at, id)| (at, UserId(id)));
    let read = move |tx| async move { users::page(&tx, tenant, after, wanted.read).await };
    let found: Vec<User> = permit.cx.store().read(tenant, read).await?;
    let place = |user: &User| (user.created_at, user.id.0);
    let view = |user: &User| serde_json::json!(UserBody::from(user));
    Ok(page::answer(&permit, wanted.read, found, place, view))
}
