//! The owner of policies: what is to hold is compiled first, then committed, then published. Until
//! then the old ones go on to decide, and nothing is half activated.

use std::collections::BTreeMap;

use bailiwick_domain::authz::AuthzMode;
use bailiwick_domain::{DraftId, Env, EventKind, TenantId};
use bailiwick_policy::management::Decider;
use bailiwick_policy::{Bundle, Uid, organization_layer};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::authz::policies::{self, Activation, Scope, State};
use bailiwick_store::{Error as StoreError, Store, TenantTx};
use serde_json::{Value, json};

use super::compiled::{self, Compiled, Sources, bundle};
use super::entity::ORGANIZATION;
use crate::error::Error;
use crate::tenant::Seed;

/// What is to become of the policies that hold.
#[derive(Clone, Debug)]
pub enum PolicyChange {
    /// A draft becomes the next version, and the one that holds. The draft is gone then.
    Activate {
        /// Which.
        draft: DraftId,
        /// The version of the draft that the caller saw.
        version: i64,
        /// Why; what the draft says when empty.
        note: String,
    },
    /// A version that held before holds again.
    RollBack {
        /// Of what.
        scope: Scope,
        /// Which.
        number: i64,
    },
}

/// What holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activated {
    /// Of what.
    pub scope: Scope,
    /// The version that holds, and what counts its changes.
    pub state: State,
    /// The version that held before.
    pub before: Option<i64>,
}

/// What is to hold, as it was read.
struct Plan {
    scope: Scope,
    state: State,
    bundle: Value,
    note: String,
    /// Of the whole tenant.
    sources: Sources,
}

/// Compiles, commits and publishes.
pub(crate) async fn change(
    seed: &Seed,
    change: PolicyChange,
    actor: Actor,
) -> Result<Activated, Error> {
    let (store, id) = (&seed.shared.store, seed.id);
    let mode = seed.view.load().tenant.settings.authz.mode;
    // Roles may change at the same moment: then everything is read once more.
    let mut again = true;
    loop {
        let plan = read(store, id, change.clone()).await?;
        let scope = plan.scope;
        let (compiled, plan) = check(seed, plan, mode).await?;
        let committed = commit(seed, plan, (&change, actor)).await;
        if matches!(committed, Err(Error::Store(StoreError::Stale("policies")))) && again {
            again = false;
            continue;
        }
        let activated = committed?;
        match (scope, compiled) {
            (Scope::Management, _) => seed.authz.management.changed(),
            (Scope::Tenant, Some(compiled)) => {
                seed.authz.policies_changed();
                seed.authz.publish(compiled);
            }
            // What an organization has is read when it is first asked for; the version tells.
            _ if seed.authz.policies_changed() => {
                seed.authz.read(store, id, mode).await?;
            }
            _ => {}
        }
        return Ok(activated);
    }
}

async fn read(store: &Store, id: TenantId, change: PolicyChange) -> Result<Plan, Error> {
    let read = move |tx: TenantTx| async move {
        let sources = compiled::sources(&tx, id).await?;
        let (scope, bundle, note) = match change {
            PolicyChange::Activate { draft, version, note } => {
                let draft = policies::get_draft(&tx, id, draft).await?;
                let draft = draft.ok_or(StoreError::NotFound("draft"))?;
                if draft.version != version {
                    return Err(StoreError::Stale("draft").into());
                }
                let note = if note.is_empty() { draft.note } else { note };
                (draft.scope, draft.bundle, note)
            }
            PolicyChange::RollBack { scope, number } => {
                let found = policies::version(&tx, (id, scope), number).await?;
                let found = found.ok_or(StoreError::NotFound("version"))?;
                (scope, found.bundle, String::new())
            }
        };
        let state = policies::state(&tx, id, scope).await?;
        Ok::<_, Error>(Plan { scope, state, bundle, note, sources })
    };
    store.read(id, read).await
}

/// Compiles what is to hold.
async fn check(
    seed: &Seed,
    mut plan: Plan,
    mode: AuthzMode,
) -> Result<(Option<Compiled>, Plan), Error> {
    let bundle = bundle(plan.bundle.clone())?;
    let guardrails = seed.authz.guardrails.clone();
    let work = move || {
        let sources = &mut plan.sources;
        let compiled = match plan.scope {
            Scope::Tenant => {
                (sources.bundle, sources.version) = (Some(bundle), sources.version + 1);
                Some(Compiled::new(sources, mode, guardrails)?)
            }
            Scope::Organization(organization) => {
                let tenant = Compiled::new(sources, mode, guardrails)?;
                let uid = Uid::new(ORGANIZATION, &organization.to_string());
                let uid = uid.expect("an id of ours is a valid name");
                organization_layer(&tenant.snapshot, &uid, &bundle.policies)?;
                None
            }
            Scope::Management => {
                Decider::compile(&bundle)?;
                None
            }
        };
        Ok((compiled, plan))
    };
    let checked = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting)?;
    checked.map_err(Error::Policies)
}

async fn commit(
    seed: &Seed,
    plan: Plan,
    (change, actor): (&PolicyChange, Actor),
) -> Result<Activated, Error> {
    let (id, env): (TenantId, Env) = (seed.id, seed.shared.env.clone());
    let (change, now) = (change.clone(), seed.shared.env.now());
    let write = move |tx: TenantTx| async move {
        let (scope, expected) = (plan.scope, plan.state.version);
        let state = match change {
            PolicyChange::Activate { draft, version, .. } => {
                let new = Activation { expected, bundle: plan.bundle, note: plan.note, actor };
                let state = policies::activate(&tx, (id, scope), &new, now).await?;
                policies::delete_draft(&tx, id, (draft, version)).await?;
                state
            }
            PolicyChange::RollBack { number, .. } => {
                policies::roll_back(&tx, (id, scope), (number, expected), now).await?
            }
        };
        let before = plan.state.active;
        let event = AuditEvent::new(&env, id, EventKind::PoliciesActivated, actor)
            .on("policies", scope.id())
            .with(json!({ "number": state.active, "before": before }));
        audit::append(&tx, &[event]).await?;
        Ok::<_, Error>(Activated { scope, state, before })
    };
    seed.shared.store.write(id, write).await
}

/// Everything that is wrong with a bundle, and what is only worth knowing, as its activation would
/// find it.
pub(crate) async fn validate(
    seed: &Seed,
    scope: Scope,
    policies: Value,
) -> Result<Vec<bailiwick_policy::Finding>, Error> {
    let (store, id) = (&seed.shared.store, seed.id);
    let mode = compiled::policy_mode(seed.view.load().tenant.settings.authz.mode);
    let read = move |tx: TenantTx| async move { compiled::sources(&tx, id).await };
    let sources: Sources = store.read(id, read).await?;
    let bundle: Bundle = bundle(policies)?;
    let work = move || {
        let compile = |bundle| bailiwick_policy::compile(bundle, &sources.roles, mode);
        let organization = match scope {
            Scope::Tenant => {
                let compiled = compile(Some(&bundle));
                return compiled.map_or_else(|errors| errors, |(_, warnings)| warnings);
            }
            Scope::Management => {
                let compiled = Decider::compile(&bundle);
                return compiled.map_or_else(|errors| errors, |(_, warnings)| warnings);
            }
            Scope::Organization(organization) => organization,
        };
        let uid = Uid::new(ORGANIZATION, &organization.to_string());
        let uid = uid.expect("an id of ours is a valid name");
        let files: &BTreeMap<String, String> = &bundle.policies;
        match compile(sources.bundle.as_ref()) {
            Err(errors) => errors,
            Ok((snapshot, _)) => {
                organization_layer(&snapshot, &uid, files).err().unwrap_or_default()
            }
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting)
}
