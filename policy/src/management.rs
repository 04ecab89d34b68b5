//! Who may do what in the management API: Cedar policies. Some are part of the binary and hold in
//! every tenant; those of the roles a tenant can replace by its own.

mod action;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::LazyLock;

use bailiwick_domain::TenantId;
use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Request as CedarRequest, RestrictedExpression, Schema,
};

use crate::{Bundle, Finding, Layer, Mode};

pub use action::Action;

const SCHEMA: &str = include_str!("management.cedarschema");
const GUARDRAILS: &str = include_str!("management/guardrails.cedar");
const POLICIES: &str = include_str!("management.cedar");

/// The most policies of a tenant's own: all are evaluated for each request.
const MOST: usize = 200;
/// The most bytes of their texts.
const BYTES: usize = 128 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The id of whoever asks, as it is known in the APIs.
    pub principal: &'a str,
    /// The tenant that the roles hold for.
    pub tenant: TenantId,
    /// Whether the principal belongs to the platform itself, and not to a customer.
    pub platform: bool,
    /// The names of its roles. Unknown ones give nothing.
    pub roles: &'a [String],
    /// What it wants to do.
    pub action: Action,
    /// The tenant that it wants to do it to.
    pub resource: TenantId,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// The policies that said so, by their ids; none when it may not.
    pub policies: Vec<String>,
}

/// The policies of the roles, below the guardrails of the binary.
#[derive(Debug)]
pub struct Decider {
    roles: Layer,
}

/// The policies of the roles that hold where a tenant has none of its own.
#[must_use]
pub fn defaults() -> Bundle {
    let policies = BTreeMap::from([("management.cedar".to_owned(), POLICIES.to_owned())]);
    Bundle { policies, ..Bundle::default() }
}

impl Decider {
    /// The decider of tenants that have no policies of their own.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static DECIDER: LazyLock<Decider> = LazyLock::new(|| {
            let (decider, _) =
                Decider::compile(&defaults()).expect("a test compiles what is embedded");
            decider
        });
        &DECIDER
    }

    /// Only the guardrails: operators may everything, owners may write policies, and nobody else
    /// anything.
    #[must_use]
    pub fn closed() -> Self {
        Self { roles: Layer::new(Vec::new()) }
    }

    /// Compiles a tenant's own policies in place of those of the roles. The findings beside a
    /// decider are warnings.
    ///
    /// # Errors
    /// Everything that is wrong, with its place: what does not fit the schema of the management
    /// API, a schema of the tenant's own, and too many policies.
    pub fn compile(bundle: &Bundle) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        if bundle.schema.is_some() {
            let found = Finding::new("schema", "the management API has its own schema");
            return Err(vec![found.help("leave the schema out")]);
        }
        if bundle.policies.values().map(String::len).sum::<usize>() > BYTES {
            let message = format!("all texts together have more than {} KiB", BYTES / 1024);
            return Err(vec![Finding::new("policies", message)]);
        }
        let (layer, warnings) = compile(bundle)?;
        let many = layer.policies().count();
        if many > MOST {
            let message = format!("there are at most {MOST} policies here, and these are {many}");
            return Err(vec![Finding::new("policies", message)]);
        }
        Ok((Self { roles: layer }, warnings))
    }

    /// Decides: the guardrails first, and where they say nothing the policies of the roles. What
    /// cannot be evaluated is refused.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let refused = Decision { allowed: false, policies: Vec::new() };
        let Some((query, entities)) = NAMES.translate(request) else { return refused };
        for layer in [&*ABOVE, &self.roles] {
            let answer = Authorizer::new().is_authorized(&query, &layer.all, &entities);
            // To Cedar a policy that fails is absent. A forbid must not be.
            if answer.diagnostics().errors().next().is_some() {
                return refused;
            }
            let reasons = answer.diagnostics().reason().filter_map(|id| layer.info(id));
            let mut policies: Vec<String> = reasons.map(|info| info.id.to_string()).collect();
            match answer.decision() {
                Verdict::Allow => {
                    policies.sort_unstable();
                    return Decision { allowed: true, policies };
                }
                // Something forbids.
                Verdict::Deny if !policies.is_empty() => return refused,
                Verdict::Deny => {}
            }
        }
        refused
    }
}

/// What no tenant can replace.
static ABOVE: LazyLock<Layer> = LazyLock::new(|| {
    let policies = BTreeMap::from([("guardrails.cedar".to_owned(), GUARDRAILS.to_owned())]);
    let bundle = Bundle { policies, ..Bundle::default() };
    compile(&bundle).expect("a test compiles what is embedded").0
});

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("a test parses what is embedded");
    Names::new(&schema).expect("a test compares the actions")
});

fn compile(bundle: &Bundle) -> Result<(Layer, Vec<Finding>), Vec<Finding>> {
    let bundle = Bundle { schema: Some(SCHEMA.to_owned()), ..bundle.clone() };
    let (snapshot, warnings) = crate::compile(Some(&bundle), &[], Mode::Strict)?;
    Ok((snapshot.layer, warnings))
}

#[derive(Debug)]
struct Names {
    actor: EntityTypeName,
    tenant: EntityTypeName,
    /// Each with the groups that the schema puts it in.
    actions: HashMap<Action, Entity>,
}

impl Names {
    fn new(schema: &Schema) -> Result<Self, String> {
        let type_name =
            |name: &str| EntityTypeName::from_str(name).expect("a constant of letters only");
        let known = schema.action_entities().map_err(|e| e.to_string())?;
        let mut actions = HashMap::new();
        for &action in Action::ALL {
            let id = EntityId::new(action.name());
            let uid = EntityUid::from_type_name_and_id(type_name("Action"), id);
            let entity = known.get(&uid).ok_or_else(|| format!("no action {}", action.name()))?;
            actions.insert(action, entity.clone());
        }
        Ok(Self { actor: type_name("Actor"), tenant: type_name("Tenant"), actions })
    }

    /// The request in Cedar's words: the entities are the actor and what its action is in, nothing
    /// else is looked at.
    fn translate(&self, request: &Request<'_>) -> Option<(CedarRequest, Entities)> {
        let tenant = |id: TenantId| {
            EntityUid::from_type_name_and_id(self.tenant.clone(), EntityId::new(id.to_string()))
        };
        let actor =
            EntityUid::from_type_name_and_id(self.actor.clone(), EntityId::new(request.principal));
        let roles = request.roles.iter().cloned().map(RestrictedExpression::new_string);
        let attributes = HashMap::from([
            ("tenant".to_owned(), RestrictedExpression::new_entity_uid(tenant(request.tenant))),
            ("platform".to_owned(), RestrictedExpression::new_bool(request.platform)),
            ("roles".to_owned(), RestrictedExpression::new_set(roles)),
        ]);
        let entity = Entity::new(actor.clone(), attributes, HashSet::new()).ok()?;
        let action = self.actions.get(&request.action)?.clone();
        let (of, uid) = (tenant(request.resource), action.uid());
        let entities = Entities::from_entities([entity, action], None).ok()?;
        let query = CedarRequest::new(actor, uid, of, Context::empty(), None).ok()?;
        Some((query, entities))
    }
}

#[cfg(test)]
mod tests;
