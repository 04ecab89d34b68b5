//! The policies in the hands of Cedar's own authorizer, without any of what makes ours fast: what
//! that is measured against.

use cedar_policy::{Authorizer, Decision, Entities, Entity, PolicySet};

use crate::{Layer, Loaded, Query, Snapshot};

/// Every policy and every entity, as somebody who uses the crate `cedar-policy` has them.
#[derive(Debug)]
pub struct Plain {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Plain {
    /// Puts them together once.
    ///
    /// # Errors
    /// When entities are in each other, or policies of the platform and the tenant share an id.
    pub fn new<'a>(
        snapshot: &Snapshot,
        entities: impl IntoIterator<Item = &'a Loaded>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut policies = snapshot.layer().all.clone();
        for policy in Layer::guardrails().all.policies() {
            policies.add(policy.clone())?;
        }
        let entities = entities.into_iter().map(|one| Entity::from(one.cedar().as_ref().clone()));
        let entities = Entities::from_entities(entities, None)?;
        Ok(Self { authorizer: Authorizer::new(), policies, entities })
    }

    /// Whether it is allowed.
    #[must_use]
    pub fn allows(&self, query: &Query) -> bool {
        let answer = self.authorizer.is_authorized(query.request(), &self.policies, &self.entities);
        answer.decision() == Decision::Allow
    }
}
