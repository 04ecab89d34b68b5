//! Finds the policies whose scope can match a request.
//!
//! Policies with the same scope share a bucket. A bucket is found by its action, and among those
//! by its principal, or by its resource where it names no principal. What is left out could not
//! have been satisfied, nor have failed: Cedar evaluates a scope first, it cannot fail, and what
//! follows is not looked at when it does not match.
//!
//! What is found matches exactly, so that only its conditions are left to evaluate: who makes this find
//! more than that has to evaluate scopes again. A property test compares with Cedar's own authorizer.

use std::collections::HashMap;

use cedar_policy::{ActionConstraint, Policy, PrincipalConstraint, ResourceConstraint};
use cedar_policy_core::ast::{Expr, Literal, SlotEnv, ValueKind};
use cedar_policy_core::evaluator::{EvaluationError, Evaluator};

use crate::Uid;
use crate::layer::Prepared;
use crate::uid::UidMap;

/// What a policy says of the principal, or of the resource.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Side {
    Any,
    Is(String),
    Eq(Uid),
    In(Uid),
    IsIn(String, Uid),
    /// Not in the scope: attributes or tags have to refer to this.
    Refers(Uid),
}

/// What a policy says of the action.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Act {
    Any,
    Eq(Uid),
    In(Vec<Uid>),
}

/// The number of a [`Side`].
type SideId = u32;
/// The number of a bucket.
type BucketId = u32;

const ANY: SideId = 0;

/// The sides that policies name, so that a request hashes each of its entities once.
struct Sides {
    ids: HashMap<Side, SideId>,
    kinds: HashMap<String, SideId>,
    uids: UidMap<Named>,
}

/// The sides that name one entity.
#[derive(Default)]
struct Named {
    eq: Option<SideId>,
    within: Option<SideId>,
    kind_within: Vec<(String, SideId)>,
    refers: Option<SideId>,
}

/// Policies with the same scope.
struct Bucket {
    policies: Vec<Ready>,
    action: Act,
    principal: SideId,
    resource: SideId,
}

/// A policy, without what is known of a request that has found it here.
pub(crate) struct Ready {
    /// Its place in the layer.
    pub at: usize,
    /// What is left to find out; nothing when the scope is all that it says.
    conditions: Option<Expr>,
}

impl Ready {
    fn new(at: usize, one: &Prepared) -> Self {
        let policy = one.policy.as_ref();
        let conditions = match &one.referring {
            // It is found by something else than what its scope says of the principal.
            Some(_) => Some(policy.condition()),
            // As behind a scope that is satisfied: it is an error when they are no Boolean.
            None => policy.non_scope_constraints().map(|c| Expr::and(Expr::val(true), c.clone())),
        };
        Self { at, conditions }
    }

    /// Whether it is satisfied.
    pub(crate) fn satisfied(
        &self,
        evaluator: &Evaluator<'_>,
    ) -> Result<bool, Box<EvaluationError>> {
        let Some(conditions) = &self.conditions else { return Ok(true) };
        // Slots are in scopes only.
        let value = evaluator.interpret(conditions, &SlotEnv::new())?;
        Ok(matches!(value.value_kind(), ValueKind::Lit(Literal::Bool(true))))
    }
}

/// The buckets that may match an action.
#[derive(Default)]
struct Table {
    /// Those that name a principal.
    principals: HashMap<SideId, Vec<BucketId>>,
    /// Those that do not, by their resource.
    resources: HashMap<SideId, Vec<BucketId>>,
}

/// The index of a layer.
pub(crate) struct Index {
    principals: Sides,
    resources: Sides,
    buckets: Vec<Bucket>,
    any_action: Table,
    actions: UidMap<Table>,
}

/// An entity of a request as the index looks at it.
pub(crate) struct Subject<'a> {
    pub uid: &'a Uid,
    /// Everything that it is in, at any distance.
    pub ancestors: &'a [Uid],
    /// What its attributes and tags refer to.
    pub references: &'a [Uid],
}

impl Index {
    pub(crate) fn new(prepared: &[Prepared]) -> Self {
        let mut index = Self {
            principals: Sides::new(),
            resources: Sides::new(),
            buckets: Vec::new(),
            any_action: Table::default(),
            actions: UidMap::default(),
        };
        let mut known: HashMap<(Act, SideId, SideId), BucketId> = HashMap::new();
        for (place, one) in prepared.iter().enumerate() {
            let action = action(&one.policy);
            let principal = index.principals.intern(principal(one));
            let resource = index.resources.intern(resource(&one.policy));
            let key = (action.clone(), principal, resource);
            let at = *known.entry(key).or_insert_with(|| index.add(action, principal, resource));
            if let Some(bucket) = usize::try_from(at).ok().and_then(|at| index.buckets.get_mut(at))
            {
                bucket.policies.push(Ready::new(place, one));
            }
        }
        index
    }

    fn add(&mut self, action: Act, principal: SideId, resource: SideId) -> BucketId {
        let id = BucketId::try_from(self.buckets.len()).expect("policies are counted by thousands");
        match &action {
            Act::Any => self.any_action.add(id, principal, resource),
            Act::Eq(uid) => {
                self.actions.entry(uid.clone()).or_default().add(id, principal, resource);
            }
            Act::In(uids) => {
                for uid in uids {
                    self.actions.entry(uid.clone()).or_default().add(id, principal, resource);
                }
            }
        }
        self.buckets.push(Bucket { policies: Vec::new(), action, principal, resource });
        id
    }

    /// Every action that a scope names.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Uid> {
        self.actions.keys()
    }

    /// The policies whose scope matches.
    pub(crate) fn matching<'a>(
        &'a self,
        principal: &Subject<'_>,
        action: (&Uid, &[Uid]),
        resource: &Subject<'_>,
    ) -> impl Iterator<Item = &'a Ready> + use<'a> {
        let principals = self.principals.of(principal);
        let resources = self.resources.of(resource);
        let mut found = Vec::new();
        self.any_action.find(&principals, &resources, &mut found);
        if let Some(table) = self.actions.get(action.0) {
            table.find(&principals, &resources, &mut found);
        }
        for group in action.1 {
            if let Some(table) = self.actions.get(group) {
                let before = found.len();
                table.find(&principals, &resources, &mut found);
                // An action that only equals the group's name is not this one.
                let mut at = 0;
                found.retain(|id| {
                    at += 1;
                    at <= before || !matches!(self.bucket(*id).action, Act::Eq(_))
                });
            }
        }
        // A list may name the action and its group.
        found.sort_unstable();
        found.dedup();
        found.retain(|id| {
            let bucket = self.bucket(*id);
            principals.contains(&bucket.principal) && resources.contains(&bucket.resource)
        });
        found.into_iter().flat_map(|id| &self.bucket(id).policies)
    }

    fn bucket(&self, id: BucketId) -> &Bucket {
        usize::try_from(id)
            .ok()
            .and_then(|at| self.buckets.get(at))
            .expect("tables hold the numbers of buckets that exist")
    }
}

impl Table {
    fn add(&mut self, id: BucketId, principal: SideId, resource: SideId) {
        let side = if principal == ANY {
            self.resources.entry(resource)
        } else {
            self.principals.entry(principal)
        };
        side.or_default().push(id);
    }

    fn find(&self, principals: &[SideId], resources: &[SideId], found: &mut Vec<BucketId>) {
        if !self.principals.is_empty() {
            let named = principals.iter().filter_map(|side| self.principals.get(side));
            found.extend(named.flatten());
        }
        if !self.resources.is_empty() {
            let named = resources.iter().filter_map(|side| self.resources.get(side));
            found.extend(named.flatten());
        }
    }
}

impl Sides {
    fn new() -> Self {
        let ids = HashMap::from([(Side::Any, ANY)]);
        Self { ids, kinds: HashMap::new(), uids: UidMap::default() }
    }

    fn intern(&mut self, side: Side) -> SideId {
        if let Some(id) = self.ids.get(&side) {
            return *id;
        }
        let id = SideId::try_from(self.ids.len()).expect("policies are counted by thousands");
        match &side {
            Side::Any => {}
            Side::Is(kind) => {
                self.kinds.insert(kind.clone(), id);
            }
            Side::Eq(uid) => self.uids.entry(uid.clone()).or_default().eq = Some(id),
            Side::In(uid) => self.uids.entry(uid.clone()).or_default().within = Some(id),
            Side::IsIn(kind, uid) => {
                self.uids.entry(uid.clone()).or_default().kind_within.push((kind.clone(), id));
            }
            Side::Refers(uid) => self.uids.entry(uid.clone()).or_default().refers = Some(id),
        }
        self.ids.insert(side, id);
        id
    }

    /// The sides that an entity is on.
    fn of(&self, subject: &Subject<'_>) -> Vec<SideId> {
        let mut found = vec![ANY];
        found.extend(self.kinds.get(subject.uid.kind()));
        if self.uids.is_empty() {
            return found;
        }
        found.extend(self.uids.get(subject.uid).and_then(|named| named.eq));
        // An entity is in itself.
        for uid in std::iter::once(subject.uid).chain(subject.ancestors) {
            if let Some(named) = self.uids.get(uid) {
                found.extend(named.within);
                let kind = |(kind, _): &&(String, SideId)| kind == subject.uid.kind();
                found.extend(named.kind_within.iter().filter(kind).map(|(_, id)| *id));
            }
        }
        for uid in subject.references {
            found.extend(self.uids.get(uid).and_then(|named| named.refers));
        }
        found
    }
}

fn action(policy: &Policy) -> Act {
    match policy.action_constraint() {
        ActionConstraint::Any => Act::Any,
        ActionConstraint::Eq(uid) => Act::Eq(Uid::of(&uid)),
        ActionConstraint::In(uids) => {
            let mut uids: Vec<Uid> = uids.iter().map(Uid::of).collect();
            uids.sort_unstable();
            uids.dedup();
            Act::In(uids)
        }
    }
}

/// What the principal of a policy has to be, be in, or refer to; none when it may be anybody.
pub(crate) fn tie(one: &Prepared) -> Option<Uid> {
    match principal(one) {
        Side::Any | Side::Is(_) => None,
        Side::Eq(uid) | Side::In(uid) | Side::IsIn(_, uid) | Side::Refers(uid) => Some(uid),
    }
}

fn principal(one: &Prepared) -> Side {
    if let Some(uid) = &one.referring {
        return Side::Refers(uid.clone());
    }
    match one.policy.principal_constraint() {
        PrincipalConstraint::Any => Side::Any,
        PrincipalConstraint::Is(kind) => Side::Is(kind.to_string()),
        PrincipalConstraint::Eq(uid) => Side::Eq(Uid::of(&uid)),
        PrincipalConstraint::In(uid) => Side::In(Uid::of(&uid)),
        PrincipalConstraint::IsIn(kind, uid) => Side::IsIn(kind.to_string(), Uid::of(&uid)),
    }
}

fn resource(policy: &Policy) -> Side {
    match policy.resource_constraint() {
        ResourceConstraint::Any => Side::Any,
        ResourceConstraint::Is(kind) => Side::Is(kind.to_string()),
        ResourceConstraint::Eq(uid) => Side::Eq(Uid::of(&uid)),
        ResourceConstraint::In(uid) => Side::In(Uid::of(&uid)),
        ResourceConstraint::IsIn(kind, uid) => Side::IsIn(kind.to_string(), Uid::of(&uid)),
    }
}
