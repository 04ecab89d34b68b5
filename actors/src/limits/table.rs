//! A fixed number of cells for whoever comes: eight to a set, the least worth of a set goes first.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::lease::Lease;

const WAYS: usize = 8;

/// What is counted for one key.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// The state of its rule.
    pub(crate) word: AtomicU64,
    /// What the other nodes do not know yet.
    pub(crate) lease: Lease,
}

#[derive(Debug, Default)]
struct Slot {
    /// Whose cell it is: never 0, which is nobody's.
    tag: AtomicU64,
    cell: Cell,
}

#[derive(Debug, Default)]
struct Set {
    slots: [Slot; WAYS],
    /// Somebody is making a cell here.
    making: AtomicBool,
}

/// A table of cells by a 64-bit tag, which must be a hash that nobody outside can compute.
///
/// Finding a cell takes no lock. Making one waits only for another thread that is making one in
/// the same set at the same moment, which is a few instructions.
#[derive(Debug)]
pub(crate) struct Table {
    sets: Box<[Set]>,
    /// What forgetting a word would give away: an attacker's full counters stay, what would be
    /// full again in a moment goes.
    worth: fn(u64, u64) -> u64,
}

impl Table {
    /// A table of so many cells or a little more.
    pub(crate) fn new(cells: usize, worth: fn(u64, u64) -> u64) -> Self {
        let sets = cells.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Set::default()).collect(), worth }
    }

    /// The cell of a tag, made when it is not there.
    pub(crate) fn cell(&self, tag: u64, now: u64) -> &Cell {
        let (set, tag) = (self.set(tag), tag.max(1));
        set.find(tag).unwrap_or_else(|| set.make(tag, |slot| (self.worth)(slot, now)))
    }

    /// The cell of a tag, when it is there.
    pub(crate) fn find(&self, tag: u64) -> Option<&Cell> {
        self.set(tag).find(tag.max(1))
    }

    /// How many cells hold something.
    pub(crate) fn held(&self, now: u64) -> usize {
        let slots = self.sets.iter().flat_map(|set| &set.slots);
        slots.filter(|s| (self.worth)(s.cell.word.load(Ordering::Relaxed), now) > 0).count()
    }

    fn set(&self, tag: u64) -> &Set {
        let last = self.sets.len() - 1;
        // The high half, so that keys of one set differ in what they are told apart by.
        let index = usize::try_from(tag >> 32).unwrap_or(0) & last;
        self.sets.get(index).expect("a power of two of sets, and the index is below it")
    }
}

impl Set {
    fn find(&self, tag: u64) -> Option<&Cell> {
        self.slots.iter().find(|s| s.tag.load(Ordering::Acquire) == tag).map(|s| &s.cell)
    }

    /// Makes the cell of a tag, unless another thread just did: two would allow twice as much.
    fn make(&self, tag: u64, worth: impl Fn(u64) -> u64) -> &Cell {
        while self.making.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        let cell = self.find(tag).unwrap_or_else(|| {
            let worth = |slot: &&Slot| worth(slot.cell.word.load(Ordering::Relaxed));
            let slot = self.slots.iter().min_by_key(worth).expect("a set has slots");
            // Nobody's for a moment, so that nobody finds another one's count.
            slot.tag.store(0, Ordering::Release);
            slot.cell.word.store(0, Ordering::Release);
            slot.cell.lease.forget();
            slot.tag.store(tag, Ordering::Release);
            &slot.cell
        });
        self.making.store(false, Ordering::Release);
        cell
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::rule::{Rule, bucket_worth};

    #[test]
    fn the_least_worth_goes_first() {
        let table = Table::new(1, bucket_worth);
        let rule = Rule::per_minute(60, 100);
        // The first has used nine seconds' worth, the others one each.
        for (tag, times) in [(1, 9), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1)] {
            for _ in 0..times {
                rule.take(&table.cell(tag, 0).word, 1, 0).expect("within the burst");
            }
        }
        assert_eq!(table.held(0), 8);
        for tag in 100..1_000 {
            rule.take(&table.cell(tag, 0).word, 1, 0).expect("a new cell");
        }
        assert!(table.find(1).is_some(), "the one that has used most stays");
        assert_eq!(table.held(0), 8);
        assert_eq!(table.held(10_000_000_000), 0, "everything came back");
    }

    #[test]
    fn a_cell_is_made_once_however_many_ask() {
        for round in 0..200_u64 {
            let table = Table::new(64, bucket_worth);
            let rule = Rule::per_minute(60, 10);
            let allowed: usize = std::thread::scope(|scope| {
                let one = || (0..10).filter(|_| take(&table, rule, round)).count();
                let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
                all.into_iter().map(|t| t.join().expect("joins")).sum()
            });
            assert_eq!(allowed, 10, "round {round}");
        }
    }

    fn take(table: &Table, rule: Rule, tag: u64) -> bool {
        rule.take(&table.cell(tag, 0).word, 1, 0).is_ok()
    }

    proptest! {
        #[test]
        fn any_tag_finds_its_own_cell(tags in prop::collection::vec(any::<u64>(), 1..400)) {
            let table = Table::new(32, bucket_worth);
            for (now, tag) in (0..).zip(&tags) {
                let cell = table.cell(*tag, now);
                prop_assert!(std::ptr::eq(cell, table.find(*tag).expect("it was just made")));
                Rule::per_minute(1, 5).take(&cell.word, 1, now).ok();
            }
            prop_assert!(table.held(0) <= 32);
        }
    }
}
