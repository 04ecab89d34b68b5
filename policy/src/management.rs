//! Who may do what in the management API: Cedar policies that are part of the binary.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::LazyLock;

use bailiwick_domain::TenantId;
use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, PolicyId, PolicySet, Request as CedarRequest, RestrictedExpression, Schema,
    ValidationMode, Validator,
};

const SCHEMA: &str = include_str!("management.cedarschema");
const POLICIES: &str = include_str!("management.cedar");

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What can be asked of the management API. The names are those of the schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

actions! {
    /// Read the tenant.
    GetTenant = "tenant.get",
    /// List its applications.
    ListApplications = "applications.list",
    /// Read an application.
    GetApplication = "applications.get",
    /// Register an application.
    CreateApplication = "applications.create",
    /// Change an application.
    UpdateApplication = "applications.update",
    /// Remove an application.
    DeleteApplication = "applications.delete",
    /// List its users.
    ListUsers = "users.list",
    /// Read a user.
    GetUser = "users.get",
    /// Create a user.
    CreateUser = "users.create",
    /// Change a user.
    UpdateUser = "users.update",
    /// Remove a user.
    DeleteUser = "users.delete",
    /// List its signing keys.
    ListSigningKeys = "signing_keys.list",
    /// Give its signing keys successors.
    RotateSigningKeys = "signing_keys.rotate",
    /// Revoke a signing key, with all that it signed.
    RevokeSigningKey = "signing_keys.revoke",
    /// List its groups.
    ListGroups = "groups.list",
    /// Read a group, and who is in it.
    GetGroup = "groups.get",
    /// Create a group.
    CreateGroup = "groups.create",
    /// Change a group, and who is in it.
    UpdateGroup = "groups.update",
    /// Remove a group.
    DeleteGroup = "groups.delete",
    /// List its roles.
    ListRoles = "roles.list",
    /// Read a role.
    GetRole = "roles.get",
    /// Create a role.
    CreateRole = "roles.create",
    /// Change a role.
    UpdateRole = "roles.update",
    /// Remove a role, from everybody who has it too.
    DeleteRole = "roles.delete",
    /// List who has which role.
    ListRoleAssignments = "role_assignments.list",
    /// Read one role of somebody.
    GetRoleAssignment = "role_assignments.get",
    /// Give somebody a role.
    CreateRoleAssignment = "role_assignments.create",
    /// Take a role from somebody.
    DeleteRoleAssignment = "role_assignments.delete",
    /// List its organizations.
    ListOrganizations = "organizations.list",
    /// Read an organization, and who is in it.
    GetOrganization = "organizations.get",
    /// Create an organization.
    CreateOrganization = "organizations.create",
    /// Change an organization, and who is in it.
    UpdateOrganization = "organizations.update",
    /// Remove an organization.
    DeleteOrganization = "organizations.delete",
    /// List the entities that it keeps for its policies.
    ListEntities = "entities.list",
    /// Read one of these entities.
    GetEntity = "entities.get",
    /// Write and remove these entities.
    WriteEntities = "entities.write",
    /// Read policies, drafts and versions.
    GetPolicies = "policies.get",
    /// Write drafts of policies.
    DraftPolicies = "policies.draft",
    /// Make other policies hold.
    ActivatePolicies = "policies.activate",
    /// Read the log of decisions.
    ListDecisions = "decisions.list",
}

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
    /// The policies that said so, by their `@id`; none when nothing permitted it.
    pub policies: Vec<String>,
}

/// The parsed policies.
#[derive(Debug)]
pub struct Decider {
    authorizer: Authorizer,
    policies: PolicySet,
    ids: HashMap<PolicyId, String>,
    names: Names,
}

#[derive(Debug)]
struct Names {
    actor: EntityTypeName,
    tenant: EntityTypeName,
    /// Each with the groups that the schema puts it in.
    actions: HashMap<Action, Entity>,
}

/// Policies that cannot be used, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policies of the management API: {0}")]
pub struct BrokenPolicies(String);

impl Decider {
    /// The decider of the policies in this binary, parsed and validated on first use.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static DECIDER: LazyLock<Decider> = LazyLock::new(|| {
            Decider::parse(SCHEMA, POLICIES).expect("a test parses and validates what is embedded")
        });
        &DECIDER
    }

    /// Parses policies and validates them against a schema.
    ///
    /// # Errors
    /// Every mistake that the validator finds.
    pub fn parse(schema: &str, policies: &str) -> Result<Self, BrokenPolicies> {
        let broken = |e: &dyn std::fmt::Display| BrokenPolicies(e.to_string());
        let (schema, warnings) = Schema::from_cedarschema_str(schema).map_err(|e| broken(&e))?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(broken(&warning));
        }
        let names = Names::new(&schema).map_err(|e| broken(&e))?;
        let policies = PolicySet::from_str(policies).map_err(|e| broken(&e))?;
        let checked = Validator::new(schema).validate(&policies, ValidationMode::Strict);
        if !checked.validation_passed_without_warnings() {
            return Err(broken(&checked));
        }
        let id = |policy: &cedar_policy::Policy| {
            let name = policy.annotation("id").map(str::to_owned);
            Some((policy.id().clone(), name?))
        };
        let ids: Option<HashMap<_, _>> = policies.policies().map(id).collect();
        let ids = ids.ok_or_else(|| broken(&"a policy has no @id"))?;
        Ok(Self { authorizer: Authorizer::new(), policies, ids, names })
    }

    /// Decides. What cannot be evaluated is refused.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let refused = Decision { allowed: false, policies: Vec::new() };
        let Some((query, entities)) = self.names.translate(request) else { return refused };
        let answer = self.authorizer.is_authorized(&query, &self.policies, &entities);
        // A policy that fails to evaluate counts as absent, and there is no forbid among ours; but
        // an error is a mistake of ours, and then nothing is allowed.
        if answer.decision() != Verdict::Allow || answer.diagnostics().errors().next().is_some() {
            return refused;
        }
        let mut policies: Vec<String> =
            answer.diagnostics().reason().filter_map(|id| self.ids.get(id).cloned()).collect();
        policies.sort_unstable();
        Decision { allowed: true, policies }
    }
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
