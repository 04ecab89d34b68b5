//! `POST /access/v1/evaluation` (AuthZEN 6): may this subject do this to this resource?

use actix_web::{HttpRequest, HttpResponse, post, web};
use bailiwick_actors::authz::Memo;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::Error;
use super::reply::Reply;
use crate::cx::Cx;
use crate::decisions::Caller;
use crate::decisions::question::{self, Action, Entity, Names, Question};

pub(super) const NAMES: Names = Names { principal: "subject" };

/// The request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    subject: Entity,
    action: Action,
    resource: Entity,
    context: Option<Map<String, Value>>,
}

/// Decides. The answer is 200 whatever it says; an error says that nothing was decided.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503; the body is the message.
#[utoipa::path(
    post,
    path = "/evaluation",
    tag = "Authorization",
    operation_id = "access_evaluation",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "subject": {"type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f"},
            "action": {"name": "documents.read"},
            "resource": {"type": "Document", "id": "7"},
        })),
    responses(
        (status = 200, description = "The decision", body = Reply),
        (status = 400, description = "What is missing or wrong", body = String),
        (status = 401, description = "Nobody known is asking", body = String),
        (status = 403, description = "The application lacks the scope `authz`", body = String),
        (status = 413, description = "More than 1 MiB", body = String),
        (status = 429, description = "Too many requests", body = String),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/evaluation")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let caller = Caller::of(cx, &request).await?;
    let body: Body = question::read(&request, payload).await?;
    let Body { subject: principal, action, resource, context } = body;
    let context = context.unwrap_or_default();
    let question = Question { principal, action, resource, context, entities: Vec::new() };
    let mut action = String::new();
    let ask = question.ask(&mut action, NAMES)?;
    let (cx, app) = (&caller.cx, caller.app.application.id);
    let policies = cx.tenant.policies(&cx.view).await?;
    let decided = cx.tenant.decide((&cx.view, &policies), app, ask, &mut Memo::default()).await?;
    Ok(HttpResponse::Ok().json(Reply::from(&decided)))
}
