//! What is counted of one warm tenant, and how much it is under attack.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::rule;
use super::table::Cell;

/// Failed attempts in a minute from which a level holds, when at least half of all attempts fail.
const LEVELS: [u64; 3] = [30, 120, 480];
/// How long a level holds at least.
const HOLD: u64 = rule::MINUTE;

/// The counters of one warm tenant.
#[derive(Debug, Default)]
pub(crate) struct TenantLimits {
    /// All of its requests.
    pub(crate) bucket: Cell,
    tried: AtomicU64,
    failed: AtomicU64,
    level: AtomicU8,
    /// When the level last changed.
    since: AtomicU64,
}

impl TenantLimits {
    /// By how much limits of addresses are tightened: 1, 2, 4 or 8.
    pub(crate) fn factor(&self) -> u64 {
        1 << self.level.load(Ordering::Relaxed).min(3)
    }

    /// Counts an attempt that succeeded.
    pub(crate) fn succeeded(&self, now: u64) {
        rule::count(&self.tried, now);
    }

    /// Counts an attempt that failed; the new level when that raised it.
    pub(crate) fn failed(&self, now: u64) -> Option<u8> {
        rule::count(&self.tried, now);
        rule::count(&self.failed, now);
        let (failed, tried) = self.counts(now);
        let reached = LEVELS.iter().filter(|least| failed >= **least).count();
        let reached = u8::try_from(reached).unwrap_or(0);
        let level = self.level.load(Ordering::Relaxed);
        let raised = 2 * failed >= tried && reached > level;
        (raised && self.change(level, reached, now)).then_some(reached)
    }

    /// Lowers the level by one when the attack has become much weaker; the new level then.
    pub(crate) fn eased(&self, now: u64) -> Option<u8> {
        let level = self.level.load(Ordering::Relaxed);
        let lower = level.checked_sub(1)?;
        let (failed, tried) = self.counts(now);
        let least = LEVELS.get(usize::from(lower)).copied().unwrap_or(0);
        // Well below what raised it, so that it does not go up and down.
        let weaker = 2 * failed < least || 4 * failed < tried;
        let held = now.saturating_sub(self.since.load(Ordering::Relaxed)) >= HOLD;
        (weaker && held && self.change(level, lower, now)).then_some(lower)
    }

    /// Whether limits are tightened.
    pub(crate) fn is_pressed(&self) -> bool {
        self.level.load(Ordering::Relaxed) > 0
    }

    fn counts(&self, now: u64) -> (u64, u64) {
        (rule::counted(&self.failed, now), rule::counted(&self.tried, now))
    }

    fn change(&self, from: u8, to: u8, now: u64) -> bool {
        let changed =
            self.level.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if changed {
            self.since.store(now, Ordering::Relaxed);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn failures_tighten_and_only_their_end_loosens() {
        let (limits, mut now) = (TenantLimits::default(), 100 * rule::MINUTE);
        let raised: Vec<_> = (0..500).filter_map(|_| limits.failed(now)).collect();
        assert_eq!((raised, limits.factor()), (vec![1, 2, 3], 8), "each level once");
        assert_eq!(limits.eased(now), None);
        now += 30 * SECOND;
        assert_eq!(limits.eased(now), None, "too early");
        // Half of it goes on: not weak enough to loosen anything.
        for _ in 0..6 {
            now += 20 * SECOND;
            (0..90).for_each(|_| assert_eq!(limits.failed(now), None));
            assert_eq!(limits.eased(now), None);
        }
        let mut eased = Vec::new();
        for _ in 0..30 {
            now += 20 * SECOND;
            eased.extend(limits.eased(now));
        }
        assert_eq!((eased, limits.factor()), (vec![2, 1, 0], 1));
    }

    #[test]
    fn many_failures_among_many_more_successes_are_no_attack() {
        let (limits, now) = (TenantLimits::default(), 100 * rule::MINUTE);
        for _ in 0..200 {
            limits.succeeded(now);
        }
        assert_eq!((0..150).find_map(|_| limits.failed(now)), None);
        assert!(!limits.is_pressed());
        let raised = (0..100).find_map(|_| limits.failed(now));
        assert_eq!(raised, Some(2), "now most of them fail, and there are many");
    }
}
