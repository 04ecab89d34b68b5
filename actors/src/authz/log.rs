//! The decision log: written in batches off the request path, bounded, and dropped rather than
//! waited for. Receipts, not the log, say how many decisions there were.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bailiwick_domain::authz::DecisionLog;
use bailiwick_domain::{ApplicationId, DecisionId, Env, TenantId, Timestamp};
use bailiwick_policy::{Decision, Uid};
use bailiwick_store::authz::decisions::{self, Decision as Row};
use bailiwick_store::vault::TenantVault;
use bailiwick_store::{Error as StoreError, Store};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::decide::{Ask, Decided, Sent};
use super::replay::{Request, place};
use crate::view::TenantView;

/// Decisions that may wait to be written.
const WAITING: usize = 16 * 1024;
/// Rows of one transaction.
const ROWS: usize = 500;
const INTERVAL: Duration = Duration::from_millis(200);
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// How much of a tenant's decisions is kept.
#[derive(Default)]
pub(crate) struct Rate {
    second: AtomicI64,
    in_second: AtomicU32,
    asked: AtomicU32,
    /// Decisions that should have been kept and found no room.
    pub(crate) dropped: AtomicU64,
}

impl Rate {
    /// Whether the decision that is made now is to be kept.
    pub(crate) fn wants(&self, log: &DecisionLog, now: Timestamp) -> bool {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) % 100;
        // Spread over the hundred: 50 keeps every other one.
        let percent = u32::from(log.percent);
        if nth * percent / 100 == (nth + 1) * percent / 100 {
            return false;
        }
        let second = now.0.div_euclid(SECOND);
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.in_second.store(0, Ordering::Relaxed);
        }
        self.in_second.fetch_add(1, Ordering::Relaxed) < log.per_second
    }
}

/// A decision on its way to the log.
pub(crate) struct Record {
    principal: Uid,
    action: String,
    resource: Uid,
    context: Map<String, Value>,
    sent: Option<Arc<Sent>>,
    done: Option<Done>,
}

struct Done {
    id: DecisionId,
    tenant: TenantId,
    vault: TenantVault,
    application: ApplicationId,
    decision: Arc<Decision>,
    snapshot: i64,
    at: Timestamp,
    took: Duration,
    days: u32,
}

impl Record {
    pub(super) fn new(ask: &Ask<'_>) -> Self {
        Self {
            principal: ask.principal.clone(),
            action: ask.action.to_owned(),
            resource: ask.resource.clone(),
            context: ask.context.clone(),
            sent: ask.sent.clone(),
            done: None,
        }
    }

    pub(super) fn done(
        mut self,
        view: &TenantView,
        application: ApplicationId,
        decided: &Decided,
        (at, took): (Timestamp, Duration),
    ) -> Self {
        self.done = Some(Done {
            id: decided.id,
            tenant: view.tenant.id,
            vault: view.vault.clone(),
            application,
            decision: Arc::clone(&decided.decision),
            snapshot: decided.snapshot,
            at,
            took,
            days: view.tenant.settings.authz.log.days,
        });
        self
    }

    fn row(self, env: &Env) -> Option<Row> {
        let done = self.done?;
        let sent = self.sent.as_ref();
        let request = Request {
            principal: self.principal.clone(),
            action: self.action.clone(),
            resource: self.resource.clone(),
            context: self.context,
            entities: sent.map_or_else(Vec::new, |s| s.entities.values().cloned().collect()),
        };
        let plain = serde_json::to_vec(&request).ok()?;
        let sealed = done.vault.seal(&place(&done.id.0), &plain, env);
        Some(Row {
            tenant: done.tenant,
            id: done.id,
            at: done.at,
            application: Some(done.application),
            principal: self.principal.to_string(),
            action: self.action,
            resource: self.resource.to_string(),
            allowed: done.decision.allowed,
            policies: done.decision.policies.iter().map(|p| p.id.to_string()).collect(),
            errors: i64::try_from(done.decision.errors.len()).unwrap_or(i64::MAX),
            snapshot: done.snapshot,
            micros: i64::try_from(done.took.as_micros()).unwrap_or(i64::MAX),
            request_sealed: sealed,
            expires_at: Timestamp(done.at.0.saturating_add(i64::from(done.days) * DAY)),
        })
    }
}

/// Where decisions wait to be written.
#[derive(Clone)]
pub(crate) struct Log(mpsc::Sender<Box<Record>>);

/// Writes what waits.
pub(crate) struct Writer {
    pub(crate) store: Store,
    pub(crate) env: Env,
    queue: mpsc::Receiver<Box<Record>>,
    /// Asks for a last write; answered when it is done.
    stop: oneshot::Receiver<oneshot::Sender<()>>,
}

impl Log {
    pub(crate) fn new(
        store: &Store,
        env: &Env,
        stop: oneshot::Receiver<oneshot::Sender<()>>,
    ) -> (Self, Writer) {
        let (log, queue) = mpsc::channel(WAITING);
        (Self(log), Writer { store: store.clone(), env: env.clone(), queue, stop })
    }

    /// Keeps a decision; `false` when there is no room, and it is dropped.
    pub(super) fn keep(&self, record: Record) -> bool {
        let kept = self.0.try_send(Box::new(record)).is_ok();
        if !kept {
            metrics::counter!("bailiwick_decisions_unlogged_total").increment(1);
        }
        kept
    }
}

impl Writer {
    pub(crate) async fn run(mut self) {
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(INTERVAL) => None,
                asked = &mut self.stop => Some(asked),
            };
            while let Some(rows) = self.take() {
                self.write(rows).await;
            }
            if let Some(asked) = stop {
                let _ = asked.map(|done| done.send(()));
                return;
            }
        }
    }

    /// What waits, at most what one transaction takes.
    fn take(&mut self) -> Option<Vec<Row>> {
        let mut rows = Vec::new();
        while rows.len() < ROWS
            && let Ok(record) = self.queue.try_recv()
        {
            rows.extend(record.row(&self.env));
        }
        (!rows.is_empty()).then_some(rows)
    }

    async fn write(&self, rows: Vec<Row>) {
        let tenants: Vec<TenantId> = rows.iter().map(|r| r.tenant).collect();
        let lost = rows.len() as u64;
        let write = move |tx| async move { decisions::insert(&tx, &rows).await };
        if let Err(e) = self.store.write::<_, StoreError, _, _>(tenants, write).await {
            metrics::counter!("bailiwick_decisions_unlogged_total").increment(lost);
            tracing::warn!(error = %e, lost, "decisions were not logged");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_dropped_and_nobody_waits() {
        let (queue, mut waiting) = mpsc::channel(WAITING);
        let log = Log(queue);
        let uid = Uid::new("Robot", "r").unwrap();
        let record = || {
            let (principal, resource) = (uid.clone(), uid.clone());
            let context = Map::new();
            Record::new(&Ask { principal, action: "open", resource, context, sent: None })
        };
        let kept = (0..WAITING + 10).filter(|_| log.keep(record())).count();
        assert_eq!(kept, WAITING);
        assert!(waiting.try_recv().is_ok(), "the writer goes on");
        assert!(log.keep(record()), "and there is room again");
    }

    #[test]
    fn a_share_and_at_most_so_many_a_second_are_kept() {
        let kept = |percent, per_second, seconds: i64| {
            let (rate, log) = (Rate::default(), DecisionLog { percent, per_second, days: 1 });
            let at = |n: i64| Timestamp(n * SECOND / 100);
            (0..seconds * 100).filter(|n| rate.wants(&log, at(*n))).count()
        };
        assert_eq!(kept(100, 1_000, 3), 300);
        assert_eq!(kept(0, 1_000, 3), 0);
        assert_eq!(kept(10, 1_000, 3), 30);
        assert_eq!(kept(100, 20, 3), 60);
        assert_eq!(kept(50, 20, 3), 60);
    }
}
