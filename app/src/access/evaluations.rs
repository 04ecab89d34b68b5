//! `POST /access/v1/evaluations` (AuthZEN 7): many questions at once, which all see the same.

use actix_web::{HttpRequest, HttpResponse, post, web};
use bailiwick_actors::authz::{Compiled, Memo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::evaluation::NAMES;
use super::failure::Error;
use super::reply::Reply;
use crate::cx::Cx;
use crate::decisions::question::{self, Action, Entity, Question};
use crate::decisions::{Caller, Failure};

/// The most questions of one request.
const MOST: usize = 1_000;

/// The request: the members outside are defaults for those inside.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    subject: Option<Entity>,
    action: Option<Action>,
    resource: Option<Entity>,
    context: Option<Map<String, Value>>,
    evaluations: Option<Vec<Item>>,
    options: Options,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Item {
    subject: Option<Entity>,
    action: Option<Action>,
    resource: Option<Entity>,
    context: Option<Map<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    evaluations_semantic: Semantic,
}

/// When to stop (AuthZEN 7.1.2.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    /// Why this decision is the last one, if it is.
    const fn ends(self, decision: bool) -> Option<&'static str> {
        match self {
            Self::DenyOnFirstDeny if !decision => Some("deny_on_first_deny"),
            Self::PermitOnFirstPermit if decision => Some("permit_on_first_permit"),
            _ => None,
        }
    }
}

/// The decisions, in the order of their questions.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessDecisions)]
struct Replies {
    evaluations: Vec<Reply>,
}

/// Decides many. One that cannot be decided is `false` and says why; the others are decided.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503; the body is the message.
#[utoipa::path(
    post,
    path = "/evaluations",
    tag = "Authorization",
    operation_id = "access_evaluations",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "subject": {"type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f"},
            "action": {"name": "documents.read"},
            "options": {"evaluations_semantic": "execute_all"},
            "evaluations": [
                {"resource": {"type": "Document", "id": "7"}},
                {"resource": {"type": "Document", "id": "8"}},
            ],
        })),
    responses(
        (status = 200, description = "The decisions; one alone without `evaluations`",
            body = Replies),
        (status = 400, description = "What is missing or wrong", body = String),
        (status = 401, description = "Nobody known is asking", body = String),
        (status = 403, description = "The application lacks the scope `authz`", body = String),
        (status = 413, description = "More than 1 MiB", body = String),
        (status = 429, description = "Too many requests", body = String),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/evaluations")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let caller = Caller::of(cx, &request).await?;
    let body: Body = question::read(&request, payload).await?;
    let Body { subject, action, resource, context, evaluations, options } = body;
    let defaults = Item { subject, action, resource, context };
    let policies = caller.cx.tenant.policies(&caller.cx.view).await?;
    let mut memo = Memo::default();
    let items = evaluations.unwrap_or_default();
    if items.is_empty() {
        // As a single evaluation (AuthZEN 7.1).
        let reply = one(&caller, &policies, Item::default(), &defaults, &mut memo).await?;
        return Ok(HttpResponse::Ok().json(reply));
    }
    if items.len() > MOST {
        let message = format!("at most {MOST} in one request");
        return Err(Failure::at("evaluations", message).into());
    }
    let mut evaluations = Vec::with_capacity(items.len());
    for item in items {
        let reply = one(&caller, &policies, item, &defaults, &mut memo).await;
        let mut reply = reply.unwrap_or_else(Reply::from);
        reply.context.reason = options.evaluations_semantic.ends(reply.decision);
        let ended = reply.context.reason.is_some();
        evaluations.push(reply);
        if ended {
            break;
        }
    }
    Ok(HttpResponse::Ok().json(Replies { evaluations }))
}

async fn one(
    caller: &Caller,
    policies: &Compiled,
    item: Item,
    defaults: &Item,
    memo: &mut Memo,
) -> Result<Reply, Failure> {
    let question = Question {
        principal: entity(item.subject, defaults.subject.as_ref()),
        action: item.action.or_else(|| defaults.action.clone()).unwrap_or_default(),
        resource: entity(item.resource, defaults.resource.as_ref()),
        context: item.context.or_else(|| defaults.context.clone()).unwrap_or_default(),
        entities: Vec::new(),
    };
    // Entities that came with one question are not there for the next.
    let own = question.principal.properties.is_some() || question.resource.properties.is_some();
    let mut apart = Memo::default();
    let memo = if own { &mut apart } else { memo };
    let mut action = String::new();
    let ask = question.ask(&mut action, NAMES)?;
    let (cx, app) = (&caller.cx, caller.app.application.id);
    let decided = cx.tenant.decide((&cx.view, policies), app, ask, memo).await?;
    Ok(Reply::from(&decided))
}

/// What is inside stands in place of what is outside, but for the parts of its name that it lacks.
fn entity(inner: Option<Entity>, outer: Option<&Entity>) -> Entity {
    match (inner, outer) {
        (None, outer) => outer.cloned().unwrap_or_default(),
        (Some(inner), None) => inner,
        (Some(inner), Some(outer)) => Entity {
            kind: inner.kind.or_else(|| outer.kind.clone()),
            id: inner.id.or_else(|| outer.id.clone()),
            properties: inner.properties,
        },
    }
}
