//! A decision, as it is answered.

use std::sync::Arc;

use bailiwick_actors::authz::Decided;
use bailiwick_domain::DecisionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::decisions::Failure;

/// A decision (AuthZEN 6.2).
#[derive(Serialize, ToSchema)]
#[schema(as = AccessDecision)]
pub struct Reply {
    /// Whether it may.
    pub decision: bool,
    /// More about it.
    pub context: Context,
}

/// More about a decision. Not for the eyes of users.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = AccessDecisionContext)]
pub struct Context {
    /// Names the decision, in its receipt and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dec_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    pub id: Option<DecisionId>,
    /// The policies that decided; none when nothing permitted it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, example = json!(["role:editor"]))]
    pub policies: Vec<Arc<str>>,
    /// What could not be evaluated, and counts as not being there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Why nothing could be decided, in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// Which rule ended a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// Why nothing could be decided.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessDecisionError)]
pub struct ErrorBody {
    /// The status that a single request would have been answered with.
    #[schema(example = 400)]
    status: u16,
    /// What to do about it.
    message: String,
}

impl From<&Decided> for Reply {
    fn from(decided: &Decided) -> Self {
        let decision = &decided.decision;
        let errors = decision.errors.iter().map(|e| format!("{}: {}", e.policy, e.message));
        let unfit = decided.unfit.iter().map(|f| f.to_string());
        let context = Context {
            id: Some(decided.id),
            policies: decision.policies.iter().map(|p| Arc::clone(&p.id)).collect(),
            errors: errors.chain(unfit).collect(),
            ..Context::default()
        };
        Self { decision: decision.allowed, context }
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        let error = ErrorBody { status: failure.status.as_u16(), message: failure.line() };
        Self { decision: false, context: Context { error: Some(error), ..Context::default() } }
    }
}
