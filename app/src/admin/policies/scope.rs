//! What policies are for: the tenant's decisions, what is in one of its organizations, or its
//! management API.

use bailiwick_domain::OrganizationId;
use bailiwick_policy::management::Action;
use bailiwick_store::authz::policies::Scope;
use bailiwick_store::{Error as StoreError, organizations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::auth::{Permission, Permit};
use crate::admin::problem::Problem;
use crate::cx::Cx;

/// Policies that decide something else than what applications ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PolicyLayer)]
pub enum Layer {
    /// Who may do what in the management API.
    Management,
}

/// The members that tell what policies are for.
pub type Members = (Option<OrganizationId>, Option<Layer>);

/// What these members tell.
///
/// # Errors
/// When they contradict each other.
pub fn of(members: Members) -> Result<Scope, Problem> {
    match members {
        (None, None) => Ok(Scope::Tenant),
        (Some(organization), None) => Ok(Scope::Organization(organization)),
        (None, Some(Layer::Management)) => Ok(Scope::Management),
        (Some(_), Some(_)) => {
            Err(Problem::mistake("organization", "the management API is the whole tenant's"))
        }
    }
}

/// The members of a scope.
#[must_use]
pub const fn members(scope: Scope) -> Members {
    match scope {
        Scope::Tenant => (None, None),
        Scope::Organization(organization) => (Some(organization), None),
        Scope::Management => (None, Some(Layer::Management)),
    }
}

/// What a query asks for: `organization=org_...`, `layer=management`, or the tenant's own.
pub(super) fn asked(query: &str) -> Result<Scope, Problem> {
    let find = |name: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name);
        found.map(|(_, value)| value.into_owned())
    };
    parse([find("organization"), find("layer")])
}

/// As [`asked`], of these two.
pub(super) fn parse([organization, layer]: [Option<String>; 2]) -> Result<Scope, Problem> {
    let id =
        |id: String| id.parse().map_err(|_| Problem::mistake("organization", "is no id of one"));
    let layer = layer.map(|name| match name.as_str() {
        "management" => Ok(Layer::Management),
        _ => Err(Problem::mistake("layer", "is `management`, or left out")),
    });
    of((organization.map(id).transpose()?, layer.transpose()?))
}

/// Refuses an organization that is not there.
pub(super) async fn must_exist(cx: &Cx, scope: Scope) -> Result<(), Problem> {
    let Scope::Organization(organization) = scope else { return Ok(()) };
    let tenant = cx.tenant_id();
    let read = move |tx| async move { organizations::get(&tx, tenant, organization).await };
    let found = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    if found.is_some() {
        return Ok(());
    }
    Err(Problem::mistake("organization", "does not exist in this tenant"))
}

/// Refuses whoever may make policies hold, but not these.
pub(super) async fn may_activate<P: Permission>(
    permit: &Permit<P>,
    scope: Scope,
) -> Result<(), Problem> {
    match scope {
        Scope::Management => permit.must_have(Action::ActivateManagement).await,
        Scope::Tenant | Scope::Organization(_) => Ok(()),
    }
}
