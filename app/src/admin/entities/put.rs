//! `PUT /api/v1/entities/{type}/{id}`: creates or replaces an entity.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, put, web};
use bailiwick_store::authz::objects::{self, Object};

use super::write::write;
use super::{EntityBody, EntityMembers, named_by};
use crate::admin::auth::{Permit, WriteEntities};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Creates an entity, or replaces it as a whole. With `If-Match`, only a version that you have seen is
/// replaced.
///
/// # Errors
/// 400, 401, 403, 412, 413, 415.
#[utoipa::path(
    put,
    path = "/entities/{type}/{id}",
    tag = "Management",
    operation_id = "entities_put",
    params(
        ("type" = String, Path, description = "The name of its type"),
        ("id" = String, Path, description = "Its id, percent-encoded"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what you read"),
    ),
    request_body(content = EntityMembers, content_type = "application/json"),
    responses(
        (status = 200, description = "It is replaced", body = EntityBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 201, description = "It is created", body = EntityBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "What is wrong, and where; a cycle is named",
            body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 412, description = "It changed meanwhile, or is not there",
            body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[put("/entities/{type}/{id}")]
pub async fn handler(
    permit: Permit<WriteEntities>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let uid = named_by(&permit.request)?;
    let body = json::read(&permit.request, payload, JSON).await?;
    let data = json::typed::<EntityMembers>(body.value)?.at(uid.clone())?;
    let mut seen: Option<Object> = None;
    if permit.request.headers().contains_key(header::IF_MATCH) {
        let tenant = permit.cx.tenant_id();
        let read = move |tx| async move { objects::get(&tx, tenant, &uid).await };
        let there = permit.cx.store().read(tenant, read).await?.ok_or_else(Problem::stale)?;
        versions::must_match(&permit.request, there.version)?;
        seen = Some(there);
    }
    let after = write(&permit, data, seen).await?;
    let mut answer = versions::changed(after.version, &EntityBody::from(&after));
    if after.version == 1 {
        answer.head_mut().status = StatusCode::CREATED;
    }
    Ok(answer)
}
