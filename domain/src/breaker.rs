//! A circuit breaker: after a few failures in a row nobody waits for what is away.
//!
//! Pure: the caller gives the time and the randomness.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open the first time; twice as long after every failed attempt.
    pub first: Duration,
    /// The longest that it stays open.
    pub longest: Duration,
}

/// Whether a dependency is asked at all.
///
/// Closed: everybody asks. Open: nobody does, until a time; then one attempt is let through, and
/// what becomes of it closes the breaker or opens it for longer.
#[derive(Debug)]
pub struct Breaker {
    rule: Rule,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self { rule, state: Mutex::new(State { failures: 0, open_until: None }) }
    }

    /// Whether an attempt may be made now.
    pub fn admits(&self, now: Instant) -> bool {
        self.with(|state, rule| match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                // The others wait for the one attempt; should it never report, the next one tries.
                state.open_until = Some(now + rule.longest);
                true
            }
        })
    }

    /// Whether attempts are refused or only tried out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.with(|state, _| state.open_until.is_some())
    }

    /// An attempt succeeded. Says whether that closed the breaker.
    pub fn succeeded(&self) -> bool {
        self.with(|state, _| std::mem::take(state).open_until.is_some())
    }

    /// An attempt failed. `random` spreads the next attempts of many nodes over half the wait. Says
    /// whether that opened the breaker.
    pub fn failed(&self, now: Instant, random: u8) -> bool {
        self.with(|state, rule| {
            let was_open = state.open_until.is_some();
            state.failures = state.failures.saturating_add(1);
            if state.failures < rule.failures {
                return false;
            }
            let doublings = (state.failures - rule.failures).min(16);
            let wait = rule.first.saturating_mul(1 << doublings).min(rule.longest);
            let spread = wait / 2 * u32::from(random) / 255;
            state.open_until = Some(now + wait / 2 + spread);
            !was_open
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State, Rule) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), self.rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        failures: 3,
        first: Duration::from_millis(100),
        longest: Duration::from_millis(1_000),
    };

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an origin for times that the test moves")]
    fn opens_after_failures_in_a_row_and_tries_one_at_a_time() {
        let (breaker, start) = (Breaker::new(RULE), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert!(!breaker.failed(at(0), 255) && !breaker.failed(at(0), 255));
        assert!(!breaker.succeeded(), "it was closed");
        assert!(!breaker.failed(at(0), 255) && !breaker.failed(at(0), 255));
        assert!(breaker.admits(at(0)));
        assert!(breaker.failed(at(0), 255), "the third in a row opens it");
        assert!(!breaker.admits(at(99)));
        assert!(breaker.admits(at(100)), "one attempt");
        assert!(!breaker.admits(at(101)), "the others wait for it");
        assert!(!breaker.failed(at(110), 255), "it was open");
        assert!(!breaker.admits(at(309)), "twice as long");
        assert!(breaker.admits(at(310)));
        assert!(breaker.succeeded() && !breaker.is_open());
        assert!(breaker.admits(at(311)) && breaker.admits(at(311)));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an origin for times that the test moves")]
    fn waits_are_bounded_and_spread_and_a_silent_attempt_is_repeated() {
        let (breaker, start) = (Breaker::new(RULE), Instant::now());
        for _ in 0..100 {
            breaker.failed(start, 0);
        }
        assert!(!breaker.admits(start + Duration::from_millis(499)));
        assert!(breaker.admits(start + Duration::from_millis(500)), "half of the longest");
        assert!(!breaker.admits(start + Duration::from_millis(1_499)));
        assert!(breaker.admits(start + Duration::from_millis(1_500)), "nobody reported");
    }
}
