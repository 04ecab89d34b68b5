//! `GET /api/v1/roles`: the roles of the tenant.

use actix_web::{HttpResponse, get};
use bailiwick_store::authz::roles::{self, Role};

use super::RoleBody;
use crate::admin::auth::{ListRoles, Permit};
use crate::admin::page::{self, Page, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The roles, in the order of their names, a page at a time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/roles",
    tag = "Management",
    operation_id = "roles_list",
    params(Query),
    responses(
        (status = 200, description = "A page", body = Page<RoleBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/roles")]
pub async fn handler(permit: Permit<ListRoles>) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, String>(&permit)?;
    let tenant = permit.cx.tenant_id();
    let read = move |tx| async move {
        roles::page(&tx, tenant, wanted.after.as_deref(), wanted.read).await
    };
    let found: Vec<Role> = permit.cx.store().read(tenant, read).await?;
    let view = |role: &Role| serde_json::json!(RoleBody::from(role));
    Ok(page::answer(&permit, wanted.read, found, |role| role.name.clone(), view))
}
