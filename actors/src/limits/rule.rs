//! The two ways to count, each in one word that threads change without a lock.
//!
//! Time is nanoseconds since the epoch. A cost above 1 tightens a rule: with a cost of 2 it allows
//! half of what it says.

use std::sync::atomic::{AtomicU64, Ordering};

const SECOND: u64 = 1_000_000_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A token bucket, kept as the time at which it is full again (GCRA): in any time `d` no more
    /// than `burst + d / interval`.
    Bucket {
        /// Nanoseconds in which one request comes back.
        interval: u64,
        /// The most at once.
        burst: u64,
    },
    /// A sliding window of a minute, kept as the counts of this and the last minute: no more than
    /// the limit in any minute of the clock, and no more than twice the limit in any other.
    Window {
        /// The most in a minute.
        limit: u64,
    },
}

/// What is left after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Requests that may come now.
    pub(crate) remaining: u64,
    /// Nanoseconds until everything is there again, or the window is over.
    pub(crate) reset: u64,
}

/// What all nodes together have counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// When the bucket is full again.
    Bucket(u64),
    /// The minute, the count of the one before and its own.
    Window(u64, u64, u64),
}

impl Rule {
    /// So many in a minute, so many at once.
    pub(crate) fn per_minute(number: u32, burst: u32) -> Self {
        let (number, burst) = (u64::from(number.max(1)), u64::from(burst.max(1)));
        // Rounded up: never more than the rule.
        Self::Bucket { interval: MINUTE.div_ceil(number), burst }
    }

    /// So many in a second, two seconds' worth at once.
    pub(crate) fn per_second(number: u32) -> Self {
        let number = u64::from(number.max(1));
        Self::Bucket { interval: SECOND.div_ceil(number), burst: 2 * number }
    }

    /// The most at once.
    pub(crate) const fn most(self) -> u64 {
        match self {
            Self::Bucket { burst, .. } => burst,
            Self::Window { limit } => limit,
        }
    }

    /// Counts a request, or says after how many nanoseconds it would be allowed.
    pub(crate) fn take(self, word: &AtomicU64, cost: u64, now: u64) -> Result<Left, u64> {
        let cost = cost.clamp(1, self.most().max(1));
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let (next, left) = match self {
                Self::Bucket { interval, burst } => {
                    let span = interval * burst;
                    // More than twice the span ahead is no debt but another clock's time.
                    let full_at = seen.clamp(now, now + 2 * span) + interval * cost;
                    let used = full_at - now;
                    if used > span {
                        return Err(used - span);
                    }
                    let remaining = (span - used) / (interval * cost);
                    (full_at, Left { remaining, reset: used })
                }
                Self::Window { limit } => {
                    let counts = Counts::of(seen).at(now / MINUTE);
                    let elapsed = counts.elapsed(now);
                    let used = counts.weighted(elapsed) + cost;
                    if used > limit {
                        return Err(counts.wait(limit - cost, elapsed));
                    }
                    let next = Counts { present: counts.present + cost, ..counts };
                    let remaining = (limit - used) / cost;
                    (next.word(), Left { remaining, reset: MINUTE - elapsed })
                }
            };
            match word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(left),
                Err(other) => seen = other,
            }
        }
    }

    /// Takes a request back that was counted with this cost.
    pub(crate) fn give_back(self, word: &AtomicU64, cost: u64) {
        let cost = cost.clamp(1, self.most().max(1));
        // The word may be another one's by now, so it must never wrap around.
        let less = |seen: u64| match self {
            Self::Bucket { interval, .. } => Some(seen.saturating_sub(interval * cost)),
            Self::Window { .. } => {
                let counts = Counts::of(seen);
                let present = counts.present.saturating_sub(cost);
                Some(Counts { present, ..counts }.word())
            }
        };
        let _ = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less);
    }

    /// Learns what all nodes have counted, on top of which this one knows of `unreported` more.
    pub(crate) fn learn(self, word: &AtomicU64, total: Total, unreported: u64) {
        let learned = |seen: u64| match (self, total) {
            (Self::Bucket { interval, .. }, Total::Bucket(full_at)) => {
                Some(seen.max(full_at + interval * unreported))
            }
            (Self::Window { .. }, Total::Window(minute, previous, present)) => {
                let counts = Counts::of(seen).at(minute);
                // Another minute than that of the answer: the next answer is about the right one.
                (counts.minute == minute & Counts::MINUTES).then(|| {
                    let previous = counts.previous.max(previous);
                    let present = counts.present.max(present + unreported);
                    Counts { previous, present, ..counts }.word()
                })
            }
            _ => None,
        };
        let _ = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, learned);
    }
}

/// What forgetting the word of a bucket would give away.
pub(crate) fn bucket_worth(word: u64, now: u64) -> u64 {
    word.saturating_sub(now)
}

/// What forgetting the word of a window would give away.
pub(crate) fn window_worth(word: u64, now: u64) -> u64 {
    let counts = Counts::of(word).at(now / MINUTE);
    counts.previous + counts.present
}

/// Adds to a window that has no limit.
pub(crate) fn count(word: &AtomicU64, now: u64) {
    let more = |seen: u64| {
        let counts = Counts::of(seen).at(now / MINUTE);
        Some(Counts { present: counts.present + 1, ..counts }.word())
    };
    let _ = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
}

/// What a window has counted in the last 60 seconds, the last minute weighted.
pub(crate) fn counted(word: &AtomicU64, now: u64) -> u64 {
    let counts = Counts::of(word.load(Ordering::Relaxed)).at(now / MINUTE);
    counts.weighted(counts.elapsed(now))
}

/// A minute, its count and that of the one before, in one word: 22, 21 and 21 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    minute: u64,
    previous: u64,
    present: u64,
}

impl Counts {
    /// Eight years of minutes; then they begin anew.
    const MINUTES: u64 = (1 << 22) - 1;
    const MOST: u64 = (1 << 21) - 1;

    const fn of(word: u64) -> Self {
        Self { minute: word >> 42, previous: (word >> 21) & Self::MOST, present: word & Self::MOST }
    }

    fn word(self) -> u64 {
        (self.minute << 42) | (self.previous.min(Self::MOST) << 21) | self.present.min(Self::MOST)
    }

    /// The counts as of a minute. One that is already over, seen by a thread that came late or by
    /// a clock that is behind, counts as the present one.
    fn at(self, minute: u64) -> Self {
        let minute = minute & Self::MINUTES;
        match minute.wrapping_sub(self.minute) & Self::MINUTES {
            0 => self,
            1 => Self { minute, previous: self.present, present: 0 },
            passed if passed > Self::MINUTES / 2 => self,
            _ => Self { minute, previous: 0, present: 0 },
        }
    }

    /// Nanoseconds of the minute that have passed.
    fn elapsed(self, now: u64) -> u64 {
        if (now / MINUTE) & Self::MINUTES == self.minute { now % MINUTE } else { 0 }
    }

    fn weighted(self, elapsed: u64) -> u64 {
        self.present + (self.previous * (MINUTE - elapsed)).div_ceil(MINUTE)
    }

    /// After how many nanoseconds the weighted count is at most `room`.
    fn wait(self, room: u64, elapsed: u64) -> u64 {
        // The share of a minute after which `count` of the minute before has shrunk to `room`.
        let shrunk = |count: u64, room: u64| MINUTE.saturating_sub(room * MINUTE / count.max(1));
        match room.checked_sub(self.present) {
            Some(room) => shrunk(self.previous, room).saturating_sub(elapsed),
            None => MINUTE - elapsed + shrunk(self.present, room),
        }
    }
}

#[cfg(test)]
mod tests;
