//! The usage shard: flushes receipts and counted refusals, at least once a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_domain::{ApplicationId, BootId, Env, TenantId, Timestamp};
use bailiwick_store::usage::{self, Dimension, ReceiptRow};
use bailiwick_store::{Error as StoreError, Store};
use tokio::sync::{mpsc, oneshot};

use crate::receipts::{Cell, Dirty, Swapped};
use crate::refusals::Refusals;

const INTERVAL: Duration = Duration::from_millis(500);

pub(crate) struct Flusher {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) boot: BootId,
    pub(crate) queue: mpsc::UnboundedReceiver<Arc<Cell>>,
    pub(crate) dirty: Dirty,
    pub(crate) refusals: Arc<Refusals>,
    /// Asks for a last flush; answered when it is done.
    pub(crate) stop: oneshot::Receiver<oneshot::Sender<()>>,
    pub(crate) since: Timestamp,
}

impl Flusher {
    pub(crate) async fn run(mut self) {
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(INTERVAL) => None,
                asked = &mut self.stop => Some(asked),
            };
            self.receipts().await;
            self.refusals().await;
            if let Some(asked) = stop {
                let _ = asked.map(|done| done.send(()));
                return;
            }
        }
    }

    async fn receipts(&mut self) {
        let mut cells = Vec::new();
        while let Ok(cell) = self.queue.try_recv() {
            cells.push(cell);
        }
        let taken: Vec<(Arc<Cell>, Swapped)> =
            cells.into_iter().filter_map(|c| c.take().map(|s| (c, s))).collect();
        let now = self.env.now();
        // All tokens of a flush are in the hour of the flush: the ledger and the receipts agree
        // because both take it from the same row.
        let rows = merge(&taken, (self.since, now));
        self.since = now;
        if rows.is_empty() {
            return;
        }
        let tenants: Vec<TenantId> = rows.iter().map(|r| r.tenant).collect();
        let boot = self.boot;
        let write = move |tx| async move { usage::flush(&tx, boot, &rows).await };
        if let Err(e) = self.store.write::<_, StoreError, _, _>(tenants, write).await {
            tracing::error!(error = %e, "usage receipts wait for the next flush");
            for (cell, swapped) in &taken {
                cell.put_back(swapped, &self.dirty);
            }
        }
    }

    async fn refusals(&self) {
        let rows = self.refusals.take();
        if rows.is_empty() {
            return;
        }
        let tenants: Vec<TenantId> = rows.iter().map(|r| r.tenant).collect();
        let write = move |tx| async move { usage::refusals(&tx, &rows).await };
        if let Err(e) = self.store.write::<_, StoreError, _, _>(tenants, write).await {
            tracing::error!(error = %e, "counted refusals were not written");
        }
    }
}

/// One row for each application, also when an idle cell was replaced in between.
fn merge(taken: &[(Arc<Cell>, Swapped)], (from, now): (Timestamp, Timestamp)) -> Vec<ReceiptRow> {
    let mut rows: HashMap<(TenantId, ApplicationId), ReceiptRow> = HashMap::new();
    for (_, swapped) in taken {
        let quantity = i64::try_from(swapped.count).unwrap_or(i64::MAX);
        rows.entry((swapped.tenant, swapped.application))
            .and_modify(|row| {
                row.quantity += quantity;
                row.digest = crate::receipts::sum(&row.digest, &swapped.digest);
            })
            .or_insert(ReceiptRow {
                tenant: swapped.tenant,
                application: swapped.application,
                dimension: Dimension::TokenIssued,
                period_start: from,
                flushed_at: now,
                quantity,
                digest: swapped.digest,
            });
    }
    rows.into_values().collect()
}
