//! The usage shard: flushes receipts and counted refusals, at least once a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_domain::{BootId, Env, TenantId, Timestamp};
use bailiwick_store::usage::{self, ReceiptRow};
use bailiwick_store::{Error as StoreError, Store};
use tokio::sync::{mpsc, oneshot};

use crate::receipts::{Cell, Counted, Swapped};
use crate::refusals::Refusals;

/// With the time that a flush takes, still at least once a second.
const INTERVAL: Duration = Duration::from_millis(900);
/// Refusals are written more rarely than receipts: somebody else decides how many there are.
const REFUSALS_EVERY: u32 = 20;

pub(crate) struct Flusher {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) boot: BootId,
    pub(crate) queue: mpsc::UnboundedReceiver<Arc<Cell>>,
    pub(crate) refusals: Arc<Refusals>,
    /// Asks for a last flush; answered when it is done.
    pub(crate) stop: oneshot::Receiver<oneshot::Sender<()>>,
    pub(crate) since: Timestamp,
    /// Rows whose commit failed or whose answer was lost. The same rows are sent again: their ids
    /// follow from what they say, so that none is counted twice.
    pub(crate) unsent: Vec<ReceiptRow>,
}

impl Flusher {
    pub(crate) async fn run(mut self) {
        let mut round = 0;
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(INTERVAL) => None,
                asked = &mut self.stop => Some(asked),
            };
            self.receipts().await;
            round = (round + 1) % REFUSALS_EVERY;
            if round == 0 || stop.is_some() {
                self.refusals().await;
            }
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
        let taken: Vec<Swapped> = cells.into_iter().filter_map(|c| c.take()).collect();
        let now = self.env.now();
        let mut rows = std::mem::take(&mut self.unsent);
        // All tokens of a flush are in the hour of the flush: the ledger and the receipts agree
        // because both take it from the same row.
        rows.extend(merge(&taken, (self.since, now)));
        self.since = now;
        if rows.is_empty() {
            return;
        }
        let tenants: Vec<TenantId> = rows.iter().map(|r| r.tenant).collect();
        let (boot, sent) = (self.boot, rows.clone());
        let write = move |tx| async move { usage::flush(&tx, boot, &sent).await };
        if let Err(e) = self.store.write::<_, StoreError, _, _>(tenants, write).await {
            tracing::error!(error = %e, rows = rows.len(), "usage receipts wait for the next flush");
            self.unsent = rows;
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

/// One row for each dimension of each application, also when an idle cell was replaced in between.
fn merge(taken: &[Swapped], (from, now): (Timestamp, Timestamp)) -> Vec<ReceiptRow> {
    let mut rows: HashMap<(TenantId, Counted), ReceiptRow> = HashMap::new();
    for swapped in taken {
        let quantity = i64::try_from(swapped.count).unwrap_or(i64::MAX);
        rows.entry((swapped.tenant, swapped.counted))
            .and_modify(|row| {
                row.quantity += quantity;
                row.digest = crate::receipts::sum(&row.digest, &swapped.digest);
            })
            .or_insert(ReceiptRow {
                tenant: swapped.tenant,
                application: swapped.counted.0,
                dimension: swapped.counted.1,
                period_start: from,
                flushed_at: now,
                quantity,
                digest: swapped.digest,
            });
    }
    rows.into_values().collect()
}
