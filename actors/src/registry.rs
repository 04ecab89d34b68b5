//! From an address to a warm tenant: single-flight start, negative cache, idle eviction.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_domain::TenantId;
use bailiwick_store::addresses;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::tenant::{self, Shared, TenantHandle};

/// How long a tenant stays warm without a request. A request that holds its handle keeps it.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How long an address that is not there is believed not to be there. New addresses are seen
/// earlier, through the change feed.
const MISS: Duration = Duration::from_secs(5);
const LOOKING_UP: usize = 4;
const MOST_ADDRESSES: u64 = 200_000;
const MOST_MISSES: u64 = 20_000;
/// What a warm tenant takes, and what each of its applications adds, about: measured by the load
/// benchmark, which prints both databases' figures.
const TENANT_BYTES: usize = 14 * 1024;
const APPLICATION_BYTES: usize = 2 * 1024;

/// A tenant, and whether it was reached by its canonical address.
#[derive(Clone)]
pub struct Route {
    /// The tenant.
    pub tenant: TenantHandle,
    /// `false`: redirect pages, refuse protocol calls.
    pub canonical: bool,
}

#[derive(Clone)]
pub(crate) struct Registry {
    shared: Arc<Shared>,
    addresses: Cache<String, (TenantId, bool)>,
    misses: Cache<String, ()>,
    warm: Cache<TenantId, TenantHandle>,
    looking_up: Arc<Semaphore>,
}

impl Registry {
    /// At most about `budget` bytes of warm tenants: beyond it, those that were used least go cold.
    pub(crate) fn new(shared: Arc<Shared>, budget: u64) -> Self {
        Self {
            shared,
            addresses: Cache::builder().max_capacity(MOST_ADDRESSES).time_to_idle(IDLE).build(),
            misses: Cache::builder().max_capacity(MOST_MISSES).time_to_live(MISS).build(),
            looking_up: Arc::new(Semaphore::new(LOOKING_UP)),
            warm: Cache::builder()
                .weigher(|_, tenant| weight(tenant))
                .max_capacity(budget)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    /// The tenant at `slug:...` or `host:...`; `None` when there is none.
    pub(crate) async fn route(&self, address: &str) -> Result<Option<Route>, Error> {
        let found = match self.addresses.get(address).await {
            Some(found) => found,
            None => match self.look_up(address).await? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let (id, canonical) = found;
        Ok(self.tenant(id).await?.map(|tenant| Route { tenant, canonical }))
    }

    async fn look_up(&self, address: &str) -> Result<Option<(TenantId, bool)>, Error> {
        if self.misses.get(address).await.is_some() {
            return Ok(None);
        }
        // However many addresses somebody invents, few of them wait for the database at a time.
        let _permit = self.looking_up.acquire().await.map_err(|_| Error::Restarting)?;
        let wanted = address.to_owned();
        let read = self.addresses.try_get_with_by_ref(address, async {
            let row = self
                .shared
                .store
                // Of no tenant: the table of addresses is the platform's.
                .read(Vec::new(), move |tx| async move { addresses::resolve(&tx, &wanted).await })
                .await
                .map_err(|e: bailiwick_store::Error| Some(Error::from(e)))?;
            row.filter(|a| !a.retired).map(|a| (a.tenant, a.canonical)).ok_or(None::<Error>)
        });
        match read.await {
            Ok(found) => Ok(Some(found)),
            Err(why) => match why.as_ref() {
                None => {
                    self.misses.insert(address.to_owned(), ()).await;
                    Ok(None)
                }
                Some(e) => Err(e.clone()),
            },
        }
    }

    /// A tenant by its id, started if it is cold.
    pub(crate) async fn tenant(&self, id: TenantId) -> Result<Option<TenantHandle>, Error> {
        if let Some(handle) = self.warm.get(&id).await {
            return Ok(Some(handle));
        }
        let start = async {
            match tenant::start(id, &self.shared).await {
                Ok(Some(handle)) => Ok(handle),
                Ok(None) => Err(None),
                Err(e) => Err(Some(e)),
            }
        };
        match self.warm.try_get_with(id, start).await {
            Ok(handle) => Ok(Some(handle)),
            // Waiters of a single flight share one error: each gets a copy.
            Err(why) => why.as_ref().clone().map_or(Ok(None), Err),
        }
    }

    /// The tenant if it is warm: for the change feed, which tells only those.
    pub(crate) async fn if_warm(&self, id: TenantId) -> Option<TenantHandle> {
        self.warm.get(&id).await
    }

    /// Lets a tenant go cold: its next request starts it anew.
    pub(crate) async fn forget(&self, id: TenantId) {
        self.warm.invalidate(&id).await;
    }

    /// How many tenants are warm, about.
    pub(crate) async fn len(&self) -> u64 {
        // What was put in or went since is counted only by this.
        self.warm.run_pending_tasks().await;
        self.warm.entry_count()
    }

    /// Forgets what was believed not to be there: tenants or addresses were added.
    pub(crate) fn forget_misses(&self) {
        self.misses.invalidate_all();
    }
}

/// What a tenant takes when it starts. Later changes are not weighed again: an estimate is enough to
/// keep thousands of tenants within bounds.
fn weight(tenant: &TenantHandle) -> u32 {
    let bytes = TENANT_BYTES + APPLICATION_BYTES * tenant.view().applications.len();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
