//! The change feed: how a node learns of what other nodes and processes changed.
//!
//! Every change appends to one table in its own transaction. This task polls it twice a second and
//! reads the last seconds again each time, because transactions commit out of order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bailiwick_domain::{Env, TenantId, Timestamp};
use bailiwick_store::authz::policies;
use bailiwick_store::changes::{self, Change, Position, Topic};
use bailiwick_store::redis::Redis;
use bailiwick_store::{Error as StoreError, Store, SystemTx};
use tokio::sync::{mpsc, oneshot};

use crate::registry::Registry;
use crate::revocations::RevokedKey;
use crate::tenant::TenantCommand;

const INTERVAL: Duration = Duration::from_millis(500);
/// How long an announced change waits for others that come with it.
const TOGETHER: Duration = Duration::from_millis(10);
/// How far back each poll reads again: longer than the longest transaction of the store.
const OVERLAP: Duration = Duration::from_secs(15);
/// A machine's clock that is this far from the database's is reported.
const DRIFT: i64 = 5_000_000;
/// Without a successful poll for this long a node is not ready.
const STALE: Duration = Duration::from_secs(5);
/// ... and for this long it refuses to vouch for tokens and sessions.
const BLIND: Duration = Duration::from_secs(60);
/// Changes in one read.
const PAGE: u64 = 5_000;

/// How fresh this node's knowledge is.
#[derive(Clone, Debug)]
pub struct FeedHealth(Arc<AtomicI64>);

impl FeedHealth {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    fn age(&self, now: Timestamp) -> Duration {
        now.since(Timestamp(self.0.load(Ordering::Relaxed)))
    }

    /// Whether the node should get requests.
    #[must_use]
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.age(now) < STALE
    }

    /// Whether the node may still say that a token or a session is alive.
    #[must_use]
    pub fn may_vouch(&self, now: Timestamp) -> bool {
        self.age(now) < BLIND
    }
}

pub(crate) struct Feed {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) registry: Registry,
    pub(crate) health: FeedHealth,
    /// Who wants to go on only when this node has seen what was committed before.
    pub(crate) asked: mpsc::Receiver<oneshot::Sender<()>>,
}

/// What was read: so that a poll that reads it again does nothing.
#[derive(Default)]
struct Progress {
    newest: Timestamp,
    seen: HashMap<i64, Timestamp>,
    data_version: Option<i64>,
}

impl Feed {
    pub(crate) async fn run(mut self) {
        let mut announced = self.store.redis().map(Redis::announcements);
        let mut progress = Progress { newest: self.env.now(), ..Progress::default() };
        loop {
            let mut waiting: Vec<_> =
                next(&mut announced, &mut self.asked).await.into_iter().collect();
            while let Ok(more) = self.asked.try_recv() {
                waiting.push(more);
            }
            let asked_at = self.env.now();
            match self.poll(&mut progress).await {
                Ok(()) => self.health.0.store(asked_at.0, Ordering::Relaxed),
                Err(e) => tracing::warn!(error = %e, "the change feed could not be read"),
            }
            for one in waiting {
                let _ = one.send(());
            }
            metrics::gauge!("bailiwick_change_feed_age_seconds")
                .set(self.health.age(self.env.now()).as_secs_f64());
        }
    }

    async fn poll(&self, progress: &mut Progress) -> Result<(), StoreError> {
        // SQLite says for next to nothing whether any connection or process committed.
        let data_version = self.store.data_version().await?;
        if data_version.is_some() && data_version == progress.data_version {
            return Ok(());
        }
        let mut from = Position::from(progress.newest.minus(OVERLAP));
        loop {
            let env = self.env.clone();
            let read = move |tx| async move {
                set_right(&env, &tx).await?;
                changes::since(&tx, from, PAGE).await
            };
            let page: Vec<Change> = self.store.system(read).await?;
            let full = page.len() as u64 >= PAGE;
            if let Some(last) = page.last() {
                from = Position::from(last);
            }
            let fresh: Vec<Change> =
                page.into_iter().filter(|c| !progress.seen.contains_key(&c.seq)).collect();
            // A clock ahead of ours must not make us skip what correct clocks write meanwhile.
            let now = self.env.now();
            for change in &fresh {
                progress.newest = progress.newest.max(change.at.min(now));
                // A tenant that is starting may have read before this change: until it is warm and
                // has been told, the change counts as unseen.
                if self.registry.if_warm(change.tenant).await.is_some() {
                    progress.seen.insert(change.seq, change.at);
                }
            }
            self.tell(fresh).await;
            if !full {
                break;
            }
        }
        let keep_from = progress.newest.minus(OVERLAP * 2);
        progress.seen.retain(|_, at| *at >= keep_from);
        progress.data_version = data_version;
        Ok(())
    }

    /// Tells the warm tenants. Cold ones read everything when they start.
    async fn tell(&self, changes: Vec<Change>) {
        let mut reload: HashSet<TenantId> = HashSet::new();
        let mut revoked: HashMap<TenantId, Vec<(RevokedKey, Timestamp)>> = HashMap::new();
        let mut recompile: HashSet<TenantId> = HashSet::new();
        for change in changes {
            match change.topic {
                Some(Topic::Revoked) => {
                    if let Some(key) = RevokedKey::parse(&change.key) {
                        revoked.entry(change.tenant).or_default().push((key, change.at));
                    }
                }
                Some(Topic::Entities) => {
                    if let Some(handle) = self.registry.if_warm(change.tenant).await {
                        handle.entity_changed(&change.key);
                    }
                }
                Some(Topic::Policies) if change.key == policies::MANAGEMENT => {
                    if let Some(handle) = self.registry.if_warm(change.tenant).await {
                        handle.management_changed();
                    }
                }
                Some(Topic::Policies) => {
                    recompile.insert(change.tenant);
                }
                Some(topic) => {
                    if topic == Topic::Tenant {
                        self.registry.forget_misses();
                    }
                    reload.insert(change.tenant);
                }
                None => {} // A topic of a newer version.
            }
        }
        let reloads = reload.into_iter().map(|t| (t, TenantCommand::Reload(None)));
        let revocations =
            revoked.into_iter().map(|(t, list)| (t, TenantCommand::Revoked(list, None)));
        let recompiled = recompile.into_iter().map(|t| (t, TenantCommand::Recompile));
        for (tenant, command) in reloads.chain(revocations).chain(recompiled) {
            let Some(handle) = self.registry.if_warm(tenant).await else { continue };
            let sent = match command {
                TenantCommand::Recompile => handle.policies_changed(),
                command => handle.send(command),
            };
            if let Err(e) = sent {
                // The snapshot would stay old: forget it, so that the next request reads anew.
                tracing::warn!(%tenant, error = %e, "a tenant missed a change and is started again");
                self.registry.forget(tenant).await;
            }
        }
    }
}

/// Waits for the next poll: announced, asked for, or due.
async fn next(
    announced: &mut Option<mpsc::Receiver<()>>,
    asked: &mut mpsc::Receiver<oneshot::Sender<()>>,
) -> Option<oneshot::Sender<()>> {
    let told = async {
        if let Some(receiver) = announced
            && receiver.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = tokio::time::sleep(INTERVAL) => None,
        () = told => {
            tokio::time::sleep(TOGETHER).await;
            None
        }
        Some(one) = asked.recv() => Some(one),
    }
}

/// Nodes run on the time of the database: then they agree on when a code expires and a key signs,
/// however wrong the clocks of their machines are.
pub(crate) async fn set_right(env: &Env, tx: &SystemTx) -> Result<(), StoreError> {
    let before = env.now();
    let Some(truth) = changes::database_time(tx).await? else { return Ok(()) };
    let shown = before.plus(env.now().since(before) / 2);
    if let Some(wrong) = env.set_right(shown, truth) {
        if wrong.abs() > DRIFT {
            tracing::warn!(microseconds = wrong, "the clock of this machine is wrong");
        }
        let seconds = Duration::from_micros(wrong.unsigned_abs()).as_secs_f64();
        metrics::gauge!("bailiwick_clock_corrected_seconds").set(seconds);
    }
    Ok(())
}
