//! A compiled set of policies, and what is said of each.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, SlotId, Template};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Uid;
use crate::analysis::Reach;
use crate::index::{Index, tie};

/// What a policy does when it is satisfied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It allows, unless something forbids.
    Permit,
    /// It forbids, whatever else allows.
    Forbid,
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerKind {
    /// The platform: what no tenant can remove.
    Guardrails,
    /// Generated from the tenant's roles.
    Roles,
    /// Written by the tenant.
    Tenant,
    /// Written for one organization of the tenant.
    Organization,
}

/// A policy as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyInfo {
    /// The id, unique in its layer.
    pub id: Arc<str>,
    /// Where it comes from.
    pub layer: LayerKind,
    /// The file that it, or its template, is written in; none when it is generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// Its annotations.
    pub annotations: Arc<BTreeMap<String, String>>,
    /// A complete policy in Cedar's syntax. The slots of a template are filled.
    pub text: Arc<str>,
}

/// Compiled policies that are decided by together with a [`Snapshot`](crate::Snapshot).
pub struct Layer {
    pub(crate) index: Index,
    pub(crate) infos: Vec<Arc<PolicyInfo>>,
    by_id: HashMap<PolicyId, usize>,
    /// Every policy in one set.
    pub(crate) all: PolicySet,
    levels: u8,
    literals: Vec<Uid>,
    /// Of each policy what its principal has to be, be in, or refer to; none when it may be anybody.
    ties: Vec<Option<Uid>>,
    /// Every policy in Cedar's JSON format, once somebody asked for that.
    pub(crate) json: OnceLock<Map<String, Value>>,
}

/// A policy on its way into a layer.
pub(crate) struct Prepared {
    pub info: PolicyInfo,
    /// With all slots filled: its scope says where it belongs in the index.
    pub policy: Policy,
    /// The template that it comes from, and what fills its slots.
    pub link: Option<(Template, HashMap<SlotId, EntityUid>)>,
    /// The policy is satisfied only for principals whose attributes or tags refer to this.
    pub referring: Option<Uid>,
    /// How far it looks.
    pub reach: Reach,
}

impl Layer {
    /// Indexes policies. Their ids are unique.
    pub(crate) fn new(prepared: Vec<Prepared>) -> Self {
        let mut all = PolicySet::new();
        prepared.iter().for_each(|one| one.add_to(&mut all));
        let index = Index::new(&prepared);
        let by_id = prepared.iter().enumerate().map(|(at, one)| (one.policy.id().clone(), at));
        let by_id = by_id.collect();
        let levels = prepared.iter().map(|one| one.reach.levels).max().unwrap_or(0);
        let mut literals: Vec<Uid> =
            prepared.iter().flat_map(|one| one.reach.literals.iter().cloned()).collect();
        literals.sort_unstable();
        literals.dedup();
        let ties = prepared.iter().map(tie).collect();
        let infos = prepared.into_iter().map(|one| Arc::new(one.info)).collect();
        Self { index, infos, by_id, all, levels, literals, ties, json: OnceLock::new() }
    }

    /// Every policy, in the order of its files.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyInfo> {
        self.infos.iter().map(Arc::as_ref)
    }

    /// How many entities in a row the policies look at, as in
    /// [`Snapshot::levels`](crate::Snapshot::levels).
    #[must_use]
    pub fn levels(&self) -> u8 {
        self.levels
    }

    /// The entities that policies look into by their own names, whatever the request.
    #[must_use]
    pub fn literals(&self) -> &[Uid] {
        &self.literals
    }

    /// What the principal of a policy has to be, be in, or refer to.
    pub(crate) fn tie(&self, id: &PolicyId) -> Option<&Uid> {
        self.ties.get(*self.by_id.get(id)?)?.as_ref()
    }

    pub(crate) fn info(&self, id: &PolicyId) -> Option<&Arc<PolicyInfo>> {
        self.infos.get(*self.by_id.get(id)?)
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layer").field("policies", &self.infos.len()).finish_non_exhaustive()
    }
}

impl Prepared {
    /// Puts the policy into a set that it is not in yet.
    pub(crate) fn add_to(&self, set: &mut PolicySet) {
        let added = match &self.link {
            None => set.add(self.policy.clone()),
            Some((template, values)) => {
                if set.template(template.id()).is_none() {
                    // Its id is no policy's, or compilation would have refused it.
                    set.add_template(template.clone()).expect("the ids of a layer are unique");
                }
                set.link(template.id().clone(), self.policy.id().clone(), values.clone())
            }
        };
        added.expect("the ids of a layer are unique");
    }
}
