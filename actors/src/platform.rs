//! Everything that keeps state on one node, started and stopped as one.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_domain::limits::Ceilings;
use bailiwick_domain::{ApplicationId, BootId, Env, TenantId};
use bailiwick_policy::Layer;
use bailiwick_store::Store;
use bailiwick_store::redis::Redis;
use bailiwick_store::vault::MasterKeyring;
use tokio::sync::{mpsc, oneshot};

use crate::authz::{Caches, Log};
use crate::committer::Committers;
use crate::error::Error;
use crate::feed::{self, Feed, FeedHealth};
use crate::flush::Flusher;
use crate::limits::{self, Limiter};
use crate::readers::Readers;
use crate::refusals::Refusals;
use crate::registry::{Registry, Route};
use crate::runtime::Threads;
use crate::tenant::{Shared, TenantHandle};

/// What a node's tenants are addressed by.
#[derive(Clone, Debug)]
pub struct Options {
    /// The platform's public address, without a trailing slash.
    pub public_url: String,
    /// When set, tenants live at `https://{slug}.{base_domain}`, else at `{public_url}/t/{slug}`.
    pub base_domain: Option<String>,
    /// Development mode: loopback `http` addresses are allowed.
    pub development: bool,
    /// The most that limits can be.
    pub ceilings: Ceilings,
    /// Bytes that warm tenants may take, about.
    pub tenant_memory: u64,
    /// The operator's policies above those of every tenant: they only forbid.
    pub guardrails: Option<Arc<Layer>>,
}

/// The owners of one node. Cheap to clone.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    options: Options,
    registry: Registry,
    refusals: Arc<Refusals>,
    limits: Arc<Limiter>,
    health: FeedHealth,
    /// Wakes the feed.
    catch_up: mpsc::Sender<oneshot::Sender<()>>,
    /// Those that write a last time when the node stops.
    stop: Mutex<Vec<oneshot::Sender<oneshot::Sender<()>>>>,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

/// How often Redis is asked whether it is there, so that an idle node notices, too.
const NOTICE: Duration = Duration::from_secs(1);

/// The longest that a change waits to be in force before it is answered.
const CAUGHT_UP: Duration = Duration::from_secs(2);

/// Callers that may wait for the change feed at once; more do not wait.
const ASKING: usize = 1_024;

/// Threads that actors live on. They wait for SQL more than they compute.
const THREADS: usize = 2;

impl Platform {
    /// Starts the node's actors and makes sure that the `system` tenant is there. Must be called
    /// inside a running actor system.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn start(
        store: Store,
        env: Env,
        keyring: MasterKeyring,
        options: Options,
    ) -> Result<Self, Error> {
        let clock = env.clone();
        store.system(move |tx| async move { feed::set_right(&clock, &tx).await }).await?;
        let threads = Threads::start(THREADS);
        let (dirty, queue) = mpsc::unbounded_channel();
        let (stop_log, stopped) = oneshot::channel();
        let (log, writer) = Log::new(&store, &env, stopped);
        threads.spawn(writer.run());
        let shared = Arc::new(Shared {
            committers: Committers::start(&store, &env, &threads),
            readers: Readers::start(&store, &env, &threads),
            store: store.clone(),
            env: env.clone(),
            keyring: Arc::new(keyring),
            dirty,
            caches: Caches::default(),
            log,
            guardrails: options.guardrails.clone(),
            threads: threads.clone(),
        });
        let registry = Registry::new(Arc::clone(&shared), options.tenant_memory);
        let health = FeedHealth::new(env.now());
        let refusals = Arc::new(Refusals::default());
        let (stop, stopped) = oneshot::channel();
        let flusher = Flusher {
            store: store.clone(),
            env: env.clone(),
            boot: env.id::<BootId>(),
            queue,
            refusals: Arc::clone(&refusals),
            stop: stopped,
            since: env.now(),
            unsent: Vec::new(),
        };
        threads.spawn(flusher.run());
        let redis = store.redis().cloned();
        let (limits, asks) = Limiter::new(options.ceilings, &env, redis.clone());
        threads.spawn(limits::run(Arc::clone(&limits), env.clone(), asks));
        let (ask, asked) = mpsc::channel(ASKING);
        let feed = Feed { store, env, registry: registry.clone(), health: health.clone(), asked };
        threads.spawn(feed.run());
        if let Some(redis) = redis {
            threads.spawn(notice(redis));
        }
        let stop = Mutex::new(vec![stop, stop_log]);
        let catch_up = ask;
        let inner = Inner { shared, options, registry, refusals, limits, health, catch_up, stop };
        let platform = Self(Arc::new(inner));
        platform.system_tenant().await?;
        Ok(platform)
    }

    /// The tenant at a slug; `None` when there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn by_slug(&self, slug: &str) -> Result<Option<Route>, Error> {
        self.0.registry.route(&format!("slug:{slug}")).await
    }

    /// The tenant at a host name; `None` when there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn by_host(&self, host: &str) -> Result<Option<Route>, Error> {
        self.0.registry.route(&format!("host:{host}")).await
    }

    /// The tenant of an id; `None` when there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<TenantHandle>, Error> {
        self.0.registry.tenant(id).await
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.shared.store
    }

    /// Time and randomness.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.0.shared.env
    }

    /// What the node was started with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// How fresh this node's knowledge is.
    #[must_use]
    pub fn health(&self) -> &FeedHealth {
        &self.0.health
    }

    /// Waits until this node has seen what was committed before, and the tenant has made what it
    /// needs of it: whoever made a change finds it in force with the next request. When that takes
    /// too long it comes a little later.
    pub async fn catch_up(&self, tenant: &TenantHandle) {
        let (reply, seen) = oneshot::channel();
        let caught = async {
            if self.0.catch_up.try_send(reply).is_ok() && seen.await.is_ok() {
                tenant.settled().await;
            }
        };
        let _ = tokio::time::timeout(CAUGHT_UP, caught).await;
    }

    /// How many tenants are warm on this node, about.
    pub async fn warm_tenants(&self) -> u64 {
        self.0.registry.len().await
    }

    /// The limits of this node.
    #[must_use]
    pub fn limits(&self) -> &Limiter {
        &self.0.limits
    }

    /// Counts a refusal, by the stable name of its kind.
    pub fn count_refusal(
        &self,
        tenant: TenantId,
        kind: &'static str,
        client: Option<ApplicationId>,
        from: Option<IpAddr>,
    ) {
        self.0.refusals.count((tenant, self.env().now()), kind, client, from);
    }

    /// Flushes what is counted and stops the actors.
    pub async fn stop(&self) {
        let stop = std::mem::take(&mut *self.0.stop.lock().unwrap_or_else(PoisonError::into_inner));
        let first = !stop.is_empty();
        for stop in stop {
            let (done, flushed) = oneshot::channel();
            if stop.send(done).is_ok() {
                let _ = flushed.await;
            }
        }
        if first {
            self.0.shared.threads.stop();
        }
    }

    pub(crate) fn keyring(&self) -> &Arc<MasterKeyring> {
        &self.0.shared.keyring
    }

    pub(crate) async fn tenant_id(&self, slug: &str) -> Result<Option<TenantId>, Error> {
        Ok(self.by_slug(slug).await?.map(|route| route.tenant.view().tenant.id))
    }

    pub(crate) fn forget_misses(&self) {
        self.0.registry.forget_misses();
    }

    /// The one issuer of a tenant.
    pub(crate) fn issuer_of(&self, slug: &str) -> String {
        match &self.0.options.base_domain {
            Some(base) => format!("https://{slug}.{base}"),
            None => format!("{}/t/{slug}", self.0.options.public_url),
        }
    }

    /// The addresses of a tenant, the canonical one first.
    pub(crate) fn address_of(&self, slug: &str) -> Vec<(String, bool)> {
        let path = format!("slug:{slug}");
        match &self.0.options.base_domain {
            Some(base) => vec![(format!("host:{slug}.{base}"), true), (path, false)],
            None => vec![(path, true)],
        }
    }
}

async fn notice(redis: Redis) {
    loop {
        // The breaker reports what changes.
        let _ = redis.ping().await;
        metrics::gauge!("bailiwick_redis_up").set(if redis.is_away() { 0.0 } else { 1.0 });
        tokio::time::sleep(NOTICE).await;
    }
}
