//! A tenant's policies, compiled: read and built with its first decision, and replaced when they
//! change while the old ones go on to decide.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use bailiwick_domain::authz::AuthzMode;
use bailiwick_domain::{Env, TenantId};
use bailiwick_policy::{Bundle, Finding, Layer, Mode, RoleRule, Snapshot, Uid};
use bailiwick_store::authz::policies::{self, Scope};
use bailiwick_store::authz::{objects, roles};
use bailiwick_store::{Store, TenantTx};
use serde_json::Value;
use tokio::sync::Mutex;

use super::cache::{Caches, Incarnation};
use crate::error::Error;

/// The most roles of a tenant: the management API makes no more.
pub(crate) const ROLES: u64 = 1_000;

/// Policies of one version with the roles of the tenant, ready to decide.
pub struct Compiled {
    /// What decides.
    pub snapshot: Snapshot,
    /// Counts the changes of policies and roles.
    pub version: i64,
    /// What it was compiled for.
    pub mode: AuthzMode,
    /// Whether any organization has policies of its own.
    pub(crate) organizations: bool,
    /// Tells schemas apart: entities are typed by theirs.
    pub(crate) schema: u64,
}

impl Compiled {
    /// Compiles. Takes as long as there are policies: not on a thread that serves.
    ///
    /// # Errors
    /// Everything that is wrong with the policies.
    pub(crate) fn new(
        sources: &Sources,
        mode: AuthzMode,
        guardrails: Option<Arc<Layer>>,
    ) -> Result<Self, Vec<Finding>> {
        let Sources { bundle, roles, version, organizations } = sources;
        let (snapshot, _) = bailiwick_policy::compile(bundle.as_ref(), roles, policy_mode(mode))?;
        let snapshot = snapshot.under(guardrails);
        let mut hash = DefaultHasher::new();
        bundle.as_ref().and_then(|b| b.schema.as_deref()).hash(&mut hash);
        mode.hash(&mut hash);
        let (version, organizations) = (*version, *organizations);
        Ok(Self { snapshot, version, mode, organizations, schema: hash.finish() })
    }
}

pub(crate) fn policy_mode(mode: AuthzMode) -> Mode {
    match mode {
        AuthzMode::Permissive => Mode::Permissive,
        AuthzMode::Strict => Mode::Strict,
    }
}

/// What a warm tenant has for its decisions.
pub(crate) struct Authz {
    incarnation: AtomicU64,
    compiled: ArcSwapOption<Compiled>,
    /// Who builds the snapshot first; the others wait.
    loading: Mutex<()>,
    /// Counts notices that policies changed: a snapshot that was read before one is read again.
    changed: AtomicU64,
    /// The operator's, above the policies of every tenant.
    pub(crate) guardrails: Option<Arc<Layer>>,
    /// Counts notices that entities changed.
    pub(crate) epoch: AtomicU64,
    /// The types of the tenant's own entities that anything is stored of, when that is known.
    types: ArcSwapOption<HashSet<String>>,
    pub(crate) log: super::log::Rate,
    pub(crate) management: super::management::Management,
}

/// What a snapshot is built of.
pub(crate) struct Sources {
    pub(crate) bundle: Option<Bundle>,
    pub(crate) roles: Vec<RoleRule>,
    pub(crate) version: i64,
    pub(crate) organizations: bool,
}

/// Reads what a tenant's snapshot is built of.
pub(crate) async fn sources(tx: &TenantTx, tenant: TenantId) -> Result<Sources, Error> {
    let (state, active) = policies::active(tx, tenant, Scope::Tenant).await?;
    let bundle = active.map(|version| bundle(version.bundle)).transpose()?;
    let roles = roles::page(tx, tenant, None, ROLES).await?.into_iter();
    let roles = roles.map(|r| RoleRule { name: r.name, permissions: r.permissions }).collect();
    let organizations = policies::any_of_organizations(tx, tenant).await?;
    Ok(Sources { bundle, roles, version: state.version, organizations })
}

/// A stored bundle.
pub(crate) fn bundle(stored: Value) -> Result<Bundle, Error> {
    let read = serde_json::from_value(stored);
    read.map_err(|_| bailiwick_store::Error::Corrupt("policies").into())
}

impl Authz {
    pub(crate) fn new(env: &Env, guardrails: Option<Arc<Layer>>) -> Self {
        Self {
            guardrails,
            incarnation: AtomicU64::new(incarnation(env)),
            compiled: ArcSwapOption::empty(),
            loading: Mutex::new(()),
            changed: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            types: ArcSwapOption::empty(),
            log: super::log::Rate::default(),
            management: super::management::Management::default(),
        }
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation.load(Ordering::Acquire)
    }

    /// Forgets every entity.
    pub(crate) fn every_entity_changed(&self, env: &Env) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        // Some may be of a type that nothing was stored of: the snapshot is read anew for that.
        self.types.store(None);
        self.incarnation.store(incarnation(env), Ordering::Release);
    }

    /// The snapshot, if there is one.
    pub(crate) fn compiled(&self) -> Option<Arc<Compiled>> {
        self.compiled.load_full()
    }

    pub(crate) fn publish(&self, compiled: Compiled) {
        self.compiled.store(Some(Arc::new(compiled)));
    }

    /// The snapshot, built if it is the first time.
    pub(crate) async fn get(
        &self,
        store: &Store,
        tenant: TenantId,
        mode: AuthzMode,
    ) -> Result<Arc<Compiled>, Error> {
        if let Some(compiled) = self.compiled() {
            return Ok(compiled);
        }
        let _one = self.loading.lock().await;
        if let Some(compiled) = self.compiled() {
            return Ok(compiled);
        }
        self.read(store, tenant, mode).await
    }

    /// Reads and builds the snapshot, until it is newer than every notice of a change.
    pub(crate) async fn read(
        &self,
        store: &Store,
        tenant: TenantId,
        mode: AuthzMode,
    ) -> Result<Arc<Compiled>, Error> {
        loop {
            let noticed = self.changed.load(Ordering::Acquire);
            let epoch = self.epoch.load(Ordering::Acquire);
            let read = move |tx: TenantTx| async move {
                let types = objects::types(&tx, tenant).await?;
                Ok::<_, Error>((sources(&tx, tenant).await?, types))
            };
            let (sources, types) = store.read(tenant, read).await?;
            let known = self.compiled().filter(|c| (c.version, c.mode) == (sources.version, mode));
            let compiled = match known {
                // Built by the owner itself, which the feed told of its own change; or only the
                // types had to be read.
                Some(known) => known,
                None => Arc::new(compile(sources, mode, self.guardrails.clone()).await?),
            };
            if self.changed.load(Ordering::Acquire) == noticed {
                self.know_types(types, epoch);
                self.compiled.store(Some(Arc::clone(&compiled)));
                return Ok(compiled);
            }
        }
    }

    /// Notes of which types anything is stored, as it was read at that epoch. What was noted since is
    /// added; where everything changed since, it is not known.
    fn know_types(&self, read: Vec<String>, epoch: u64) {
        let read: HashSet<String> = read.into_iter().collect();
        self.types.rcu(|noted| match noted {
            _ if self.epoch.load(Ordering::Acquire) == epoch => Some(Arc::new(read.clone())),
            Some(noted) => Some(Arc::new(read.union(noted).cloned().collect())),
            None => None,
        });
    }

    /// Whether anything of this type may be stored.
    pub(crate) fn may_store(&self, kind: &str) -> bool {
        self.types.load().as_ref().is_none_or(|types| types.contains(kind))
    }

    /// Notes that policies changed. Whether there is a snapshot to build anew.
    pub(crate) fn policies_changed(&self) -> bool {
        self.changed.fetch_add(1, Ordering::AcqRel);
        self.compiled.load().is_some()
    }

    /// Forgets an entity that changed.
    pub(crate) fn entity_changed(&self, caches: &Caches, uid: &Uid) {
        // First, so that whoever reads the old one now does not keep it.
        self.epoch.fetch_add(1, Ordering::AcqRel);
        caches.entities.invalidate(&(self.incarnation(), uid.clone()));
        if !uid.is_platform() && !self.may_store(uid.kind()) {
            self.types.rcu(|types| {
                let mut types = HashSet::clone(types.as_ref()?);
                types.insert(uid.kind().to_owned());
                Some(Arc::new(types))
            });
        }
    }
}

fn incarnation(env: &Env) -> Incarnation {
    u64::from_be_bytes(env.bytes::<8>())
}

/// Compiles on a thread of its own.
pub(crate) async fn compile(
    sources: Sources,
    mode: AuthzMode,
    guardrails: Option<Arc<Layer>>,
) -> Result<Compiled, Error> {
    let work = move || Compiled::new(&sources, mode, guardrails);
    let compiled = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting)?;
    compiled.map_err(Error::Policies)
}
