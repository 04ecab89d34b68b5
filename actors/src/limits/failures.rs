//! Failed attempts, counted exactly: an attempt is counted before it is made, and taken back when
//! it succeeds, so that no number of attempts at once gets past a limit.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bailiwick_domain::Timestamp;
use bailiwick_store::redis::limits::{Blocked, Counter};
use moka::sync::Cache;

/// Names a counter or a place, on every node: a MAC, so that nobody learns whose it is.
pub(crate) type Key = [u8; 16];

/// How many counters are kept. An attacker who makes more pays a password hash for each, and only
/// those that end soonest are lost.
const MOST: usize = 200_000;
/// How many places of sign-in are kept.
const MOST_KNOWN: u64 = 200_000;

/// How long a place where somebody signed in is trusted: whoever fails elsewhere does not lock the
/// user out there.
pub(crate) const KNOWN: Duration = Duration::from_secs(7 * 86_400);

/// The counters of one node: all there are on one node, and what holds while Redis is away.
#[derive(Debug)]
pub(crate) struct Failures {
    counts: Mutex<HashMap<Key, Count>>,
    known: Cache<Key, ()>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    failed: u32,
    until: Timestamp,
}

impl Default for Failures {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(MOST_KNOWN).time_to_live(KNOWN).build();
        Self { counts: Mutex::default(), known }
    }
}

impl Failures {
    /// Counts an attempt at every counter, or at none when one of them is full.
    pub(crate) fn reserve(&self, counters: &[Counter], now: Timestamp) -> Option<Blocked> {
        self.with(|counts| {
            let fresh = |c: &Counter| Count { failed: 0, until: now.plus(c.window) };
            let live = |counts: &HashMap<Key, Count>, c: &Counter| {
                counts.get(&c.key).copied().filter(|n| n.until > now).unwrap_or_else(|| fresh(c))
            };
            let full = |(which, c): (usize, &Counter)| {
                let count = live(counts, c);
                let wait = count.until.since(now);
                (count.failed >= c.limit).then_some(Blocked { which, wait })
            };
            let full = counters.iter().enumerate().filter_map(full).max_by_key(|b| b.wait);
            if full.is_none() {
                for counter in counters {
                    let count = live(counts, counter);
                    let one_more = Count { failed: count.failed + 1, ..count };
                    counts.insert(counter.key, one_more);
                }
                trim(counts, now);
            }
            full
        })
    }

    /// Takes an attempt back.
    pub(crate) fn release(&self, keys: &[Key]) {
        self.with(|counts| {
            for key in keys {
                if let Some(count) = counts.get_mut(key) {
                    count.failed = count.failed.saturating_sub(1);
                }
            }
        });
    }

    /// Begins a counter anew.
    pub(crate) fn forget(&self, key: &Key) {
        self.with(|counts| counts.remove(key));
    }

    /// Trusts a place from now on.
    pub(crate) fn know(&self, place: Key) {
        self.known.insert(place, ());
    }

    /// Whether a place is trusted.
    pub(crate) fn knows(&self, place: &Key) -> bool {
        self.known.contains_key(place)
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<Key, Count>) -> T) -> T {
        f(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps the map bounded: what is over goes, then the half that is over soonest. Rare enough that
/// a look at all of them does not count.
fn trim(counts: &mut HashMap<Key, Count>, now: Timestamp) {
    if counts.len() <= MOST {
        return;
    }
    counts.retain(|_, count| count.until > now);
    if counts.len() > MOST / 2 {
        let mut ends: Vec<_> = counts.values().map(|c| c.until).collect();
        let (_, middle, _) = ends.select_nth_unstable(counts.len() / 2);
        let middle = *middle;
        counts.retain(|_, count| count.until > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn counter(n: u32, limit: u32) -> Counter {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&n.to_be_bytes());
        Counter { key, limit, window: Duration::from_secs(60) }
    }

    #[test]
    fn all_are_counted_or_none() {
        let failures = Failures::default();
        let (own, all) = (counter(1, 2), counter(2, 3));
        assert_eq!(failures.reserve(&[own, all], NOW), None);
        assert_eq!(failures.reserve(&[own, all], NOW), None);
        let blocked = failures.reserve(&[own, all], NOW.plus_secs(10)).expect("two are all");
        assert_eq!((blocked.which, blocked.wait), (0, Duration::from_secs(50)));
        assert_eq!(failures.reserve(&[all], NOW), None, "the refused one did not count");
        assert_eq!(failures.reserve(&[all], NOW).map(|b| b.which), Some(0));
        failures.release(&[all.key]);
        assert_eq!(failures.reserve(&[all], NOW), None);
        failures.forget(&own.key);
        failures.release(&[own.key, own.key]);
        assert_eq!(failures.reserve(&[own], NOW), None);
        assert_eq!(failures.reserve(&[all, own], NOW.plus_secs(61)), None, "another minute");
    }

    #[test]
    fn however_many_at_once_no_more_than_the_limit() {
        let failures = Failures::default();
        let counters = [counter(1, 5), counter(2, 100)];
        let let_in: usize = std::thread::scope(|scope| {
            let one = || (0..50).filter(|_| failures.reserve(&counters, NOW).is_none()).count();
            let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|t| t.join().expect("joins")).sum()
        });
        assert_eq!(let_in, 5);
    }

    #[test]
    fn the_map_is_bounded_and_keeps_what_lasts() {
        let failures = Failures::default();
        let lasting = Counter { window: Duration::from_secs(3_600), ..counter(u32::MAX, 1) };
        assert_eq!(failures.reserve(&[lasting], NOW), None);
        for n in 0..450_000 {
            assert_eq!(failures.reserve(&[counter(n, 1)], Timestamp(NOW.0 + i64::from(n))), None);
        }
        let kept = failures.with(|counts| counts.len());
        assert!((MOST / 2..=MOST).contains(&kept), "{kept}");
        assert!(failures.reserve(&[lasting], NOW).is_some());
    }
}
