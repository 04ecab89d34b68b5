//! What other policies would decide: logged decisions, decided once more. Nothing is counted, logged
//! or remembered of that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bailiwick_domain::TenantId;
use bailiwick_policy::{EntityData, Uid};
use bailiwick_store::authz::decisions::Decision as Logged;
use bailiwick_store::authz::policies::Scope;
use bailiwick_store::vault::{Place, TenantVault};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::compiled::{self, Compiled, bundle};
use super::decide::{Refusal, Sent};
use super::gather::{Memo, Source};
use crate::error::Error;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// The most groups of a report, and the most examples of a group.
const GROUPS: usize = 200;
const EXAMPLES: usize = 5;

/// A logged request, as it is sealed in its row.
#[derive(Deserialize, Serialize)]
pub struct Request {
    /// Who wanted to do it.
    pub principal: Uid,
    /// What.
    pub action: String,
    /// To what.
    pub resource: Uid,
    /// The circumstances.
    #[serde(default)]
    pub context: Map<String, Value>,
    /// What came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityData>,
}

impl Request {
    /// The request of a logged decision; `None` when it cannot be read any more.
    #[must_use]
    pub fn open(vault: &TenantVault, logged: &Logged) -> Option<Self> {
        let plain = vault.open(&place(&logged.id.0), &logged.request_sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// Where the request of a decision is sealed.
pub(super) fn place(id: &uuid::Uuid) -> Place<'_> {
    Place { table: "decisions", column: "request_sealed", row: id.as_bytes().as_slice().into() }
}

/// What a replay found.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Report {
    /// Decisions that would come out as they did.
    pub same: i64,
    /// Decisions that would be allowed, and were not.
    pub newly_allowed: i64,
    /// Decisions that would be denied, and were not.
    pub newly_denied: i64,
    /// Decisions that could not be made once more.
    pub failed: i64,
    /// What would change, by the policies that make the difference.
    pub groups: Vec<Group>,
}

/// Decisions that would change for the same reason.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Group {
    /// `newly_allowed` or `newly_denied`.
    pub change: String,
    /// The policies that would decide: of the draft when it has any, else those that do not permit
    /// any more.
    pub policies: Vec<String>,
    /// How many decisions.
    pub count: i64,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A decision that would change.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Example {
    /// The logged decision.
    pub decision: String,
    /// Who.
    pub principal: String,
    /// What.
    pub action: String,
    /// To what.
    pub resource: String,
}

impl TenantHandle {
    /// Compiles policies that do not hold, to see what they would decide.
    ///
    /// # Errors
    /// [`Error::Policies`], and those of the store.
    pub async fn try_policies(
        &self,
        view: &TenantView,
        scope: Scope,
        policies: Value,
    ) -> Result<Trial, Error> {
        let (store, tenant): (_, TenantId) = (&self.shared().store, view.tenant.id);
        let read = move |tx: TenantTx| async move { compiled::sources(&tx, tenant).await };
        let mut sources: compiled::Sources = store.read(tenant, read).await?;
        let tried = bundle(policies)?;
        let mut of_organization = BTreeMap::new();
        match scope {
            Scope::Tenant => sources.bundle = Some(tried),
            Scope::Organization(_) => of_organization = tried.policies,
            // What it decides is not logged.
            Scope::Management => return Err(StoreError::NotFound("log").into()),
        }
        // No version has a negative number: what is remembered by version is not mixed up.
        sources.version = -self.shared().env.now().0;
        let mode = view.tenant.settings.authz.mode;
        let guardrails = self.authz().guardrails.clone();
        let compiled = compiled::compile(sources, mode, guardrails).await?;
        let organization = match scope {
            Scope::Tenant | Scope::Management => None,
            Scope::Organization(id) => {
                let uid = Uid::new(super::entity::ORGANIZATION, &id.to_string());
                let uid = uid.expect("an id of ours is a valid name");
                let layer = bailiwick_policy::organization_layer(
                    &compiled.snapshot,
                    &uid,
                    &of_organization,
                );
                Some((uid, Arc::new(layer.map_err(Error::Policies)?)))
            }
        };
        Ok(Trial { compiled, organization })
    }

    /// Decides logged decisions once more, with the entities as they are now, and adds what is
    /// different to a report.
    ///
    /// # Errors
    /// Those of the store: nothing was added then.
    pub async fn replay(
        &self,
        view: &TenantView,
        trial: &Trial,
        logged: &[Logged],
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut next = report.clone();
        // Entities that came along with one request are not there for the next.
        let mut shared = Memo::default();
        for one in logged {
            let Some(request) = Request::open(&view.vault, one) else {
                next.failed += 1;
                continue;
            };
            let sent: HashMap<_, _> =
                request.entities.into_iter().map(|data| (data.uid.clone(), data)).collect();
            let sent = (!sent.is_empty()).then_some(Sent { entities: sent });
            let mut own = Memo::default();
            let memo = if sent.is_some() { &mut own } else { &mut shared };
            let source = Source {
                tenant: self,
                view,
                compiled: &trial.compiled,
                sent: sent.as_ref(),
                trial: trial.organization.as_ref(),
            };
            let snapshot = &trial.compiled.snapshot;
            let query = snapshot.query(
                request.principal,
                &request.action,
                request.resource,
                request.context,
            );
            let decided = match query {
                Ok(query) => source.decide(&query, memo).await,
                Err(faults) => Err(Refusal::Invalid(faults)),
            };
            match decided {
                Ok((decision, _)) => {
                    let policies = decision.policies.iter().map(|p| p.id.to_string()).collect();
                    next.add(one, decision.allowed, policies);
                }
                Err(Refusal::Invalid(_)) => next.failed += 1,
                Err(Refusal::Owner(e)) => return Err(e),
            }
        }
        *report = next;
        Ok(())
    }
}

/// Policies on trial.
pub struct Trial {
    pub(super) compiled: Compiled,
    /// Those of one organization, in place of its own.
    pub(super) organization: Option<(Uid, Arc<bailiwick_policy::Layer>)>,
}

impl Report {
    fn add(&mut self, logged: &Logged, allowed: bool, policies: Vec<String>) {
        let change = match (logged.allowed, allowed) {
            (true, true) | (false, false) => {
                self.same += 1;
                return;
            }
            (false, true) => {
                self.newly_allowed += 1;
                "newly_allowed"
            }
            (true, false) => {
                self.newly_denied += 1;
                "newly_denied"
            }
        };
        let policies = if policies.is_empty() { logged.policies.clone() } else { policies };
        let found = self.groups.iter().position(|g| g.change == change && g.policies == policies);
        let at = found.unwrap_or_else(|| {
            if self.groups.len() < GROUPS {
                let change = change.to_owned();
                self.groups.push(Group { change, policies, count: 0, examples: Vec::new() });
            }
            self.groups.len() - 1
        });
        let Some(group) = self.groups.get_mut(at) else { return };
        group.count += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(Example {
                decision: logged.id.to_string(),
                principal: logged.principal.clone(),
                action: logged.action.clone(),
                resource: logged.resource.clone(),
            });
        }
    }
}
