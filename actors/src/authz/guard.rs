//! Whether policies let tokens be issued: each scope is a decision of the platform's own, which
//! nobody is billed for and the log of decisions does not keep.

use bailiwick_domain::authz::{APPLICATION, ORGANIZATION, TOKEN_ISSUE, USER};
use bailiwick_domain::{ApplicationId, OrganizationId, UserId};
use bailiwick_policy::{Decision, Effect, Uid};
use serde_json::{Map, Value, json};

use super::compiled::Compiled;
use super::decide::Refusal;
use super::gather::{Memo, Source};
use crate::error::Error;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// A token that is about to be issued.
#[derive(Clone, Copy, Debug)]
pub struct Issuing<'a> {
    /// To which application.
    pub application: ApplicationId,
    /// For which user; none when it is the application's own.
    pub user: Option<UserId>,
    /// How it is asked for, as RFC 6749 names it.
    pub grant_type: &'a str,
    /// The organization that the user acts for.
    pub organization: Option<OrganizationId>,
    /// The authentication context class that was reached.
    pub acr: Option<&'a str>,
}

/// A scope that policies deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The scope.
    pub scope: String,
    /// The ids of the policies that forbid it, or that could not be evaluated.
    pub policies: Vec<String>,
    /// Whether it is denied because something could not be evaluated.
    pub failed: bool,
}

impl TenantHandle {
    /// Those of these scopes that the tenant's policies deny. What cannot be evaluated denies.
    ///
    /// # Errors
    /// Those of [`TenantHandle::policies`], and those of reading entities.
    pub async fn denied_scopes(
        &self,
        view: &TenantView,
        issuing: &Issuing<'_>,
        scopes: impl Iterator<Item = &str>,
    ) -> Result<Vec<Denied>, Error> {
        let compiled = self.policies(view).await?;
        let source = Source { tenant: self, view, compiled: &compiled, sent: None, trial: None };
        let resource = named(APPLICATION, &issuing.application.to_string());
        let user = issuing.user.map(|user| named(USER, &user.to_string()));
        let principal = user.unwrap_or_else(|| resource.clone());
        let (mut memo, mut denied) = (Memo::default(), Vec::new());
        for scope in scopes {
            let context = context(issuing, scope);
            let query =
                compiled.snapshot.query(principal.clone(), TOKEN_ISSUE, resource.clone(), context);
            let decision = match query {
                Ok(query) => source.decide(&query, &mut memo).await.map(|(decision, _)| decision),
                Err(faults) => Err(Refusal::Invalid(faults)),
            };
            let (policies, failed) = match decision {
                Err(Refusal::Owner(e)) => return Err(e),
                Err(Refusal::Invalid(_)) => (Vec::new(), true),
                Ok(decision) => match against(&compiled, &decision) {
                    None => continue,
                    Some(why) => why,
                },
            };
            denied.push(Denied { scope: scope.to_owned(), policies, failed });
        }
        Ok(denied)
    }
}

/// The policies that a scope is denied by, and whether that is because they failed; none when it
/// is not denied.
fn against(compiled: &Compiled, decision: &Decision) -> Option<(Vec<String>, bool)> {
    if !decision.allowed {
        let policies = decision.policies.iter().map(|reason| reason.id.to_string());
        return Some((policies.collect(), false));
    }
    // What would have forbidden, had it worked, counts as if it had. A permit that fails is only
    // not needed.
    let permits =
        |id: &str| compiled.snapshot.policies().any(|p| *p.id == *id && p.effect == Effect::Permit);
    let failed = decision.errors.iter().filter(|error| !permits(&error.policy));
    let failed: Vec<String> = failed.map(|error| error.policy.to_string()).collect();
    (!failed.is_empty()).then_some((failed, true))
}

fn named(kind: &str, id: &str) -> Uid {
    Uid::new(kind, id).expect("our ids and types can name entities")
}

fn context(issuing: &Issuing<'_>, scope: &str) -> Map<String, Value> {
    let mut context = Map::new();
    context.insert("scope".to_owned(), scope.into());
    context.insert("grant_type".to_owned(), issuing.grant_type.into());
    if let Some(id) = issuing.organization {
        let organization = json!({ "type": ORGANIZATION, "id": id.to_string() });
        context.insert("organization".to_owned(), organization);
    }
    if let Some(acr) = issuing.acr {
        context.insert("acr".to_owned(), acr.into());
    }
    context
}
