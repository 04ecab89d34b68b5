//! Public keys of clients, from their `jwks_uri`.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use serde_json::Value;

use crate::guard::{Fetcher, OutboundError};

const FRESH: Duration = Duration::from_secs(600);
/// An unknown `kid` makes us fetch again, but not more often than this.
const PAUSE: Duration = Duration::from_secs(30);
const MOST_BYTES: usize = 256 * 1024;

/// Key sets by address. Single-flight: however many wait, one request is made.
#[derive(Clone, Debug)]
pub struct JwksCache {
    fetcher: Fetcher,
    fresh: Cache<String, Arc<Value>>,
    recent: Cache<String, Arc<Value>>,
}

impl JwksCache {
    /// An empty cache over this fetcher.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Self {
        let cache = |ttl| Cache::builder().max_capacity(1_000).time_to_live(ttl).build();
        Self { fetcher, fresh: cache(FRESH), recent: cache(PAUSE) }
    }

    /// The key set at `uri`, at most ten minutes old.
    ///
    /// # Errors
    /// [`OutboundError`], which is not remembered.
    pub async fn get(&self, uri: &str) -> Result<Arc<Value>, OutboundError> {
        let fetch = async { self.refetch(uri).await };
        self.fresh.try_get_with_by_ref(uri, fetch).await.map_err(|e| e.as_ref().clone())
    }

    /// The key set at `uri`, at most thirty seconds old: for a `kid` that the cached set lacks.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn newer(&self, uri: &str) -> Result<Arc<Value>, OutboundError> {
        let keys = self.refetch(uri).await?;
        self.fresh.insert(uri.to_owned(), Arc::clone(&keys)).await;
        Ok(keys)
    }

    async fn refetch(&self, uri: &str) -> Result<Arc<Value>, OutboundError> {
        let fetch = async { self.fetcher.json(uri, MOST_BYTES).await.map(Arc::new) };
        self.recent.try_get_with_by_ref(uri, fetch).await.map_err(|e| e.as_ref().clone())
    }
}
