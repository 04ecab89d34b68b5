//! `POST /api/v1/entities/bulk`: writes and removes many entities.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, http::header, post, web};
use bailiwick_domain::EventKind;
use bailiwick_domain::application::Mistake;
use bailiwick_store::TenantTx;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::authz::objects::{self, EntityRef};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::check::{Described, check_entities, check_name};
use super::{EntityMembers, ReferenceMembers, hierarchy};
use crate::admin::auth::{Permit, WriteEntities};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};

/// The most entities of one request.
const MOST: usize = 1_000;

/// What to write and to remove: at most 1,000 together, each once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitiesBulk)]
pub struct BulkMembers {
    /// To create, or to replace as a whole.
    #[serde(default)]
    put: Vec<EntityMembers>,
    /// To remove; those that are not there are no mistake.
    #[serde(default)]
    delete: Vec<ReferenceMembers>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = EntitiesBulkDone)]
pub struct BulkBody {
    /// How many were written.
    #[schema(example = 2)]
    written: usize,
    /// How many were there and are gone.
    #[schema(example = 1)]
    deleted: usize,
}

/// Writes and removes many entities: all of them, or none. Sent again, it does the same again.
///
/// # Errors
/// 400, 401, 403, 413, 415.
#[utoipa::path(
    post,
    path = "/entities/bulk",
    tag = "Management",
    operation_id = "entities_bulk",
    request_body(content = BulkMembers, content_type = "application/json"),
    responses(
        (status = 200, description = "It is done", body = BulkBody),
        (status = 400, description = "What is wrong, and where; nothing was done",
            body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/entities/bulk")]
pub async fn handler(
    permit: Permit<WriteEntities>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let (described, removed) = read(json::typed(body.value)?)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    check_entities(cx, &described).await?;
    let event = |kind, of: BTreeMap<String, u64>| {
        let event = AuditEvent::new(cx.env(), tenant, kind, permit.actor);
        (!of.is_empty()).then(|| event.with(json!({ "types": of })))
    };
    let written = event(EventKind::EntitiesWritten, count(described.iter().map(|it| &it.data.uid)));
    let deleted = event(EventKind::EntitiesDeleted, count(&removed));
    let write = move |tx: TenantTx| async move {
        hierarchy::check(&tx, tenant, &described, &removed).await?;
        let gone = objects::delete_all(&tx, tenant, &removed, now).await?;
        let data = described.into_iter().map(|it| it.data).collect();
        let made = objects::put(&tx, tenant, data, now).await?;
        let events: Vec<AuditEvent> = written.into_iter().chain(deleted).collect();
        audit::append(&tx, &events).await?;
        Ok::<_, Problem>(BulkBody { written: made.len(), deleted: gone.len() })
    };
    let done = cx.store().write(tenant, write).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(done))
}

/// What is to be written and removed, when each is named once.
fn read(members: BulkMembers) -> Result<(Vec<Described>, BTreeSet<EntityRef>), Problem> {
    if members.put.len() + members.delete.len() > MOST {
        return Err(Problem::mistake("", "at most 1,000 entities at once"));
    }
    let mut mistakes = Vec::new();
    let mut seen = BTreeSet::new();
    let mut described = Vec::with_capacity(members.put.len());
    for (n, mut it) in members.put.into_iter().enumerate() {
        let at = format!("put[{n}].");
        let (Some(kind), Some(id)) = (it.kind.take(), it.id.take()) else {
            mistakes.push(Mistake::new(at.trim_end_matches('.'), "needs type and id"));
            continue;
        };
        let uid = EntityRef { kind, id };
        if !seen.insert(uid.clone()) {
            mistakes.push(Mistake::new(at.trim_end_matches('.'), TWICE));
        }
        described.push(Described { at, data: it.named(uid) });
    }
    let mut removed = BTreeSet::new();
    for (n, it) in members.delete.into_iter().enumerate() {
        let (at, uid) = (format!("delete[{n}]."), EntityRef::from(it));
        check_name(&at, &uid, &mut mistakes);
        if seen.contains(&uid) || !removed.insert(uid) {
            mistakes.push(Mistake::new(at.trim_end_matches('.'), TWICE));
        }
    }
    if mistakes.is_empty() { Ok((described, removed)) } else { Err(Problem::mistakes(mistakes)) }
}

const TWICE: &str = "is named more than once";

/// How many there are of each type.
fn count<'a>(named: impl IntoIterator<Item = &'a EntityRef>) -> BTreeMap<String, u64> {
    let mut of = BTreeMap::new();
    for uid in named {
        *of.entry(uid.kind.clone()).or_default() += 1;
    }
    of
}
