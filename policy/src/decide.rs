//! Decisions: the policies of all layers evaluated, and folded into one answer.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{AuthorizationError, Authorizer, EntityUid, EvaluationError};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use serde::Serialize;

use crate::index::Subject;
use crate::layer::PolicyInfo;
use crate::{Effect, Layer, LayerKind, Query, Slice, Snapshot, Uid};

/// An answer, with what led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The policies that decided, by their ids: those that forbid, else those that permit. None
    /// when it is denied because nothing permits it.
    pub policies: Vec<Reason>,
    /// The policies that could not be evaluated, which count as not satisfied; by their ids.
    pub errors: Vec<EvalError>,
}

impl Decision {
    /// Bytes that it takes, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let errors = self.errors.iter().map(|error| 160 + error.message.len()).sum::<usize>();
        100 + 64 * self.policies.len() + errors
    }
}

/// A policy that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// Its id.
    pub id: Arc<str>,
    /// Where it comes from.
    pub layer: LayerKind,
    /// What it does.
    pub effect: Effect,
    /// Its annotations.
    pub annotations: Arc<BTreeMap<String, String>>,
}

/// A policy that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EvalError {
    /// Its id.
    pub policy: Arc<str>,
    /// Why.
    pub message: String,
    /// What it would have needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

/// An attribute, tag or entity that a policy looked for and that is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// The entity; none when it is a member of a record, such as the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<Uid>,
    /// The attribute or tag; empty when the entity itself is missing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attribute: String,
}

impl Snapshot {
    /// Decides by the tenant's policies, its roles, the guardrails above them, and more layers. Any forbid of any layer that is satisfied denies; else any permit allows.
    #[must_use]
    pub fn decide(&self, query: &Query, slice: &Slice, more: &[&Layer]) -> Decision {
        let principal = Subject {
            uid: query.principal(),
            ancestors: slice.ancestors(query.principal()),
            references: slice.references(query.principal()),
        };
        let resource = Subject {
            uid: query.resource(),
            ancestors: slice.ancestors(query.resource()),
            references: &[],
        };
        let groups = self.action(query.action()).map_or(&[] as &[Uid], |a| &a.ancestors);
        let entities = slice.entities(self, query);
        let request = query.request().as_ref().clone();
        let evaluator = Evaluator::new(request, &entities, Extensions::all_available());
        let mut fold = Fold::default();
        for layer in self.layers(more) {
            for policy in layer.index.matching(&principal, (query.action(), groups), &resource) {
                let Some(info) = layer.infos.get(policy.at) else { continue };
                match policy.satisfied(&evaluator) {
                    Ok(true) => fold.satisfied(info),
                    Ok(false) => {}
                    Err(error) => fold.failed(info, &error),
                }
            }
        }
        fold.finish()
    }

    /// Decides as [`Snapshot::decide`] does, but by Cedar's own authorizer and every policy: what
    /// that is compared with.
    #[must_use]
    pub fn decide_by_all(&self, query: &Query, slice: &Slice, more: &[&Layer]) -> Decision {
        let entities = slice.entities(self, query).into();
        let authorizer = Authorizer::new();
        let mut fold = Fold::default();
        for layer in self.layers(more) {
            let answer = authorizer.is_authorized(query.request(), &layer.all, &entities);
            let reasons = answer.diagnostics().reason().filter_map(|id| layer.info(id));
            reasons.for_each(|info| fold.satisfied(info));
            for AuthorizationError::PolicyEvaluationError(e) in answer.diagnostics().errors() {
                layer.info(e.policy_id()).into_iter().for_each(|info| fold.failed(info, e.inner()));
            }
        }
        fold.finish()
    }

    /// The guardrails of the binary and of the operator, the snapshot's own layer, and the others;
    /// each once.
    pub(crate) fn layers<'a>(&'a self, more: &[&'a Layer]) -> impl Iterator<Item = &'a Layer> {
        let embedded: &'static Layer = Layer::guardrails();
        let others = more.iter().copied().filter(move |layer| !std::ptr::eq(*layer, embedded));
        let above = std::iter::once(embedded).chain(self.guardrails.as_deref());
        above.chain([self.layer()]).chain(others)
    }
}

/// What the answers to the parts come to.
#[derive(Default)]
struct Fold<'a> {
    permits: Vec<&'a Arc<PolicyInfo>>,
    forbids: Vec<&'a Arc<PolicyInfo>>,
    errors: Vec<EvalError>,
}

impl<'a> Fold<'a> {
    fn satisfied(&mut self, info: &'a Arc<PolicyInfo>) {
        match info.effect {
            Effect::Permit => self.permits.push(info),
            Effect::Forbid => self.forbids.push(info),
        }
    }

    fn failed(&mut self, info: &PolicyInfo, error: &EvaluationError) {
        // What is generated for roles asks every resource for its organization. One whose
        // attribute of that name is no entity is not in an organization, which is no error.
        if info.layer != LayerKind::Roles {
            self.errors.push(EvalError {
                policy: info.id.clone(),
                message: error.to_string(),
                missing: missing(error),
            });
        }
    }

    fn finish(self) -> Decision {
        let allowed = self.forbids.is_empty() && !self.permits.is_empty();
        let deciding = if self.forbids.is_empty() { self.permits } else { self.forbids };
        let reason = |info: &Arc<PolicyInfo>| Reason {
            id: info.id.clone(),
            layer: info.layer,
            effect: info.effect,
            annotations: info.annotations.clone(),
        };
        let mut policies: Vec<Reason> = deciding.into_iter().map(reason).collect();
        policies.sort_unstable();
        let mut errors = self.errors;
        errors.sort_unstable();
        Decision { allowed, policies, errors }
    }
}

/// What an evaluation did not find. Cedar keeps this to itself but for the message.
fn missing(error: &EvaluationError) -> Option<Missing> {
    match error {
        EvaluationError::EntityDoesNotExist(_) => {
            let message = error.to_string();
            let entity = message.strip_prefix("entity `")?.strip_suffix("` does not exist")?;
            Some(Missing { entity: Some(entity_of(entity)?), attribute: String::new() })
        }
        EvaluationError::EntityAttrDoesNotExist(_) => {
            let message = error.to_string();
            let rest = message.strip_prefix('`')?.strip_suffix('`')?;
            // The last one: an id may hold these words, too.
            let ends = ["attribute", "tag"].map(|what| format!("\"` does not have the {what} `"));
            let end = ends.iter().max_by_key(|end| rest.rfind(end.as_str()))?;
            let (entity, attribute) = rest.rsplit_once(end.as_str())?;
            let entity = Some(entity_of(&format!("{entity}\""))?);
            Some(Missing { entity, attribute: attribute.to_owned() })
        }
        EvaluationError::RecordAttrDoesNotExist(_) => {
            let message = error.to_string();
            let attribute = message.strip_prefix("record does not have the attribute `")?;
            let attribute = attribute.strip_suffix('`')?.to_owned();
            Some(Missing { entity: None, attribute })
        }
        _ => None,
    }
}

fn entity_of(text: &str) -> Option<Uid> {
    EntityUid::from_str(text).ok().map(|uid| Uid::of(&uid))
}

#[cfg(test)]
mod tests;
