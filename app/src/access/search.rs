//! `POST /access/v1/search/{subject,resource,action}` (AuthZEN 8): who may, and what may this one
//! do?

use actix_web::{HttpRequest, HttpResponse, post, web};
use bailiwick_actors::authz::{Found, Page, Wanted};
use bailiwick_store::vault::Label;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::evaluation::NAMES;
use super::failure::Error;
use crate::cx::Cx;
use crate::decisions::question::{self, Action, Entity, Question};
use crate::decisions::{Caller, Failure};

/// Results of one page unless the caller wants fewer, or more.
const DEFAULT: usize = 100;
const MOST: usize = 1_000;
/// Stands for the one that is looked for: no decision is made for it.
const ANY: &str = "?";

/// The request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    subject: Entity,
    action: Action,
    resource: Entity,
    context: Option<Map<String, Value>>,
    page: PageBody,
}

/// Which page (AuthZEN 8.2.1).
#[derive(Default, Deserialize)]
#[serde(default)]
struct PageBody {
    token: Option<String>,
    /// What drafts of the specification called the token.
    next_token: Option<String>,
    limit: Option<u64>,
}

/// A page of results.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessSearch)]
struct Reply {
    /// Subjects and resources by type and id, actions by name.
    #[schema(value_type = Vec<Object>, example = json!([{"type": "Document", "id": "7"}]))]
    results: Vec<Value>,
    /// Where it goes on.
    page: PageReply,
    /// What is to be known about the results.
    context: ContextReply,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AccessSearchPage)]
struct PageReply {
    /// The token of the next page; empty on the last one.
    next_token: String,
    /// The results of this page.
    count: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AccessSearchContext)]
struct ContextReply {
    /// Whether these, with the pages before, are all: there is no further page, and things of this
    /// type are stored here.
    complete: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Subject,
    Resource,
    Action,
}

/// Finds the stored subjects of a type that may.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503; the body is the message.
#[utoipa::path(
    post,
    path = "/search/subject",
    tag = "Authorization",
    operation_id = "access_search_subject",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "subject": {"type": "User"},
            "action": {"name": "documents.read"},
            "resource": {"type": "Document", "id": "7"},
        })),
    responses(
        (status = 200, description = "A page", body = Reply),
        (status = 400, description = "What is missing or wrong", body = String),
        (status = 401, description = "Nobody known is asking", body = String),
        (status = 403, description = "The application lacks the scope `authz`", body = String),
        (status = 413, description = "More than 1 MiB", body = String),
        (status = 429, description = "Too many requests", body = String),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/search/subject")]
pub async fn subjects(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    search(cx, &request, payload, For::Subject).await
}

/// Finds the stored resources of a type that a subject may do this to.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503; the body is the message.
#[utoipa::path(
    post,
    path = "/search/resource",
    tag = "Authorization",
    operation_id = "access_search_resource",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "subject": {"type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f"},
            "action": {"name": "documents.read"},
            "resource": {"type": "Document"},
            "page": {"limit": 20},
        })),
    responses(
        (status = 200, description = "A page", body = Reply),
        (status = 400, description = "What is missing or wrong", body = String),
        (status = 401, description = "Nobody known is asking", body = String),
        (status = 403, description = "The application lacks the scope `authz`", body = String),
        (status = 413, description = "More than 1 MiB", body = String),
        (status = 429, description = "Too many requests", body = String),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/search/resource")]
pub async fn resources(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    search(cx, &request, payload, For::Resource).await
}

/// Finds what a subject may do to a resource.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503; the body is the message.
#[utoipa::path(
    post,
    path = "/search/action",
    tag = "Authorization",
    operation_id = "access_search_action",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "subject": {"type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f"},
            "resource": {"type": "Document", "id": "7"},
        })),
    responses(
        (status = 200, description = "A page", body = Reply),
        (status = 400, description = "What is missing or wrong", body = String),
        (status = 401, description = "Nobody known is asking", body = String),
        (status = 403, description = "The application lacks the scope `authz`", body = String),
        (status = 413, description = "More than 1 MiB", body = String),
        (status = 429, description = "Too many requests", body = String),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/search/action")]
pub async fn actions(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    search(cx, &request, payload, For::Action).await
}

async fn search(
    cx: Cx,
    request: &HttpRequest,
    payload: web::Payload,
    what: For,
) -> Result<HttpResponse, Error> {
    let caller = Caller::of(cx, request).await?;
    let body: Body = question::read(request, payload).await?;
    let Body { subject, action, resource, context, page } = body;
    let context = context.unwrap_or_default();
    let mut asked =
        Question { principal: subject, action, resource, context, entities: Vec::new() };
    match what {
        // An id that is there is ignored (AuthZEN 8.1).
        For::Subject => asked.principal = anybody(&asked.principal),
        For::Resource => asked.resource = anybody(&asked.resource),
        For::Action => asked.action = Action { name: Some(ANY.to_owned()), properties: None },
    }
    let kind = match what {
        For::Subject => asked.principal.kind.clone(),
        _ => asked.resource.kind.clone(),
    };
    let (cx, app) = (&caller.cx, caller.app.application.id);
    let page = wanted(cx, what, &page)?;
    let mut action = String::new();
    let ask = asked.ask(&mut action, NAMES)?;
    let policies = cx.tenant.policies(&cx.view).await?;
    let at = (cx.view.as_ref(), policies.as_ref());
    let found = match what {
        For::Subject => cx.tenant.search(at, app, (Wanted::Principals, ask), page).await?,
        For::Resource => cx.tenant.search(at, app, (Wanted::Resources, ask), page).await?,
        For::Action => cx.tenant.search_actions(at, app, ask, page).await?,
    };
    let Found { results, next, open } = found;
    let result = |id: String| match what {
        For::Action => serde_json::json!({ "name": id }),
        _ => serde_json::json!({ "type": kind, "id": id }),
    };
    let reply = Reply {
        page: PageReply {
            count: results.len(),
            next_token: next.as_deref().map_or_else(String::new, |at| token(cx, what, at)),
        },
        context: ContextReply { complete: next.is_none() && !open },
        results: results.into_iter().map(result).collect(),
    };
    Ok(HttpResponse::Ok().json(reply))
}

fn anybody(of: &Entity) -> Entity {
    Entity { kind: of.kind.clone(), id: Some(ANY.to_owned()), properties: None }
}

fn wanted(cx: &Cx, what: For, page: &PageBody) -> Result<Page, Failure> {
    let limit = match page.limit {
        None => DEFAULT,
        Some(n) => usize::try_from(n)
            .ok()
            .filter(|n| *n > 0)
            .map(|n| n.min(MOST))
            .ok_or_else(|| Failure::at("page.limit", "must be at least 1"))?,
    };
    let token = page.token.as_deref().or(page.next_token.as_deref());
    let after = token.filter(|t| !t.is_empty()).map(|text| {
        let plain = cx.view.vault.open_token(Label::Cursor, text)?;
        let id = plain.strip_prefix(label(what))?;
        String::from_utf8(id.to_vec()).ok()
    });
    let after = after.map(|after| {
        after.ok_or_else(|| Failure::at("page.token", "is not a next_token of such a search"))
    });
    Ok(Page { after: after.transpose()?, limit })
}

fn token(cx: &Cx, what: For, at: &str) -> String {
    let plain = [label(what), at.as_bytes()].concat();
    cx.view.vault.seal_token(Label::Cursor, &plain, cx.env())
}

const fn label(what: For) -> &'static [u8] {
    match what {
        For::Subject => b"access.subject\0",
        For::Resource => b"access.resource\0",
        For::Action => b"access.action\0",
    }
}
