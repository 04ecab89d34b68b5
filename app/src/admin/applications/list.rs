//! `GET /api/v1/applications`: the applications of the tenant.

use actix_web::{HttpResponse, get};
use bailiwick_domain::{Application, ApplicationId};
use bailiwick_store::applications;

use super::ApplicationBody;
use crate::admin::auth::{ListApplications, Permit};
use crate::admin::page::{self, Page, Position, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The applications, oldest first, a page at a time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/applications",
    tag = "Management",
    operation_id = "applications_list",
    params(Query),
    responses(
        (status = 200, description = "A page", body = Page<ApplicationBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/applications")]
pub async fn handler(permit: Permit<ListApplications>) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, Position>(&permit)?;
    let tenant = permit.cx.tenant_id();
    let after = wanted.after.map(|(at, id)| (at, ApplicationId(id)));
    let read = move |tx| async move { applications::page(&tx, tenant, after, wanted.read).await };
    let found: Vec<Application> = permit.cx.store().read(tenant, read).await?;
    let place = |app: &Application| (app.created_at, app.id.0);
    let view = |app: &Application| serde_json::json!(ApplicationBody::from(app));
    Ok(page::answer(&permit, wanted.read, found, place, view))
}
