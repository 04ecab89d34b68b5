//! `GET /api/v1/decisions` and `GET /api/v1/decisions/stats`: what was decided, and by what.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get};
use bailiwick_actors::authz::Request;
use bailiwick_domain::{ApplicationId, DecisionId, Timestamp};
use bailiwick_policy::LayerKind;
use bailiwick_store::Error as StoreError;
use bailiwick_store::authz::decisions::{self, Decision};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::auth::{ListDecisions, Permit};
use super::page::{self, Page, Position, Query};
use super::problem::{Problem, ProblemBody};

/// Decisions that the figures are made of, the latest ones.
const LATEST: u64 = 100_000;
const DAY: i64 = 86_400_000_000;

/// A decision that was logged.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedDecision)]
struct Body {
    #[schema(value_type = String, example = "dec_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: DecisionId,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    at: String,
    /// Which application asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    application: Option<ApplicationId>,
    /// As Cedar writes it.
    #[schema(example = "User::\"usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f\"")]
    principal: String,
    #[schema(example = "documents.read")]
    action: String,
    #[schema(example = "Document::\"7\"")]
    resource: String,
    /// `allow` or `deny`.
    decision: &'static str,
    /// The policies that decided.
    policies: Vec<String>,
    /// How many policies could not be evaluated.
    errors: i64,
    /// The version of policies and roles.
    snapshot_version: i64,
    /// How long it took, in microseconds.
    micros: i64,
    /// The circumstances, as they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
}

/// The logged decisions, oldest first. `from` and `to` bound their time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/decisions",
    tag = "Management",
    operation_id = "decisions_list",
    params(
        Query,
        ("from" = Option<String>, Query, description = "RFC 3339; default: a day ago"),
        ("to" = Option<String>, Query, description = "RFC 3339; default: now"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<Body>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/decisions")]
pub async fn list(permit: Permit<ListDecisions>) -> Result<HttpResponse, Problem> {
    let (wanted, [from, to]) = page::filtered::<_, Position, 2>(&permit, ["from", "to"])?;
    let (tenant, window) = (permit.cx.tenant_id(), window(permit.cx.now, from, to)?);
    let after = wanted.after.map(|(at, id)| (at, DecisionId(id)));
    let read =
        move |tx| async move { decisions::page(&tx, tenant, window, after, wanted.read).await };
    let found: Vec<Decision> = permit.cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let vault = &permit.cx.view.vault;
    let view = |d: &Decision| Body {
        id: d.id,
        at: d.at.to_rfc3339(),
        application: d.application,
        principal: d.principal.clone(),
        action: d.action.clone(),
        resource: d.resource.clone(),
        decision: if d.allowed { "allow" } else { "deny" },
        policies: d.policies.clone(),
        errors: d.errors,
        snapshot_version: d.snapshot,
        micros: d.micros,
        context: Request::open(vault, d).map(|request| request.context),
    };
    Ok(page::answer(&permit, wanted.read, found, |d| (d.at, d.id.0), view))
}

/// What policies did.
#[derive(Serialize, ToSchema)]
#[schema(as = DecisionStats)]
struct Stats {
    /// RFC 3339, UTC.
    from: String,
    /// RFC 3339, UTC.
    to: String,
    /// The decisions that the figures are made of: the latest 100,000 of the time at most.
    decisions: i64,
    allowed: i64,
    denied: i64,
    /// Decisions that had a policy that could not be evaluated.
    failed: i64,
    /// Decisions that found no room in the log of this node since it has started.
    dropped: u64,
    /// The policies that decided, the busiest first.
    policies: Vec<PolicyStats>,
    /// Policies that hold and decided nothing.
    never: Vec<String>,
    /// Decisions that nothing permitted or forbade.
    by_default: i64,
    /// Whom was refused most often.
    refused_most: Vec<Refused>,
}

/// What one policy did.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = PolicyStats)]
struct PolicyStats {
    policy: String,
    /// Decisions that it allowed.
    allowed: i64,
    /// Decisions that it denied.
    denied: i64,
    /// How long those took on average, in microseconds.
    mean_micros: i64,
    /// How long the slowest of those took, in microseconds.
    slowest_micros: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RefusedPrincipal)]
struct Refused {
    #[schema(example = "User::\"usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f\"")]
    principal: String,
    denied: i64,
}

/// Which policies decided how often and how fast, which never, and whom was refused most.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/decisions/stats",
    tag = "Management",
    operation_id = "decisions_stats",
    params(
        ("from" = Option<String>, Query, description = "RFC 3339; default: a day ago"),
        ("to" = Option<String>, Query, description = "RFC 3339; default: now"),
    ),
    responses(
        (status = 200, description = "What policies did", body = Stats),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/decisions/stats")]
pub async fn stats(permit: Permit<ListDecisions>) -> Result<HttpResponse, Problem> {
    let (_, [from, to]) = page::filtered::<_, Position, 2>(&permit, ["from", "to"])?;
    let (cx, tenant) = (&permit.cx, permit.cx.tenant_id());
    let window = window(cx.now, from, to)?;
    let read = move |tx| async move {
        let together = decisions::by_policies(&tx, tenant, window, LATEST).await?;
        let refused = decisions::refused_most(&tx, tenant, window, LATEST).await?;
        Ok::<_, StoreError>((together, refused))
    };
    let (together, refused) = cx.store().read(tenant, read).await?;
    let holds = cx.tenant.policies(&cx.view).await?;
    let mut by_policy: BTreeMap<&str, (PolicyStats, i64)> = BTreeMap::new();
    let (mut allowed, mut denied, mut failed, mut by_default) = (0, 0, 0, 0);
    for group in &together {
        failed += group.failed;
        *(if group.allowed { &mut allowed } else { &mut denied }) += group.count;
        by_default += if group.policies.is_empty() { group.count } else { 0 };
        for policy in &group.policies {
            let (stats, micros) = by_policy.entry(policy).or_default();
            *(if group.allowed { &mut stats.allowed } else { &mut stats.denied }) += group.count;
            stats.slowest_micros = stats.slowest_micros.max(group.slowest);
            *micros += group.micros;
        }
    }
    let own = |p: &&bailiwick_policy::PolicyInfo| p.layer != LayerKind::Guardrails;
    let never = holds.snapshot.policies().filter(own).map(|p| p.id.to_string());
    let never = never.filter(|id| !by_policy.contains_key(id.as_str())).collect();
    let mut policies: Vec<PolicyStats> = by_policy
        .into_iter()
        .map(|(policy, (stats, micros))| {
            let mean_micros = micros / (stats.allowed + stats.denied).max(1);
            PolicyStats { policy: policy.to_owned(), mean_micros, ..stats }
        })
        .collect();
    policies.sort_by_key(|p| std::cmp::Reverse(p.allowed + p.denied));
    let refused = refused.into_iter().map(|(principal, denied)| Refused { principal, denied });
    Ok(HttpResponse::Ok().json(Stats {
        from: window.0.to_rfc3339(),
        to: window.1.to_rfc3339(),
        decisions: allowed + denied,
        allowed,
        denied,
        failed,
        dropped: cx.tenant.decisions_dropped(),
        policies,
        never,
        by_default,
        refused_most: refused.collect(),
    }))
}

/// The time that is asked about.
pub(super) fn window(
    now: Timestamp,
    from: Option<String>,
    to: Option<String>,
) -> Result<(Timestamp, Timestamp), Problem> {
    let time = |name: &str, text: Option<String>, default: Timestamp| {
        let Some(text) = text else { return Ok(default) };
        let wrong = || Problem::mistake(name, "must be a time as 2026-03-01T12:00:00Z");
        Timestamp::parse_rfc3339(&text).ok_or_else(wrong)
    };
    let to = time("to", to, now.plus(std::time::Duration::from_secs(1)))?;
    let from = time("from", from, Timestamp(to.0.saturating_sub(DAY)))?;
    if from >= to {
        return Err(Problem::mistake("from", "must be before to"));
    }
    Ok((from, to))
}
