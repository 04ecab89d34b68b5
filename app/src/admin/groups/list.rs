//! `GET /api/v1/groups`: the groups of the tenant.

use actix_web::{HttpResponse, get};
use bailiwick_domain::GroupId;
use bailiwick_store::authz::groups::{self, Group};

use super::GroupBody;
use crate::admin::auth::{ListGroups, Permit};
use crate::admin::page::{self, Page, Position, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The groups, oldest first, a page at a time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/groups",
    tag = "Management",
    operation_id = "groups_list",
    params(Query),
    responses(
        (status = 200, description = "A page", body = Page<GroupBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/groups")]
pub async fn handler(permit: Permit<ListGroups>) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, Position>(&permit)?;
    let tenant = permit.cx.tenant_id();
    let after = wanted.after.map(|(at, id)| (at, GroupId(id)));
    let read = move |tx| async move { groups::page(&tx, tenant, after, wanted.read).await };
    let found: Vec<Group> = permit.cx.store().read(tenant, read).await?;
    let place = |it: &Group| (it.created_at, it.id.0);
    let view = |it: &Group| serde_json::json!(GroupBody::from(it));
    Ok(page::answer(&permit, wanted.read, found, place, view))
}
