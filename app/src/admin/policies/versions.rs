//! `GET /api/v1/policies/versions`, `.../{number}` and `.../{number}/diff`: what held when, who
//! made it hold, why, and what it changed.

use actix_web::{HttpRequest, HttpResponse, get};
use bailiwick_policy::Bundle;
use bailiwick_store::Error as StoreError;
use bailiwick_store::authz::policies::{self, PolicyVersion, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::{VersionBody, scope};
use crate::admin::auth::{GetPolicies, Permit};
use crate::admin::problem::{Problem, ProblemBody};
use crate::cx::Cx;

const PAGE: u64 = 50;

/// Versions, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyVersions)]
struct Body {
    items: Vec<VersionBody>,
    /// What to ask for as `before` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<i64>,
}

/// The versions that held, the newest first, 50 a page.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/policies/versions",
    tag = "Management",
    operation_id = "policy_versions_list",
    params(
        ("organization" = Option<String>, Query, description = "`org_...`"),
        ("layer" = Option<String>, Query, description = "`management`"),
        ("before" = Option<i64>, Query, description = "`next_before` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = Body),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies/versions")]
pub async fn list(permit: Permit<GetPolicies>) -> Result<HttpResponse, Problem> {
    let query = permit.request.query_string();
    let (tenant, scope) = (permit.cx.tenant_id(), scope::asked(query)?);
    let before = parameter(query, "before")?;
    scope::must_exist(&permit.cx, scope).await?;
    let read = move |tx| async move {
        let state = policies::state(&tx, tenant, scope).await?;
        let list = policies::versions(&tx, (tenant, scope), before, PAGE + 1).await?;
        Ok::<_, StoreError>((state, list))
    };
    let (state, mut list) = permit.cx.store().read(tenant, read).await?;
    let more = list.len() as u64 > PAGE;
    list.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next_before = list.last().filter(|_| more).map(|v| v.number);
    let item = |v| VersionBody::of(v, state.active, false);
    let items = list.into_iter().map(item).collect();
    Ok(HttpResponse::Ok().json(Body { items, next_before }))
}

/// A version, with its schema, policies and links. It never changes.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/policies/versions/{number}",
    tag = "Management",
    operation_id = "policy_versions_get",
    params(
        ("number" = i64, Path, description = "Its number"),
        ("organization" = Option<String>, Query, description = "`org_...`"),
        ("layer" = Option<String>, Query, description = "`management`"),
    ),
    responses(
        (status = 200, description = "The version", body = VersionBody),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies/versions/{number}")]
pub async fn get(permit: Permit<GetPolicies>) -> Result<HttpResponse, Problem> {
    let scope = scope::asked(permit.request.query_string())?;
    let number = number(&permit.request)?;
    let (active, version) = read(&permit.cx, scope, number).await?;
    Ok(HttpResponse::Ok().json(VersionBody::of(version, active, true)))
}

/// What a version changed, against another one or the one before it.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/policies/versions/{number}/diff",
    tag = "Management",
    operation_id = "policy_versions_diff",
    params(
        ("number" = i64, Path, description = "Its number"),
        ("from" = Option<i64>, Query,
            description = "Against which; 0 for nothing at all. Default: the one before"),
        ("organization" = Option<String>, Query, description = "`org_...`"),
        ("layer" = Option<String>, Query, description = "`management`"),
    ),
    responses(
        (status = 200, description = "What is different", body = serde_json::Value),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/policies/versions/{number}/diff")]
pub async fn diff(permit: Permit<GetPolicies>) -> Result<HttpResponse, Problem> {
    let query = permit.request.query_string();
    let (cx, scope, number) = (&permit.cx, scope::asked(query)?, number(&permit.request)?);
    let from = parameter(query, "from")?.unwrap_or(number - 1);
    let bundle = |version: PolicyVersion| {
        serde_json::from_value::<Bundle>(version.bundle)
            .map_err(|_| Problem::from(StoreError::Corrupt("policies")))
    };
    let to = bundle(read(cx, scope, number).await?.1)?;
    let from = match from {
        0 => Bundle::default(),
        from => bundle(read(cx, scope, from).await?.1)?,
    };
    Ok(HttpResponse::Ok().json(bailiwick_policy::diff(&from, &to)))
}

async fn read(cx: &Cx, scope: Scope, number: i64) -> Result<(Option<i64>, PolicyVersion), Problem> {
    scope::must_exist(cx, scope).await?;
    let tenant = cx.tenant_id();
    let read = move |tx| async move {
        let state = policies::state(&tx, tenant, scope).await?;
        Ok::<_, StoreError>((state, policies::version(&tx, (tenant, scope), number).await?))
    };
    let (state, version) = cx.store().read(tenant, read).await?;
    Ok((state.active, version.ok_or_else(Problem::not_found)?))
}

/// The number in the path; one that cannot be is one that is not there.
pub(super) fn number(request: &HttpRequest) -> Result<i64, Problem> {
    let text = request.match_info().get("number").unwrap_or_default();
    text.parse().ok().filter(|n| *n > 0).ok_or_else(Problem::not_found)
}

fn parameter(query: &str, name: &'static str) -> Result<Option<i64>, Problem> {
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name);
    let parse = |(_, text): (_, std::borrow::Cow<'_, str>)| {
        let number = text.parse::<i64>().ok().filter(|n| *n >= 0);
        number.ok_or_else(|| Problem::mistake(name, "must be the number of a version"))
    };
    found.map(parse).transpose()
}
