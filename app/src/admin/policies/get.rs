//! `GET /api/v1/policies`: which policies hold.

use actix_web::{HttpResponse, get};
use bailiwick_domain::OrganizationId;
use bailiwick_domain::authz::AuthzMode;
use bailiwick_store::Error as StoreError;
use bailiwick_store::authz::policies;
use serde::Serialize;
use utoipa::ToSchema;

use super::scope::{self, Layer};
use crate::admin::auth::{GetPolicies, Permit};
use crate::admin::problem::{Problem, ProblemBody};

/// Which policies hold.
#[derive(Serialize, ToSchema)]
#[schema(as = Policies)]
struct Body {
    /// The organization; absent for the whole tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    organization: Option<OrganizationId>,
    /// `management` for the management API.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<Layer>,
    /// The number of the version that holds; absent while none was activated.
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<i64>,
    /// Counts what changes decisions: activations and changes of roles. Decisions carry it as
    /// `snapshot_version`.
    snapshot_version: i64,
    /// `permissive` or `strict`; the management API is strict.
    #[schema(value_type = String)]
    mode: AuthzMode,
}

/// Tells which version holds: of the tenant, of one of its organizations, or of its management API.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/policies",
    tag = "Management",
    operation_id = "policies_get",
    params(
        ("organization" = Option<String>, Query, description = "`org_...`"),
        ("layer" = Option<String>, Query, description = "`management`"),
    ),
    responses(
        (status = 200, description = "Which policies hold", body = Body),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies")]
pub async fn handler(permit: Permit<GetPolicies>) -> Result<HttpResponse, Problem> {
    let cx = &permit.cx;
    let (tenant, scope) = (cx.tenant_id(), scope::asked(permit.request.query_string())?);
    scope::must_exist(cx, scope).await?;
    let read = move |tx| async move { policies::state(&tx, tenant, scope).await };
    let state = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let (organization, layer) = scope::members(scope);
    let mode = match layer {
        Some(Layer::Management) => AuthzMode::Strict,
        None => cx.view.tenant.settings.authz.mode,
    };
    let (active, snapshot_version) = (state.active, state.version);
    Ok(HttpResponse::Ok().json(Body { organization, layer, active, snapshot_version, mode }))
}
