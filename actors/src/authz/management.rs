//! Who may do what in a tenant's management API: read with its first request, and forgotten when it
//! changes. Nobody goes on with rights that were taken away, as old policies go on to decide.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use bailiwick_policy::management::{Decider, Decision, Request};
use bailiwick_store::TenantTx;
use bailiwick_store::authz::policies::{self, Scope};
use tokio::sync::Mutex;

use super::compiled::bundle;
use crate::error::Error;
use crate::tenant::TenantHandle;

/// What a warm tenant knows of that.
#[derive(Default)]
pub(crate) struct Management {
    known: ArcSwapOption<Rules>,
    /// Counts notices that they changed.
    changed: AtomicU64,
    /// Who reads them; the others wait.
    reading: Mutex<()>,
}

/// Who may do what in the management API of a tenant.
pub struct Rules {
    /// None when the tenant has no policies of its own.
    own: Option<Decider>,
    /// The notice that they were read after.
    seen: u64,
}

impl Rules {
    /// Decides.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        self.own.as_ref().unwrap_or_else(|| Decider::embedded()).decide(request)
    }
}

impl Management {
    /// Notes that they changed.
    pub(crate) fn changed(&self) {
        self.changed.fetch_add(1, Ordering::AcqRel);
    }

    fn known(&self) -> Option<Arc<Rules>> {
        let known = self.known.load_full()?;
        (known.seen == self.changed.load(Ordering::Acquire)).then_some(known)
    }
}

impl TenantHandle {
    /// Who may do what in the tenant's management API; read if it changed, or is asked for the first
    /// time.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn management(&self) -> Result<Arc<Rules>, Error> {
        let management = &self.authz().management;
        if let Some(known) = management.known() {
            return Ok(known);
        }
        let _one = management.reading.lock().await;
        if let Some(known) = management.known() {
            return Ok(known);
        }
        let (tenant, seen) = (self.id(), management.changed.load(Ordering::Acquire));
        let read = move |tx: TenantTx| async move {
            Ok::<_, Error>(policies::active(&tx, tenant, Scope::Management).await?.1)
        };
        let own = match self.shared().store.read(tenant, read).await? {
            None => None,
            Some(held) => {
                let (number, bundle) = (held.number, bundle(held.bundle)?);
                let work = tokio::task::spawn_blocking(move || Decider::compile(&bundle));
                let compiled = work.await.map_err(|_| Error::Restarting)?;
                // They fitted when they were activated, by the schema of another version of ours.
                let closed = |found: Vec<_>| {
                    let first = found.first().map(ToString::to_string).unwrap_or_default();
                    tracing::error!(%tenant, number, first, "the management API is for owners only");
                    Decider::closed()
                };
                Some(compiled.map_or_else(closed, |(decider, _)| decider))
            }
        };
        let rules = Arc::new(Rules { own, seen });
        management.known.store(Some(Arc::clone(&rules)));
        Ok(rules)
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("own", &self.own.is_some()).finish_non_exhaustive()
    }
}
