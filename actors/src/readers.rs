//! Readers: what requests of any tenants look up, read in groups like commands are committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bailiwick_domain::{Env, TenantId};
use bailiwick_store::lookups::{self, Found, Key, Wanted};
use bailiwick_store::{Error as StoreError, Store};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::runtime::{Batcher, Mailbox, Threads};

/// One more group is read while one is under way.
const READERS: usize = 2;

/// The readers of a node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers {
    readers: Arc<[Mailbox<Box<dyn Lookup>>]>,
    next: Arc<AtomicUsize>,
}

impl Readers {
    pub(crate) fn start(store: &Store, env: &Env, threads: &Threads) -> Self {
        let reader = || Reader { store: store.clone(), env: env.clone() };
        let readers = (0..READERS).map(|_| threads.batcher(reader())).collect();
        Self { readers, next: Arc::default() }
    }

    /// Looks something up together with whatever else is waiting.
    pub(crate) async fn look_up<K: Key>(
        &self,
        tenant: TenantId,
        key: K,
    ) -> Result<K::Found, Error> {
        let (reply, answer) = oneshot::channel();
        let n = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len().max(1);
        let Some(reader) = self.readers.get(n) else { return Err(Error::Restarting) };
        reader.send(Box::new(Asked { tenant, key, reply }))?;
        // A reply that is dropped is a queue that was full.
        Ok(answer.await.map_err(|_| Error::Full)??)
    }
}

/// A lookup of any kind, with who waits for it.
trait Lookup: Send {
    fn tenant(&self) -> TenantId;
    fn want(&self, wanted: &mut Wanted);
    fn answer(self: Box<Self>, found: Result<&Found, StoreError>);
}

struct Asked<K: Key> {
    tenant: TenantId,
    key: K,
    reply: oneshot::Sender<Result<K::Found, StoreError>>,
}

impl<K: Key> Lookup for Asked<K> {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn want(&self, wanted: &mut Wanted) {
        self.key.clone().want(self.tenant, wanted);
    }

    fn answer(self: Box<Self>, found: Result<&Found, StoreError>) {
        let Self { tenant, key, reply } = *self;
        let _ = reply.send(found.and_then(|found| key.take(tenant, found)));
    }
}

#[derive(Clone)]
struct Reader {
    store: Store,
    env: Env,
}

impl Batcher for Reader {
    type Command = Box<dyn Lookup>;

    async fn run(self, asked: Vec<Box<dyn Lookup>>) {
        let tenants: Vec<_> = asked.iter().map(|a| a.tenant()).collect();
        let mut wanted = Wanted::default();
        asked.iter().for_each(|a| a.want(&mut wanted));
        let now = self.env.now();
        let read = move |tx| async move { lookups::run(&tx, wanted, now).await };
        let found = self.store.read(tenants, read).await;
        for one in asked {
            one.answer(found.as_ref().map_err(Clone::clone));
        }
    }
}
