//! `POST /api/v1/policies/drafts/{id}/replay` and `GET /api/v1/policies/replays/{id}`: what a draft
//! would have decided, where the policies that held decided.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use bailiwick_actors::authz::Report;
use bailiwick_domain::{DraftId, JobId, ReplayId, TenantId};
use bailiwick_store::authz::decisions;
use bailiwick_store::authz::policies::{Draft, Scope};
use bailiwick_store::authz::replays::{self, Replay};
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::auth::{DraftPolicies, GetPolicies, Load, Loaded, named};
use crate::admin::json::{self as body, JSON};
use crate::admin::problem::{Problem, ProblemBody};

/// How long what was found is kept.
const KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);
/// The most decisions that are counted beforehand.
const COUNTED: u64 = 10_000_000;

/// Which decisions.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PolicyReplayWindow)]
struct Window {
    /// RFC 3339; default: a day before the end.
    #[schema(example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// RFC 3339; default: now.
    to: Option<String>,
}

/// A replay, and what it found so far.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyReplay)]
struct Body {
    #[schema(value_type = String, example = "rpl_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: ReplayId,
    #[schema(value_type = String)]
    draft: DraftId,
    /// `running`, `done` or `failed`.
    state: &'static str,
    /// RFC 3339, UTC.
    from: String,
    /// RFC 3339, UTC.
    to: String,
    /// How many decisions there are to look at.
    total: i64,
    /// How many were looked at.
    done: i64,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What would change, by the policies that make the difference, with examples.
    #[schema(value_type = Object)]
    report: Value,
}

impl From<Replay> for Body {
    fn from(replay: Replay) -> Self {
        let state = match (&replay.finished_at, &replay.error) {
            (None, _) => "running",
            (Some(_), None) => "done",
            (Some(_), Some(_)) => "failed",
        };
        Self {
            id: replay.id,
            draft: replay.draft,
            state,
            from: replay.from.to_rfc3339(),
            to: replay.to.to_rfc3339(),
            total: replay.total,
            done: replay.done,
            error: replay.error,
            report: replay.report,
        }
    }
}

/// Begins to decide logged decisions once more by a draft, with the entities as they are now. What
/// holds does not change. Ask for the replay to see how far it is.
///
/// # Errors
/// 400, 401, 403, 404, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/policies/drafts/{id}/replay",
    tag = "Management",
    operation_id = "policy_drafts_replay",
    params(("id" = String, Path, description = "`drf_...`")),
    request_body(content = Window, content_type = "application/json"),
    responses(
        (status = 202, description = "It has begun", body = Body,
            headers(("Location" = String, description = "Where it is"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The policies are not valid", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/policies/drafts/{id}/replay")]
pub async fn start(
    found: Loaded<DraftPolicies, Draft>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: draft } = found;
    if draft.scope == Scope::Management {
        let message = "what the management API decides is not logged";
        return Err(Problem::mistake("layer", message));
    }
    let asked: Window = body::typed(body::read(&permit.request, payload, JSON).await?.value)?;
    let (cx, tenant, now) = (&permit.cx, permit.cx.tenant_id(), permit.cx.now);
    let (from, to) = crate::admin::decisions::window(now, asked.from, asked.to)?;
    if let Err(e) = cx.tenant.try_policies(&cx.view, draft.scope, draft.bundle.clone()).await {
        return Err(match e {
            bailiwick_actors::Error::Policies(findings) => super::refused(findings),
            e => e.into(),
        });
    }
    let mut replay = Replay {
        id: cx.env().id(),
        draft: draft.id,
        scope: draft.scope,
        bundle: draft.bundle,
        from,
        to,
        after: None,
        total: 0,
        done: 0,
        report: json!(Report::default()),
        error: None,
        finished_at: None,
        created_at: now,
        expires_at: now.plus(KEPT),
    };
    let id: JobId = cx.env().id();
    let write = move |tx: TenantTx| async move {
        replay.total = decisions::count(&tx, tenant, (from, to), COUNTED).await?;
        replays::insert(&tx, tenant, &replay).await?;
        let payload = json!({ "replay": replay.id });
        let job = NewJob { id, kind: JobKind::ReplayPolicies, payload, run_at: now };
        jobs::enqueue(&tx, tenant, &job, now).await?;
        Ok::<_, StoreError>(replay)
    };
    let replay = cx.store().write(tenant, write).await?;
    let at = format!("{}{}/policies/replays/{}", cx.issuer(), crate::admin::BASE, replay.id);
    let mut answer = HttpResponse::Accepted();
    answer.insert_header((actix_web::http::header::LOCATION, at));
    Ok(answer.json(Body::from(replay)))
}

/// A replay: how far it is, and what it found so far. It is kept for a week.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/policies/replays/{id}",
    tag = "Management",
    operation_id = "policy_replays_get",
    params(("id" = String, Path, description = "`rpl_...`")),
    responses(
        (status = 200, description = "The replay", body = Body),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies/replays/{id}")]
pub async fn get(found: Loaded<GetPolicies, Replay>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Body::from(found.item)))
}

impl Load for Replay {
    type Id = ReplayId;

    fn id(request: &HttpRequest) -> Result<ReplayId, Problem> {
        named(request, "id")
    }

    async fn load(
        tx: TenantTx,
        tenant: TenantId,
        id: ReplayId,
    ) -> Result<Option<Self>, StoreError> {
        replays::get(&tx, tenant, id).await
    }

    fn version(&self) -> i64 {
        self.done
    }
}
