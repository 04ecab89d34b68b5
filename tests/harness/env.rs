//! The clock that tests move, and seeded randomness.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_domain::env::{Clock, Entropy};
use bailiwick_domain::{Env, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Noon of 2026-03-01 in UTC: where the time of a test starts.
pub const START: Timestamp = Timestamp::from_secs(1_772_366_400);

/// A clock that only tests move. Clones are the same clock.
#[derive(Clone)]
pub struct TestClock(Arc<Inner>);

struct Inner {
    /// Runs underneath; none when the clock stands still.
    system: Option<Env>,
    /// Microseconds on top of it.
    ahead: AtomicI64,
}

impl TestClock {
    /// Stands still at [`START`], but for a microsecond that passes at each reading, so that two
    /// readings always differ, as two real events do.
    #[must_use]
    pub fn still() -> Self {
        Self(Arc::new(Inner { system: None, ahead: AtomicI64::new(START.0) }))
    }

    /// Runs with the system's clock: for tests with programs that read their own.
    #[must_use]
    pub fn real() -> Self {
        Self(Arc::new(Inner { system: Some(Env::system()), ahead: AtomicI64::new(0) }))
    }

    /// Moves the time forward. [`crate::Server::advance`] also waits for the server to notice.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("a test moves the time by years at most");
        self.0.ahead.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        match &self.0.system {
            None => Timestamp(self.0.ahead.fetch_add(1, Ordering::SeqCst) + 1),
            Some(env) => Timestamp(env.now().0 + self.0.ahead.load(Ordering::SeqCst)),
        }
    }
}

/// Randomness that is the same at every run with the same seed.
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// From a seed. Servers that share a database need different ones.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buf: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buf);
    }
}
