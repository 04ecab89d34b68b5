//! Everything that a tenant's decisions are made by, compiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use bailiwick_domain::authz::TOKEN_ISSUE;
use serde_json::{Map, Value};

use crate::schema::{Action, Schema};
use crate::{EntityData, Fault, Layer, Loaded, Mode, PolicyInfo, Query, Uid};

/// The compiled policies, roles and schema of a tenant. It never changes: share it in an `Arc`.
pub struct Snapshot {
    pub(crate) mode: Mode,
    pub(crate) schema: Option<Schema>,
    pub(crate) layer: Layer,
    /// Those of the operator.
    pub(crate) guardrails: Option<Arc<Layer>>,
    pub(crate) levels: u8,
    pub(crate) weight: usize,
}

impl Snapshot {
    /// Checks an entity and makes it ready for decisions.
    ///
    /// # Errors
    /// Values that Cedar cannot hold; in strict mode also what is not as the schema declares it.
    pub fn entity(&self, data: &EntityData) -> Result<Loaded, Vec<Fault>> {
        let loaded = Loaded::convert(data)?;
        let faults = self.strict().map(|schema| schema.entity(data)).unwrap_or_default();
        if faults.is_empty() { Ok(loaded) } else { Err(faults) }
    }

    /// Checks a request. The action is the id of an `Action`, or a full `Ns::Action::"id"`.
    ///
    /// # Errors
    /// A context that Cedar cannot hold; in strict mode also unknown types and actions, an action
    /// that does not apply to the types, and a context that is not as declared for the action.
    pub fn query(
        &self,
        principal: Uid,
        action: &str,
        resource: Uid,
        context: Map<String, Value>,
    ) -> Result<Query, Vec<Fault>> {
        let action = Uid::action(action).map_err(|e| vec![Fault::new("/action", e.to_string())])?;
        // The platform asks its own question whether or not a policy names it, and asks it right.
        let ours = (action.kind(), action.id()) == ("Action", TOKEN_ISSUE);
        let undeclared = ours && self.action(&action).is_none();
        let faults = self
            .strict()
            .filter(|_| !undeclared)
            .map(|schema| schema.request(&principal, &action, &resource, &context))
            .unwrap_or_default();
        let query = Query::convert(principal, action, resource, context)?;
        if faults.is_empty() { Ok(query) } else { Err(faults) }
    }

    /// How many entities in a row the policies look at: 1 when they look at the principal and the
    /// resource, 2 when also at what those refer to, and so on.
    #[must_use]
    pub fn levels(&self) -> u8 {
        self.levels
    }

    /// The entities that policies look into by their own names, whatever the request.
    pub fn literals(&self) -> impl Iterator<Item = &Uid> {
        let above = self.guardrails.iter().flat_map(|layer| layer.literals());
        self.layer.literals().iter().chain(above)
    }

    /// The actions that a principal of a type might be allowed to do to a resource of a type:
    /// those that the schema declares for them, and in permissive mode also those that policies
    /// and roles name. Sorted.
    #[must_use]
    pub fn actions(&self, principal_type: &str, resource_type: &str) -> Vec<String> {
        let applies = |action: &Action| {
            action.principals.contains(principal_type) && action.resources.contains(resource_type)
        };
        let declared = self.schema.iter().flat_map(Schema::actions);
        let mut found: BTreeSet<&Uid> =
            declared.filter(|(_, action)| applies(action)).map(|(uid, _)| uid).collect();
        if self.mode == Mode::Permissive {
            // A group of actions is named by policies, but it is nothing that can be done.
            let group = |uid: &Uid| {
                self.action(uid).is_some_and(|a| a.principals.is_empty() && a.resources.is_empty())
            };
            found.extend(self.layer.index.actions().filter(|uid| !group(uid)));
        }
        found.into_iter().map(Uid::action_name).collect()
    }

    /// The tenant's policies and those generated for its roles.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyInfo> {
        self.layer.policies()
    }

    /// What a tenant may add to users, organizations and groups: of these members those that the
    /// platform type's own common type (`UserAttributes` for `User`) declares with their type, or
    /// in permissive mode all that Cedar can hold.
    #[must_use]
    pub fn attributes(
        &self,
        platform_type: &str,
        members: &Map<String, Value>,
    ) -> Map<String, Value> {
        if let Some(schema) = self.strict() {
            return schema.fitting(&format!("{platform_type}Attributes"), members);
        }
        let holds = |(name, value): &(&String, &Value)| {
            let mut conversion = crate::value::Conversion::default();
            let one = Map::from_iter([((*name).clone(), (*value).clone())]);
            let converted = conversion.members(&one, "");
            // An extension value that its function refuses shows when it is evaluated.
            conversion.faults.is_empty() && cedar_policy::Context::from_pairs(converted).is_ok()
        };
        members.iter().filter(holds).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// How much is refused.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The schema with what the platform declares, as other Cedar libraries read it.
    #[must_use]
    pub fn schema_text(&self) -> Option<&str> {
        self.schema.as_ref().map(|schema| schema.text.as_str())
    }

    /// About how many bytes this takes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn layer(&self) -> &Layer {
        &self.layer
    }

    pub(crate) fn action(&self, uid: &Uid) -> Option<&Action> {
        self.schema.as_ref()?.action(uid)
    }

    fn strict(&self) -> Option<&Schema> {
        self.schema.as_ref().filter(|_| self.mode == Mode::Strict)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("mode", &self.mode)
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}
