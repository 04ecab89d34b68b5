//! The actor of a warm tenant, made of plain owners, and the handle that requests hold.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bailiwick_domain::{ApplicationId, Env, TenantId, Timestamp};
use bailiwick_policy::{Finding, Layer, Uid};
use bailiwick_store::audit::Actor;
use bailiwick_store::authz::policies::Scope;
use bailiwick_store::batch::{Action, Command, Outcome};
use bailiwick_store::lookups::Key;
use bailiwick_store::usage::Dimension;
use bailiwick_store::vault::{MasterKeyring, TenantVault};
use bailiwick_store::{Store, TenantTx, applications, changes, signing_keys, tenants, vault};
use tokio::sync::oneshot;

use crate::authz::{self, Activated, Authz, Caches, Log, PolicyChange};
use crate::changes::{Change, Changed, Request};
use crate::committer::{Committers, revoked_by};
use crate::error::Error;
use crate::keys::{KeyInfo, Wish};
use crate::readers::Readers;
use crate::receipts::{Dirty, Tallies};
use crate::revocations::{LONGEST_TOKEN, Revocations, RevokedKey};
use crate::runtime::{Mailbox, Owner, Threads};
use crate::view::{Applications, TenantView};
use crate::{config, keys};

/// How soon somebody who waits for room in a mailbox looks again.
const ROOM: Duration = Duration::from_millis(5);

/// What every tenant actor stands on.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) keyring: Arc<MasterKeyring>,
    pub(crate) committers: Committers,
    pub(crate) readers: Readers,
    pub(crate) dirty: Dirty,
    pub(crate) caches: Caches,
    pub(crate) log: Log,
    pub(crate) guardrails: Option<Arc<Layer>>,
    pub(crate) threads: Threads,
}

/// A warm tenant, as requests hold it. Reading takes no lock and sends no message. Cheap to clone.
#[derive(Clone)]
pub struct TenantHandle(Arc<Warm>);

struct Warm {
    seed: Seed,
    /// Its actor starts with the first command: most warm tenants are only read.
    mailbox: OnceLock<Mailbox<TenantCommand>>,
}

type Reply<T> = Option<oneshot::Sender<Result<T, Error>>>;

pub(crate) enum TenantCommand {
    /// Reads configuration and keys again: another node or process changed them.
    Reload(Reply<()>),
    Revoked(Vec<(RevokedKey, Timestamp)>, Reply<()>),
    Change(Box<Request>, oneshot::Sender<Result<Changed, Error>>),
    Keys(Wish, Actor, oneshot::Sender<Result<Vec<KeyInfo>, Error>>),
    Policies(PolicyChange, Actor, oneshot::Sender<Result<Activated, Error>>),
    /// Builds the snapshot of policies again: they changed.
    Recompile,
    /// Answers when everything before it is done.
    Settle(oneshot::Sender<Result<(), Error>>),
}

impl TenantHandle {
    /// The snapshots as they are now: take them once, at the start of a request.
    #[must_use]
    pub fn view(&self) -> Arc<TenantView> {
        self.0.seed.view.load_full()
    }

    /// Makes a change and publishes it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every mistake; the store's `Stale`, `Taken` and `NotFound`;
    /// [`Error::Full`] when too much waits.
    pub async fn change(&self, change: Change, actor: Actor) -> Result<Changed, Error> {
        self.ask(|reply| TenantCommand::Change(Box::new(Request { change, actor }), reply)).await
    }

    /// Looks something up in a group with whatever else is waiting.
    ///
    /// # Errors
    /// [`Error::Full`] when too much waits, and those of the store.
    pub async fn look_up<K: Key>(&self, key: K) -> Result<K::Found, Error> {
        self.shared().readers.look_up(self.0.seed.id, key).await
    }

    /// Commits one command in a group with whatever else is waiting.
    ///
    /// # Errors
    /// [`Error::Full`] when the committer is, and those of the store.
    pub async fn commit(&self, command: Command) -> Result<Outcome, Error> {
        let jti = match &command.action {
            Action::RevokeToken { jti, .. } => Some(jti.clone()),
            _ => None,
        };
        let outcome = self.shared().committers.commit(command).await?;
        let revoked = revoked_by(&outcome, jti.as_deref(), self.shared().env.now());
        if !revoked.is_empty() {
            // This node before the caller is answered; the others through the change feed.
            self.deny(&revoked).await?;
        }
        Ok(outcome)
    }

    /// Tells this node at once what a transaction has revoked; the others learn it from the change
    /// feed, whose rows that transaction wrote.
    ///
    /// # Errors
    /// [`Error::Restarting`]: then this node learns it from the feed, too.
    pub async fn revoked(&self, keys: impl IntoIterator<Item = RevokedKey>) -> Result<(), Error> {
        let now = self.shared().env.now();
        let added: Vec<_> = keys.into_iter().map(|key| (key, now)).collect();
        if added.is_empty() {
            return Ok(());
        }
        self.deny(&added).await
    }

    /// What is committed is not answered with "too much waits": the caller waits instead.
    async fn deny(&self, revoked: &[(RevokedKey, Timestamp)]) -> Result<(), Error> {
        loop {
            let told = self.ask(|reply| TenantCommand::Revoked(revoked.to_vec(), Some(reply)));
            match told.await {
                Err(Error::Full) => tokio::time::sleep(ROOM).await,
                done => return done,
            }
        }
    }

    /// Counts an issued token: the receipt that usage is billed from. Takes no lock.
    pub fn count_token(&self, view: &TenantView, application: ApplicationId, jti: &str) {
        let counted = (application, Dimension::TokenIssued);
        view.tallies.record(view.tenant.id, counted, jti.as_bytes(), &self.shared().dirty);
    }

    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> TenantCommand,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply))?;
        answer.await.map_err(|_| Error::Restarting)?
    }

    pub(crate) fn send(&self, command: TenantCommand) -> Result<(), Error> {
        let seed = &self.0.seed;
        let start = || seed.shared.threads.owner::<TenantOwner>(seed.clone());
        self.0.mailbox.get_or_init(start).send(command)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.seed.shared
    }

    pub(crate) fn authz(&self) -> &Authz {
        &self.0.seed.authz
    }

    pub(crate) fn id(&self) -> TenantId {
        self.0.seed.id
    }

    /// Makes a version of policies the active one, and publishes it.
    ///
    /// # Errors
    /// [`Error::Policies`] with everything that is wrong with it; the store's `Stale` and
    /// `NotFound`; [`Error::Full`] when too much waits.
    pub async fn change_policies(
        &self,
        change: PolicyChange,
        actor: Actor,
    ) -> Result<Activated, Error> {
        self.ask(|reply| TenantCommand::Policies(change, actor, reply)).await
    }

    /// Forgets entities that changed, by their keys in the change feed: this node at once, the
    /// others learn it from the feed.
    pub fn entity_changed(&self, key: &str) {
        let named = changes::parse_entity_key(key);
        let uid = named.and_then(|(kind, id)| Uid::new(kind, id).ok());
        match uid {
            Some(uid) => self.authz().entity_changed(&self.shared().caches, &uid),
            None => {
                self.authz().every_entity_changed(&self.shared().env);
                // Without it nothing is wrong, only slower: the types that are stored are not known.
                if self.authz().compiled().is_some() {
                    let _ = self.send(TenantCommand::Recompile);
                }
            }
        }
    }

    /// What activating policies would find wrong with them, and what is worth knowing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn validate_policies(
        &self,
        scope: Scope,
        bundle: serde_json::Value,
    ) -> Result<Vec<Finding>, Error> {
        authz::validate(&self.0.seed, scope, bundle).await
    }

    /// Decisions that found no room in this node's log since the tenant is warm.
    #[must_use]
    pub fn decisions_dropped(&self) -> u64 {
        self.authz().log.dropped.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Waits until the actor has done what it was told, if it was told anything.
    pub(crate) async fn settled(&self) {
        if self.0.mailbox.get().is_some() {
            let _ = self.ask(TenantCommand::Settle).await;
        }
    }

    /// Notes that the policies of the management API changed.
    pub(crate) fn management_changed(&self) {
        self.authz().management.changed();
    }

    /// Notes that policies or roles changed.
    ///
    /// # Errors
    /// [`Error::Full`]: then the tenant must be started again.
    pub fn policies_changed(&self) -> Result<(), Error> {
        if self.authz().policies_changed() { self.send(TenantCommand::Recompile) } else { Ok(()) }
    }
}

/// The owners of one tenant's state.
pub(crate) struct TenantOwner(Seed);

/// What an owner is built from, and what it publishes.
#[derive(Clone)]
pub(crate) struct Seed(Arc<State>);

pub(crate) struct State {
    pub(crate) id: TenantId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) view: ArcSwap<TenantView>,
    pub(crate) authz: Authz,
}

impl Deref for Seed {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Owner for TenantOwner {
    type Command = TenantCommand;
    type Seed = Seed;

    fn build(seed: Seed) -> Self {
        Self(seed)
    }

    async fn handle(&mut self, command: TenantCommand) {
        // A caller that stopped waiting does not stop the change: sending its reply may fail.
        match command {
            TenantCommand::Reload(reply) => {
                let done = self.reload().await;
                if let Err(e) = &done {
                    tracing::error!(tenant = %self.0.id, error = %e, "reload failed");
                }
                let _ = reply.map(|r| r.send(done));
            }
            TenantCommand::Revoked(added, reply) => {
                self.revoked(&added);
                let _ = reply.map(|r| r.send(Ok(())));
            }
            TenantCommand::Change(request, reply) => {
                let _ = reply.send(config::change(&self.0, *request).await);
            }
            TenantCommand::Keys(wish, actor, reply) => {
                let _ = reply.send(keys::change(&self.0, wish, actor).await);
            }
            TenantCommand::Policies(change, actor, reply) => {
                let _ = reply.send(authz::change(&self.0, change, actor).await);
            }
            TenantCommand::Recompile => self.recompile().await,
            TenantCommand::Settle(reply) => drop(reply.send(Ok(()))),
        }
    }
}

impl TenantOwner {
    fn revoked(&self, added: &[(RevokedKey, Timestamp)]) {
        let view = self.0.view.load();
        let revocations = view.revocations.with(added, self.0.shared.env.now());
        self.0.publish(|view| view.revocations = Arc::new(revocations));
    }

    async fn recompile(&self) {
        let Seed(state) = &self.0;
        let mode = state.view.load().tenant.settings.authz.mode;
        if let Err(e) = state.authz.read(&state.shared.store, state.id, mode).await {
            // The old policies go on to decide.
            tracing::error!(tenant = %state.id, error = %e, "changed policies are not in force");
        }
    }

    async fn reload(&self) -> Result<(), Error> {
        let seed = &self.0;
        let (id, vault) = (seed.id, seed.view.load().vault.clone());
        let rows = seed.shared.store.read(id, move |tx| async move { load(&tx, id).await }).await?;
        let Some(rows) = rows else { return Ok(()) }; // Removed: the registry forgets it.
        let keys = keys::parse(&rows.keys, &vault, seed.shared.env.now())?;
        seed.publish(|view| {
            view.tenant = Arc::new(rows.tenant);
            view.discovery = Arc::default();
            view.pages = Arc::default();
            view.applications = Arc::new(Applications::new(rows.applications));
            view.keys = Arc::new(keys);
        });
        Ok(())
    }
}

impl Seed {
    /// Publishes a changed view. Only the tenant's actor does, so nothing is lost in between.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut TenantView)) {
        let mut view = TenantView::clone(&self.view.load());
        change(&mut view);
        self.view.store(Arc::new(view));
    }
}

pub(crate) struct Rows {
    tenant: bailiwick_domain::Tenant,
    applications: Vec<applications::Stored>,
    pub(crate) keys: Vec<signing_keys::Row>,
}

async fn load(tx: &TenantTx, id: TenantId) -> Result<Option<Rows>, Error> {
    let Some(tenant) = tenants::get(tx, id).await? else { return Ok(None) };
    let applications = applications::list(tx, id).await?;
    let keys = signing_keys::list(tx, id).await?;
    Ok(Some(Rows { tenant, applications, keys }))
}

/// Starts a tenant: reads what its view holds, in one transaction. `None` when it is not there.
pub(crate) async fn start(
    id: TenantId,
    shared: &Arc<Shared>,
) -> Result<Option<TenantHandle>, Error> {
    let (keyring, now) = (Arc::clone(&shared.keyring), shared.env.now());
    let read = move |tx: TenantTx| async move {
        let Some(rows) = load(&tx, id).await? else { return Ok(None) };
        let vault: TenantVault = vault::load(&tx, id, &keyring).await?;
        let revoked = changes::revoked_since(&tx, id, now.minus(LONGEST_TOKEN)).await?;
        Ok::<_, Error>(Some((rows, vault, revoked)))
    };
    let Some((rows, vault, revoked)) = shared.store.read(id, read).await? else { return Ok(None) };
    let revoked: Vec<_> =
        revoked.iter().filter_map(|c| Some((RevokedKey::parse(&c.key)?, c.at))).collect();
    let view = TenantView {
        tenant: Arc::new(rows.tenant),
        applications: Arc::new(Applications::new(rows.applications)),
        keys: Arc::new(keys::parse(&rows.keys, &vault, now)?),
        vault,
        revocations: Arc::new(Revocations::default().with(&revoked, now)),
        discovery: Arc::default(),
        pages: Arc::default(),
        tallies: Arc::new(Tallies::default()),
        limits: Arc::default(),
    };
    let (shared, view) = (Arc::clone(shared), ArcSwap::from_pointee(view));
    let authz = Authz::new(&shared.env, shared.guardrails.clone());
    let seed = Seed(Arc::new(State { id, shared, view, authz }));
    Ok(Some(TenantHandle(Arc::new(Warm { seed, mailbox: OnceLock::new() }))))
}
