//! `GET /api/v1/entities/{type}/{id}`: one entity.

use actix_web::{HttpResponse, get};
use bailiwick_store::authz::objects::Object;

use super::EntityBody;
use crate::admin::auth::{GetEntity, Loaded};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// One entity.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/entities/{type}/{id}",
    tag = "Management",
    operation_id = "entities_get",
    params(
        ("type" = String, Path, description = "The name of its type"),
        ("id" = String, Path, description = "Its id, percent-encoded"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you have"),
    ),
    responses(
        (status = 200, description = "It", body = EntityBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "You have it"),
        (status = 400, description = "Nothing can be named so", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/entities/{type}/{id}")]
pub async fn handler(found: Loaded<GetEntity, Object>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    Ok(versions::read(&permit.request, item.version, &EntityBody::from(&item)))
}
