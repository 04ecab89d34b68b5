//! Usage receipts of tokens that were issued, and decisions that were made, without SQL.
//!
//! A request adds to a tally of its application: a count and a digest over the `jti`s of tokens, or
//! the ids of decisions.
//! A flusher swaps tallies out at least once a second and commits each as a receipt row together
//! with the hourly ledger. Adding takes no lock; swapping waits for adders that hold the old tally
//! by watching its reference count, so that every token is in exactly one receipt.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use bailiwick_domain::{ApplicationId, TenantId};
use bailiwick_store::usage::Dimension;
use tokio::sync::mpsc;

/// What is counted, and for whom.
pub(crate) type Counted = (ApplicationId, Dimension);

/// What one application was given since the last flush.
#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    /// The sum of the SHA-256 of every `jti`, lane by lane modulo 2^64: the order of adding does
    /// not matter, and anybody with the list of `jti`s can compute it again.
    lanes: [AtomicU64; 4],
}

/// The tally of one dimension of one application of one tenant.
#[derive(Debug)]
pub(crate) struct Cell {
    tenant: TenantId,
    counted: Counted,
    current: ArcSwap<Tally>,
    /// Whether it waits for the flusher.
    queued: AtomicBool,
}

/// The cells of one tenant. One is added with an application's first token or decision, and
/// the map is copied then; all other reading and adding takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Tallies(ArcSwap<HashMap<Counted, Arc<Cell>>>);

/// Where cells wait for the flusher: each at most once, so it is bounded by the applications.
pub(crate) type Dirty = mpsc::UnboundedSender<Arc<Cell>>;

/// What was swapped out of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swapped {
    pub(crate) tenant: TenantId,
    pub(crate) counted: Counted,
    pub(crate) count: u64,
    pub(crate) digest: [u8; 32],
}

impl Tallies {
    /// Counts one of what has this id.
    pub(crate) fn record(&self, tenant: TenantId, counted: Counted, id: &[u8], dirty: &Dirty) {
        let cell = self.cell(tenant, counted);
        cell.add(id);
        if !cell.queued.swap(true, Ordering::AcqRel) {
            // Fails only when the flusher is gone, at the very end of a stop.
            let _ = dirty.send(cell);
        }
    }

    fn cell(&self, tenant: TenantId, counted: Counted) -> Arc<Cell> {
        if let Some(cell) = self.0.load().get(&counted) {
            return Arc::clone(cell);
        }
        let new = Arc::new(Cell::new(tenant, counted));
        self.0.rcu(|cells| {
            let mut cells = HashMap::clone(cells);
            cells.entry(counted).or_insert_with(|| Arc::clone(&new));
            cells
        });
        // Another thread's may have been first.
        self.0.load().get(&counted).map_or(new, Arc::clone)
    }
}

impl Cell {
    fn new(tenant: TenantId, counted: Counted) -> Self {
        let (current, queued) = (ArcSwap::default(), AtomicBool::new(false));
        Self { tenant, counted, current, queued }
    }

    fn add(&self, id: &[u8]) {
        let hash = digest(&SHA256, id);
        // A full reference, not a guard: its count is what `take` waits for.
        let tally = self.current.load_full();
        for (lane, part) in tally.lanes.iter().zip(hash.as_ref().chunks_exact(8)) {
            let part = part.try_into().map_or(0, u64::from_be_bytes);
            lane.fetch_add(part, Ordering::Relaxed);
        }
        tally.count.fetch_add(1, Ordering::Release);
    }

    /// Swaps the tally out; `None` when nothing was counted.
    pub(crate) fn take(&self) -> Option<Swapped> {
        // First, so that whoever adds after the swap queues the cell again.
        self.queued.store(false, Ordering::Release);
        let old = self.current.swap(Arc::default());
        while Arc::strong_count(&old) > 1 {
            std::thread::yield_now(); // An adder is between its load and its last add.
        }
        std::sync::atomic::fence(Ordering::Acquire);
        let count = old.count.load(Ordering::Acquire);
        let mut out = [0; 32];
        for (bytes, lane) in out.chunks_exact_mut(8).zip(&old.lanes) {
            bytes.copy_from_slice(&lane.load(Ordering::Acquire).to_be_bytes());
        }
        let (tenant, counted) = (self.tenant, self.counted);
        (count > 0).then_some(Swapped { tenant, counted, count, digest: out })
    }
}

/// The digest of both receipts' tokens together.
pub(crate) fn sum(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let lane = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_be_bytes);
    let mut out = [0; 32];
    for ((to, a), b) in out.chunks_exact_mut(8).zip(a.chunks_exact(8)).zip(b.chunks_exact(8)) {
        to.copy_from_slice(&lane(a).wrapping_add(lane(b)).to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn everything_is_in_exactly_one_receipt() {
        let (dirty, mut queue) = mpsc::unbounded_channel();
        let tallies = Arc::new(Tallies::default());
        let tenant = TenantId(Uuid::nil());
        let counted = (ApplicationId(Uuid::from_u128(1)), Dimension::TokenIssued);
        let adders: Vec<_> = (0..4)
            .map(|thread| {
                let (tallies, dirty) = (Arc::clone(&tallies), dirty.clone());
                std::thread::spawn(move || {
                    for n in 0..5_000 {
                        let id = format!("{thread}-{n}");
                        tallies.record(tenant, counted, id.as_bytes(), &dirty);
                    }
                })
            })
            .collect();
        let mut total = 0;
        let mut lanes = [0; 32];
        let mut drain = |queue: &mut mpsc::UnboundedReceiver<Arc<Cell>>| {
            while let Ok(cell) = queue.try_recv() {
                if let Some(swapped) = cell.take() {
                    total += swapped.count;
                    lanes = sum(&lanes, &swapped.digest);
                }
            }
        };
        while adders.iter().any(|a| !a.is_finished()) {
            drain(&mut queue);
        }
        adders.into_iter().for_each(|a| a.join().expect("joins"));
        drain(&mut queue);
        let mut expected = [0; 32];
        for thread in 0..4 {
            for n in 0..5_000 {
                let hash = digest(&SHA256, format!("{thread}-{n}").as_bytes());
                expected = sum(&expected, hash.as_ref().try_into().expect("32 bytes"));
            }
        }
        assert_eq!((total, lanes), (20_000, expected));
    }
}
