//! `GET /api/v1/organizations`: the organizations of the tenant.

use actix_web::{HttpResponse, get};
use bailiwick_domain::OrganizationId;
use bailiwick_store::organizations::{self, Organization};

use super::OrganizationBody;
use crate::admin::auth::{ListOrganizations, Permit};
use crate::admin::page::{self, Page, Position, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The organizations, oldest first, a page at a time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/organizations",
    tag = "Management",
    operation_id = "organizations_list",
    params(Query),
    responses(
        (status = 200, description = "A page", body = Page<OrganizationBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/organizations")]
pub async fn handler(permit: Permit<ListOrganizations>) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, Position>(&permit)?;
    let tenant = permit.cx.tenant_id();
    let after = wanted.after.map(|(at, id)| (at, OrganizationId(id)));
    let read = move |tx| async move { organizations::page(&tx, tenant, after, wanted.read).await };
    let found: Vec<Organization> = permit.cx.store().read(tenant, read).await?;
    let place = |it: &Organization| (it.created_at, it.id.0);
    let view = |it: &Organization| serde_json::json!(OrganizationBody::from(it));
    Ok(page::answer(&permit, wanted.read, found, place, view))
}
