//! `PATCH /api/v1/entities/{type}/{id}`: changes an entity (JSON Merge Patch, RFC 7396).

use actix_web::{HttpResponse, patch, web};
use bailiwick_store::authz::objects::Object;
use serde_json::json;

use super::write::write;
use super::{EntityBody, EntityMembers};
use crate::admin::auth::{Loaded, WriteEntities};
use crate::admin::json::{self as body, MERGE_PATCH};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;

/// Changes an entity. An attribute that is `null` is removed; `parents` are replaced as a whole.
///
/// # Errors
/// 400, 401, 403, 404, 412, 413, 415, 428.
#[utoipa::path(
    patch,
    path = "/entities/{type}/{id}",
    tag = "Management",
    operation_id = "entities_update",
    params(
        ("type" = String, Path, description = "The name of its type"),
        ("id" = String, Path, description = "Its id, percent-encoded"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = EntityMembers, content_type = "application/merge-patch+json",
        description = "Any of the members"),
    responses(
        (status = 200, description = "As it is now", body = EntityBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "What is wrong, and where; a cycle is named",
            body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/merge-patch+json`", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[patch("/entities/{type}/{id}")]
pub async fn handler(
    found: Loaded<WriteEntities, Object>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item } = found;
    versions::must_match(&permit.request, item.version)?;
    let patch = body::read(&permit.request, payload, MERGE_PATCH).await?.value;
    let data = &item.data;
    let mut members = json!({ "attrs": data.attrs, "parents": data.parents, "tags": data.tags });
    body::merge(&mut members, patch);
    let data = body::typed::<EntityMembers>(members)?.at(data.uid.clone())?;
    let after = write(&permit, data, Some(item)).await?;
    Ok(versions::changed(after.version, &EntityBody::from(&after)))
}
