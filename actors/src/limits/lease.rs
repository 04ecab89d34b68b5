//! How nodes share a limit: each may spend one slice of it that the others do not know of.
//!
//! A cell counts what it has spent since it last told the others. At half a slice it asks, in the
//! background, for the next one: what it spent is added to what all nodes have spent, and the
//! answer is what all of them have left. Until the answer comes it may spend the rest of the
//! slice, and nothing more. So all nodes together go over a limit by at most one slice each.

use std::sync::atomic::{AtomicU64, Ordering};

/// A slice of a limit: an eighth.
pub(crate) fn slice(most: u64) -> u32 {
    u32::try_from(most / 8).unwrap_or(u32::MAX).max(1)
}

/// What became of a wish to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// It is within the slice.
    Within,
    /// It is, and the others must be told now that so much was spent.
    Ask(u32),
    /// The slice is spent and the next one is not here yet.
    Over,
}

/// What one cell has spent that the others do not know of: in the low half of the word, and in the
/// high half how much of it they are just being told.
#[derive(Debug, Default)]
pub(crate) struct Lease(AtomicU64);

impl Lease {
    /// Spends.
    pub(crate) fn spend(&self, cost: u32, slice: u32) -> Spent {
        self.update(|told, spent| {
            if told > 0 && spent.saturating_add(cost) > slice.max(cost) {
                return (told, spent, Spent::Over);
            }
            let spent = spent.saturating_add(cost);
            if told == 0 && spent >= slice.div_ceil(2) {
                return (spent, spent, Spent::Ask(spent));
            }
            (told, spent, Spent::Within)
        })
    }

    /// Takes back what was spent, as far as nobody was told of it.
    pub(crate) fn give_back(&self, cost: u32) {
        self.update(|told, spent| (told, spent.saturating_sub(cost).max(told), ()));
    }

    /// The others know: what they still do not.
    pub(crate) fn told(&self) -> u32 {
        self.update(|told, spent| {
            let left = spent.saturating_sub(told);
            (0, left, left)
        })
    }

    /// The others could not be told. No more than a slice is remembered: what was spent alone is
    /// not held against the node for long.
    pub(crate) fn lost(&self, slice: u32) {
        self.update(|_, spent| (0, spent.min(slice), ()));
    }

    /// Begins anew.
    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }

    fn update<T>(&self, f: impl Fn(u32, u32) -> (u32, u32, T)) -> T {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let [a, b, c, d, e, f_, g, h] = seen.to_be_bytes();
            let (told, spent, out) =
                f(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f_, g, h]));
            let next = (u64::from(told) << 32) | u64::from(spent);
            match self.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return out,
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_slice_is_unknown_to_the_others() {
        let lease = Lease::default();
        let spent: Vec<_> = (0..6).map(|_| lease.spend(1, 4)).collect();
        let wanted =
            [Spent::Within, Spent::Ask(2), Spent::Within, Spent::Within, Spent::Over, Spent::Over];
        assert_eq!(spent, wanted);
        assert_eq!(lease.told(), 2, "spent while they were told");
        assert_eq!(lease.spend(1, 4), Spent::Ask(3));
        lease.lost(4);
        assert_eq!(lease.spend(1, 4), Spent::Ask(4), "asked again");
    }

    #[test]
    fn what_is_taken_back_may_be_spent_again_unless_they_were_told() {
        let lease = Lease::default();
        assert_eq!(lease.spend(1, 8), Spent::Within);
        lease.give_back(1);
        lease.give_back(1);
        for _ in 0..3 {
            assert_eq!(lease.spend(1, 8), Spent::Within);
        }
        assert_eq!(lease.spend(1, 8), Spent::Ask(4));
        lease.give_back(1);
        assert_eq!(lease.told(), 0);
    }

    #[test]
    fn a_slice_of_one_is_told_each_time() {
        let lease = Lease::default();
        assert_eq!(lease.spend(1, slice(3)), Spent::Ask(1));
        assert_eq!(lease.spend(1, slice(3)), Spent::Over);
        assert_eq!(lease.told(), 0);
        assert_eq!(lease.spend(2, slice(3)), Spent::Ask(2), "under pressure one costs more");
    }
}
