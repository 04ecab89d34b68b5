//! `GET /api/v1/organizations/{id}`: one organization.

use actix_web::{HttpResponse, get};
use bailiwick_store::organizations::Organization;

use super::OrganizationBody;
use crate::admin::auth::{GetOrganization, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One organization.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/organizations/{id}",
    tag = "Management",
    operation_id = "organizations_get",
    params(
        ("id" = String, Path, description = "`org_...`"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "It", body = OrganizationBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/organizations/{id}")]
pub async fn handler(
    found: Loaded<GetOrganization, Organization>,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    Ok(versions::read(&permit.request, item.version, &OrganizationBody::from(&item)))
}
