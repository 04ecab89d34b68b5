//! Generated policies, entities and requests: what the index leaves out makes no difference, and
//! the layers decide as one set would that Cedar evaluates by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use crate::{
    Bundle, Decision, EntityData, Layer, Link, Loaded, Mode, Query, RoleRule, Sieve, Slice,
    Snapshot, Uid, compile, compile_guardrails, organization_layer,
};
use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, Policy, PolicyId, PolicySet, Request, Schema,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const SCHEMA: &str = "
    entity Document in [Folder, Organization];
    entity Folder in [Folder, Organization];
    action top;
    action g0 in [top];
    action g1;
    action a0, a1 in [g0] appliesTo { principal: User, resource: Document };
    action a2 in [g0, g1] appliesTo { principal: User, resource: Document };
    action a3 appliesTo { principal: User, resource: Document };
";
const ACTIONS: [&str; 7] = ["a0", "a1", "a2", "a3", "g0", "g1", "top"];
const ROLES: [&str; IDS] = ["r0", "r1", "r2"];
/// In the order of the hierarchy: an entity is only in those behind it.
const KINDS: [&str; 6] = ["Document", "Folder", "User", "Group", "Role", "Organization"];
const IDS: usize = 3;

fn uid(kind: &str, id: usize) -> Uid {
    let id = if kind == "Role" { ROLES[id].to_owned() } else { id.to_string() };
    Uid::new(kind, &id).unwrap()
}

fn any_uid() -> impl Strategy<Value = Uid> {
    (select(&KINDS[..]), 0..IDS).prop_map(|(kind, id)| uid(kind, id))
}

/// What stands between the commas of a scope for the principal or the resource.
fn side(variable: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(variable.to_owned()),
        2 => any_uid().prop_map(move |uid| format!("{variable} == {uid}")),
        3 => any_uid().prop_map(move |uid| format!("{variable} in {uid}")),
        2 => select(&KINDS[..]).prop_map(move |kind| format!("{variable} is {kind}")),
        2 => (select(&KINDS[..]), any_uid())
            .prop_map(move |(kind, uid)| format!("{variable} is {kind} in {uid}")),
    ]
}

fn action() -> impl Strategy<Value = String> {
    let one = || select(&ACTIONS[..]).prop_map(|name| format!("Action::\"{name}\""));
    prop_oneof![
        2 => Just("action".to_owned()),
        2 => one().prop_map(|uid| format!("action == {uid}")),
        2 => one().prop_map(|uid| format!("action in {uid}")),
        2 => prop::collection::vec(one(), 0..4)
            .prop_map(|uids| format!("action in [{}]", uids.join(", "))),
    ]
}

/// Conditions of which some hold, some do not, and some cannot be evaluated.
fn condition() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just("true".to_owned()),
        Just("principal.level > 1".to_owned()),
        Just("resource.owner == principal".to_owned()),
        Just("resource has owner && resource.owner == principal".to_owned()),
        Just("resource.owner.level == 1".to_owned()),
        Just("context.mfa".to_owned()),
        Just("1 + \"x\" == 2".to_owned()),
        Just("9223372036854775807 + 1 == 0".to_owned()),
        Just(
            "principal.hasTag(\"0\") && principal.getTag(\"0\").contains(Role::\"r0\")".to_owned()
        ),
        any_uid().prop_map(|uid| format!("principal in {uid}")),
        any_uid().prop_map(|uid| format!("[{uid}].contains(resource)")),
    ];
    atom.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn policy(effect: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    let clauses = prop::collection::vec((select(&["when", "unless"][..]), condition()), 0..3);
    (effect, side("principal"), action(), side("resource"), clauses).prop_map(
        |(effect, principal, action, resource, clauses)| {
            let clauses: String = clauses
                .iter()
                .map(|(word, condition)| format!(" {word} {{ {condition} }}"))
                .collect();
            format!("{effect} ({principal}, {action}, {resource}){clauses};\n")
        },
    )
}

fn any_policies(most: usize) -> impl Strategy<Value = String> {
    let effect = prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    prop::collection::vec(policy(effect), 0..most).prop_map(|texts| texts.concat())
}

fn links() -> impl Strategy<Value = Vec<Link>> {
    let one = (select(&["both", "within"][..]), any_uid(), any_uid());
    prop::collection::vec(one, 0..4).prop_map(|all| {
        let link = |(at, (template, principal, resource)): (usize, (&str, Uid, Uid))| Link {
            id: format!("link{at}"),
            template: template.to_owned(),
            principal: Some(principal),
            resource: (template == "both").then_some(resource),
        };
        all.into_iter().enumerate().map(link).collect()
    })
}

const TEMPLATES: &str = "
    @id(\"both\") permit (principal == ?principal, action, resource in ?resource);
    @id(\"within\") forbid (principal in ?principal, action == Action::\"a1\", resource)
    when { context.mfa };
";

fn roles() -> impl Strategy<Value = Vec<RoleRule>> {
    let permissions = || prop::collection::btree_set(select(&ACTIONS[..4]), 0..3);
    (permissions(), permissions()).prop_map(|(a, b)| {
        let rule = |(name, permissions): (&&str, BTreeSet<&str>)| RoleRule {
            name: (*name).to_owned(),
            permissions: permissions.into_iter().map(str::to_owned).collect(),
        };
        ROLES.iter().zip([a, b]).map(rule).collect()
    })
}

fn reference(uid: &Uid) -> Value {
    json!({ "__entity": { "type": uid.kind(), "id": uid.id() } })
}

/// Some attributes, or attributes of a surprising type.
fn attributes() -> impl Strategy<Value = Map<String, Value>> {
    let level = prop_oneof![(0..3i64).prop_map(Value::from), Just(Value::from("high"))];
    let owner =
        prop_oneof![4 => any_uid().prop_map(|uid| reference(&uid)), 1 => Just(Value::from(1))];
    let organization = prop_oneof![
        3 => (0..IDS).prop_map(|id| reference(&uid("Organization", id))),
        1 => Just(Value::from("0")),
    ];
    let id = select(&["0", "1", "2"][..]).prop_map(Value::from);
    let members = (
        prop::option::of(level),
        prop::option::of(owner),
        prop::option::of(organization),
        prop::option::weighted(0.8, id),
        prop::option::weighted(0.3, any::<bool>().prop_map(Value::from)),
    );
    members.prop_map(|(level, owner, organization, id, active)| {
        let all = [
            ("level", level),
            ("owner", owner),
            ("organization", organization),
            ("id", id),
            ("active", active),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}

/// Some of all entities, in a hierarchy without cycles.
fn entities() -> impl Strategy<Value = Vec<EntityData>> {
    let all: Vec<Uid> = KINDS.iter().flat_map(|kind| (0..IDS).map(|id| uid(kind, id))).collect();
    let one = (
        any::<bool>(),
        attributes(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::collection::btree_map(select(&["0", "1", "2"][..]), 0..ROLES.len(), 0..2),
    );
    prop::collection::vec(one, all.len()).prop_map(move |picked| {
        let mut known: BTreeMap<Uid, EntityData> = BTreeMap::new();
        for (at, (present, attrs, parents, tags)) in picked.into_iter().enumerate() {
            let behind = &all[at + 1..];
            if !present {
                continue;
            }
            let parents = parents.iter().filter(|_| !behind.is_empty());
            let parents: Vec<Uid> = parents.map(|p| p.get(behind).clone()).collect();
            let tag = |(name, role): (&str, usize)| {
                (name.to_owned(), json!([reference(&uid("Role", role))]))
            };
            let tags = tags.into_iter().map(tag).collect();
            known
                .insert(all[at].clone(), EntityData { uid: all[at].clone(), attrs, parents, tags });
        }
        known.into_values().collect()
    })
}

#[derive(Debug, Clone)]
struct Ask {
    principal: Uid,
    action: &'static str,
    resource: Uid,
    context: Map<String, Value>,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let principal = (select(&["User", "User", "Group"][..]), 0..IDS);
    let resource = (select(&["Document", "Document", "Folder", "Organization"][..]), 0..IDS);
    let action = select(&["a0", "a1", "a2", "a3", "g0", "unknown"][..]);
    let mfa = prop_oneof![Just(None), any::<bool>().prop_map(Some)];
    let one = (principal, action, resource, mfa).prop_map(|(principal, action, resource, mfa)| {
        let context = mfa.map(|mfa| ("mfa".to_owned(), Value::from(mfa))).into_iter().collect();
        let (principal, resource) = (uid(principal.0, principal.1), uid(resource.0, resource.1));
        Ask { principal, action, resource, context }
    });
    prop::collection::vec(one, 10)
}

static ACTION_ENTITIES: LazyLock<Entities> = LazyLock::new(|| {
    let schema = format!("entity User; {SCHEMA}").replace(", Organization]", "]");
    Schema::from_cedarschema_str(&schema).unwrap().0.action_entities().unwrap()
});

/// The same decision by Cedar alone: one set of all policies, and entities that it reads itself.
struct Reference {
    policies: PolicySet,
    entities: Entities,
}

impl Reference {
    fn new(snapshot: &Snapshot, layers: &[&Layer], entities: &[EntityData]) -> Self {
        let mut policies = PolicySet::new();
        let all = snapshot.policies().chain(layers.iter().flat_map(|layer| layer.policies()));
        for info in all {
            let policy = Policy::parse(Some(PolicyId::new(&info.id)), &info.text);
            policies.add(policy.unwrap()).unwrap();
        }
        let entity = |data: &EntityData| {
            json!({
                "uid": data.uid, "attrs": data.attrs, "parents": data.parents, "tags": data.tags,
            })
        };
        let json: Value = entities.iter().map(entity).collect();
        let entities = Entities::from_json_value(json, None).unwrap();
        let entities = entities.add_entities(ACTION_ENTITIES.clone(), None).unwrap();
        Self { policies, entities }
    }

    /// Whether it is allowed, the policies that decide, and those that fail.
    fn decide(&self, ask: &Ask) -> (bool, Vec<String>, Vec<String>) {
        let uid = |uid: &Uid| uid.to_string().parse().unwrap();
        let action = Uid::new("Action", ask.action).unwrap();
        let context = Context::from_json_value(Value::Object(ask.context.clone()), None).unwrap();
        let request =
            Request::new(uid(&ask.principal), uid(&action), uid(&ask.resource), context, None);
        let answer =
            Authorizer::new().is_authorized(&request.unwrap(), &self.policies, &self.entities);
        let mut reasons: Vec<String> =
            answer.diagnostics().reason().map(ToString::to_string).collect();
        let mut errors: Vec<String> = answer
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(e)| e.policy_id().to_string())
            .filter(|id| !id.starts_with("role:"))
            .collect();
        reasons.sort_unstable();
        errors.sort_unstable();
        (answer.decision() == cedar_policy::Decision::Allow, reasons, errors)
    }
}

fn summary(decision: &Decision) -> (bool, Vec<String>, Vec<String>) {
    let mut reasons: Vec<String> = decision.policies.iter().map(|r| r.id.to_string()).collect();
    let mut errors: Vec<String> = decision.errors.iter().map(|e| e.policy.to_string()).collect();
    reasons.sort_unstable();
    errors.sort_unstable();
    (decision.allowed, reasons, errors)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_index_decides_as_all_policies_do(
        tenant in any_policies(20),
        links in links(),
        roles in roles(),
        guardrails in prop::collection::vec(policy(Just("forbid")), 0..2),
        organization in any_policies(4),
        entities in entities(),
        asks in asks(),
    ) {
        let policies = BTreeMap::from([
            ("tenant.cedar".to_owned(), tenant),
            ("templates.cedar".to_owned(), TEMPLATES.to_owned()),
        ]);
        let bundle = Bundle { schema: Some(SCHEMA.to_owned()), policies, links };
        let (snapshot, _) = compile(Some(&bundle), &roles, Mode::Permissive).unwrap();
        let guardrails = compile_guardrails(&guardrails.concat()).unwrap();
        let files = BTreeMap::from([("organization.cedar".to_owned(), organization)]);
        let organization =
            organization_layer(&snapshot, &uid("Organization", 0), &files).unwrap();
        let loaded: Vec<Loaded> =
            entities.iter().map(|data| snapshot.entity(data).unwrap()).collect();
        let layers = [Layer::guardrails(), &guardrails, &organization];
        let reference = Reference::new(&snapshot, &layers, &entities);
        for ask in asks {
            let query: Query = snapshot
                .query(ask.principal.clone(), ask.action, ask.resource.clone(), ask.context.clone())
                .unwrap();
            let slice = Slice::new(&loaded).unwrap();
            let decision = snapshot.decide(&query, &slice, &layers);
            prop_assert_eq!(&decision, &snapshot.decide_by_all(&query, &slice, &layers));
            prop_assert_eq!(summary(&decision), reference.decide(&ask), "{:?}", ask);
        }
    }

    #[test]
    fn what_is_said_of_all_candidates_holds_for_each(
        tenant in any_policies(6),
        roles in roles(),
        guardrails in prop::collection::vec(policy(Just("forbid")), 0..2),
        entities in entities(),
        asks in asks(),
    ) {
        let policies = BTreeMap::from([("tenant.cedar".to_owned(), tenant)]);
        let bundle = Bundle { schema: Some(SCHEMA.to_owned()), policies, links: Vec::new() };
        let (snapshot, _) = compile(Some(&bundle), &roles, Mode::Permissive).unwrap();
        let guardrails = compile_guardrails(&guardrails.concat()).unwrap();
        let snapshot = snapshot.under(Some(Arc::new(guardrails)));
        let loaded: Vec<Loaded> =
            entities.iter().map(|data| snapshot.entity(data).unwrap()).collect();
        for ask in asks {
            let query = |principal: Uid, resource: Uid| {
                snapshot.query(principal, ask.action, resource, ask.context.clone()).unwrap()
            };
            let allowed = |query: &Query| {
                let slice = Slice::new(&loaded).unwrap();
                snapshot.decide(query, &slice, &[]).allowed
            };
            let example = query(ask.principal.clone(), ask.resource.clone());
            let slice = Slice::new(&loaded).unwrap();
            let tied = |query: &Query, ties: &BTreeSet<Uid>| {
                let uid = query.principal();
                let of = slice.ancestors(uid).iter().chain(slice.references(uid));
                std::iter::once(uid).chain(of).any(|uid| ties.contains(uid))
            };
            let holds = |sieve: &Sieve, each: Vec<Query>| match sieve {
                Sieve::Nobody => !each.iter().any(allowed),
                Sieve::Everybody => each.iter().all(allowed),
                Sieve::Check => true,
                Sieve::Among(ties) => each.iter().all(|query| tied(query, ties) || !allowed(query)),
            };
            let others = |kind: &str| -> Vec<Uid> {
                let id = |id: usize| Uid::new(kind, &id.to_string()).unwrap();
                (0..=IDS).map(id).collect()
            };
            let each = others(ask.principal.kind()).into_iter();
            let each = each.map(|principal| query(principal, ask.resource.clone())).collect();
            let sieve = snapshot.sieve_principals(&example, &slice, &[]);
            prop_assert!(holds(&sieve, each), "principals: {:?}, {:?}", sieve, ask);
            let each = others(ask.resource.kind()).into_iter();
            let each = each.map(|resource| query(ask.principal.clone(), resource)).collect();
            let sieve = snapshot.sieve_resources(&example, &slice, &[]);
            prop_assert!(holds(&sieve, each), "resources: {:?}, {:?}", sieve, ask);
        }
    }
}
