//! Policies before tokens: in a tenant that guards them (`settings.authz.tokens`), each scope that
//! would be granted is a decision, and what is denied is left out.

use bailiwick_actors::Error;
use bailiwick_actors::authz::{Denied, Issuing};
use bailiwick_domain::authz::TokenIssuance;
use bailiwick_domain::{EventKind, ScopeSet, UserId};
use bailiwick_protocol::token_request::FamilyDetails;
use bailiwick_store::applications::Stored;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use serde_json::json;

use crate::cx::Cx;

/// The grant type of refreshes.
const REFRESH: &str = "refresh_token";

/// Whether the tenant guards its tokens.
#[must_use]
pub fn applies(cx: &Cx) -> bool {
    cx.view.tenant.settings.authz.tokens == TokenIssuance::Guarded
}

/// What is left of these scopes; none when nothing may be issued: no scope is left, or `openid`,
/// which is the sign-in itself, is denied, or `offline_access` at a refresh. That nobody asks for a
/// scope is a decision too, about the scope ``.
///
/// # Errors
/// When nothing could be decided.
pub async fn allowed(
    cx: &Cx,
    app: &Stored,
    issuing: &Issuing<'_>,
    asked: ScopeSet,
) -> Result<Option<ScopeSet>, Error> {
    if !applies(cx) {
        return Ok(Some(asked));
    }
    let without = asked.is_empty().then_some("");
    let scopes = asked.iter().chain(without);
    let denied = cx.tenant.denied_scopes(&cx.view, issuing, scopes).await?;
    if denied.is_empty() {
        return Ok(Some(asked));
    }
    let left = denied.iter().fold(asked, |left, one| left.without(&one.scope));
    let needed = |scope: &str| {
        scope == "openid" || (scope == "offline_access" && issuing.grant_type == REFRESH)
    };
    let issued = !left.is_empty() && !denied.iter().any(|one| needed(&one.scope));
    tell(cx, app, issuing, (&denied, issued)).await?;
    Ok(issued.then_some(left))
}

/// As [`allowed`], of what a user authorized: with the scopes that cover claims that were asked for
/// one by one, and with `offline_access` at each refresh.
///
/// # Errors
/// When nothing could be decided.
pub async fn narrowed(
    cx: &Cx,
    app: &Stored,
    (user, grant_type): (UserId, &str),
    details: FamilyDetails,
) -> Result<Option<FamilyDetails>, Error> {
    if !applies(cx) {
        return Ok(Some(details));
    }
    let mut asked = details.scopes.union(&details.claims.scopes());
    if grant_type == REFRESH
        && let Ok(offline) = ScopeSet::parse("offline_access")
    {
        asked = asked.union(&offline);
    }
    let issuing = Issuing {
        application: app.application.id,
        user: Some(user),
        grant_type,
        organization: details.organization,
        acr: details.acr.as_deref(),
    };
    let Some(left) = allowed(cx, app, &issuing, asked).await? else { return Ok(None) };
    let scopes = details.scopes.intersection(&left);
    if scopes.is_empty() && !details.scopes.is_empty() {
        return Ok(None);
    }
    let claims = details.claims.clone().within(&left);
    Ok(Some(FamilyDetails { scopes, claims, ..details }))
}

/// Writes down what was denied, and by which policies.
async fn tell(
    cx: &Cx,
    app: &Stored,
    issuing: &Issuing<'_>,
    (denied, issued): (&[Denied], bool),
) -> Result<(), Error> {
    let (tenant, application) = (cx.tenant_id(), app.application.id);
    let actor = match issuing.user {
        Some(user) => Actor::user(tenant, user),
        None => Actor::application(tenant, application),
    };
    let scopes = denied
        .iter()
        .map(|d| json!({ "scope": d.scope, "policies": d.policies, "failed": d.failed }));
    let mut data = json!({
        "client_id": app.application.spec.client_id,
        "grant_type": issuing.grant_type,
        "denied": scopes.collect::<Vec<_>>(),
        "issued": issued,
    });
    if let Some(organization) = issuing.organization {
        data["organization"] = organization.to_string().into();
    }
    let event = AuditEvent::new(cx.env(), tenant, EventKind::TokenDenied, actor)
        .on("application", application.0)
        .with(data);
    let write = move |tx| async move { audit::append(&tx, std::slice::from_ref(&event)).await };
    Ok(cx.store().write::<_, bailiwick_store::Error, _, _>(tenant, write).await?)
}
