//! `GET /api/v1/tenant`: the tenant.

use actix_web::{HttpResponse, get};

use super::TenantBody;
use crate::admin::auth::{GetTenant, Permit};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// The tenant, with its settings.
///
/// # Errors
/// 401, 403.
#[utoipa::path(
    get,
    path = "/tenant",
    tag = "Management",
    operation_id = "tenant_get",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag that you have")),
    responses(
        (status = 200, description = "The tenant", body = TenantBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/tenant")]
pub async fn handler(permit: Permit<GetTenant>) -> Result<HttpResponse, Problem> {
    let tenant = &permit.cx.view.tenant;
    Ok(versions::read(&permit.request, tenant.version, &TenantBody::from(tenant.as_ref())))
}
