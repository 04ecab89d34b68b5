//! `POST /authz/decide`: a decision, and why it came out as it did.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, post, web};
use bailiwick_actors::authz::{Decided, Memo};
use bailiwick_domain::DecisionId;
use bailiwick_policy::{Effect, EntityData, LayerKind, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::cx::Cx;
use crate::decisions::question::{self, Action, Entity, Names, Question};
use crate::decisions::{Caller, Failure};
use crate::http::problem::{Problem, ProblemBody};

const NAMES: Names = Names { principal: "principal" };

/// The request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    principal: Entity,
    action: ActionName,
    resource: Entity,
    context: Option<Map<String, Value>>,
    entities: Vec<EntityData>,
}

/// An action: its name alone, or as AuthZEN writes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum ActionName {
    Name(String),
    Action(Action),
}

impl Default for ActionName {
    fn default() -> Self {
        Self::Action(Action::default())
    }
}

/// A decision, explained.
#[derive(Serialize, ToSchema)]
#[schema(as = Decision)]
struct Reply<'a> {
    /// Names the decision, in its receipt and in the log.
    #[schema(value_type = String, example = "dec_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: DecisionId,
    /// `allow` or `deny`.
    #[schema(example = "allow")]
    decision: &'static str,
    /// The policies that decided. None: nothing permitted it.
    policies: Vec<Policy<'a>>,
    /// Policies that could not be evaluated: they count as not being there.
    errors: Vec<EvaluationError<'a>>,
    /// Attributes that policies looked for and did not find.
    missing_attributes: Vec<MissingAttribute<'a>>,
    /// Counts the changes of policies and roles.
    #[schema(example = 7)]
    snapshot_version: i64,
}

/// A policy that decided.
#[derive(Serialize, ToSchema)]
#[schema(as = DecidingPolicy)]
struct Policy<'a> {
    /// Its id.
    #[schema(example = "role:editor")]
    id: &'a str,
    /// `permit` or `forbid`.
    #[schema(value_type = String, example = "permit")]
    effect: Effect,
    /// Whose it is: `guardrails`, `roles`, `tenant` or `organization`.
    #[schema(value_type = String, example = "roles")]
    layer: LayerKind,
    /// Its annotations.
    annotations: &'a BTreeMap<String, String>,
}

/// Why a policy could not be evaluated.
#[derive(Serialize, ToSchema)]
#[schema(as = EvaluationError)]
struct EvaluationError<'a> {
    /// Which policy, or which stored entity.
    policy: &'a str,
    /// What went wrong.
    message: &'a str,
}

/// An attribute that is not there.
#[derive(Serialize, ToSchema)]
#[schema(as = MissingAttribute)]
struct MissingAttribute<'a> {
    /// Whose it would be; absent for one of the context or of a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    entity: Option<&'a Uid>,
    /// Its name.
    #[schema(example = "department")]
    attribute: &'a str,
    /// The policy that looked for it.
    policy: &'a str,
}

impl<'a> From<&'a Decided> for Reply<'a> {
    fn from(decided: &'a Decided) -> Self {
        let decision = decided.decision.as_ref();
        let unfit = decided.unfit.iter();
        let unfit = unfit.map(|f| EvaluationError { policy: &f.path, message: &f.message });
        let errors = decision.errors.iter();
        let missing = errors.clone().filter_map(|e| {
            let missing = e.missing.as_ref()?;
            let (entity, attribute) = (missing.entity.as_ref(), missing.attribute.as_str());
            Some(MissingAttribute { entity, attribute, policy: &e.policy })
        });
        Self {
            id: decided.id,
            decision: if decision.allowed { "allow" } else { "deny" },
            policies: decision
                .policies
                .iter()
                .map(|p| Policy {
                    id: &p.id,
                    effect: p.effect,
                    layer: p.layer,
                    annotations: &p.annotations,
                })
                .collect(),
            missing_attributes: missing.collect(),
            errors: errors
                .map(|e| EvaluationError { policy: &e.policy, message: &e.message })
                .chain(unfit)
                .collect(),
            snapshot_version: decided.snapshot,
        }
    }
}

/// Decides, and says why. Entities that come along add to the tenant's own, and cannot touch what
/// the platform knows, unless the tenant allows that.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503: nothing was decided.
#[utoipa::path(
    post,
    path = "/decide",
    tag = "Authorization",
    operation_id = "authz_decide",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "principal": {"type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f"},
            "action": "documents.read",
            "resource": {"type": "Document", "id": "7"},
            "context": {"ip": "192.0.2.1"},
            "entities": [{"type": "Document", "id": "7", "attrs": {"public": true},
                "parents": [{"type": "Folder", "id": "a"}]}],
        })),
    responses(
        (status = 200, description = "The decision", body = Reply<'_>),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "The application lacks the scope `authz`",
            body = ProblemBody),
        (status = 413, description = "More than 1 MiB", body = ProblemBody),
        (status = 429, description = "Too many requests", body = ProblemBody),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/decide")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let decided = decide(cx, &request, payload).await?;
    Ok(HttpResponse::Ok().json(Reply::from(&decided)))
}

async fn decide(cx: Cx, request: &HttpRequest, payload: web::Payload) -> Result<Decided, Failure> {
    let caller = Caller::of(cx, request).await?;
    let body: Body = question::read(request, payload).await?;
    let Body { principal, action, resource, context, entities } = body;
    let action = match action {
        ActionName::Name(name) => Action { name: Some(name), properties: None },
        ActionName::Action(action) => action,
    };
    let context = context.unwrap_or_default();
    let question = Question { principal, action, resource, context, entities };
    let mut action = String::new();
    let ask = question.ask(&mut action, NAMES)?;
    let (cx, app) = (&caller.cx, caller.app.application.id);
    let policies = cx.tenant.policies(&cx.view).await?;
    Ok(cx.tenant.decide((&cx.view, &policies), app, ask, &mut Memo::default()).await?)
}
