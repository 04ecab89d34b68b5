//! The clock and the source of randomness, as parameters.
//!
//! No code of ours reads the wall clock or global randomness: tests move the clock by hand and
//! seed the randomness, and a node runs on database time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Timestamp;

    /// Whether it may be set right by a better clock: a machine's own may be wrong, a test's not.
    fn is_adjustable(&self) -> bool {
        false
    }
}

/// Gives random bytes that an attacker cannot predict.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// What the outside world gives to a computation: the time and randomness.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Microseconds that the database's clock is ahead of ours.
    ahead: Arc<AtomicI64>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

impl Env {
    /// An environment of this clock and this randomness.
    pub fn new(clock: impl Clock, entropy: impl Entropy) -> Self {
        Self { clock: Arc::new(clock), entropy: Arc::new(entropy), ahead: Arc::default() }
    }

    /// The real thing: the system's clock and the operating system's randomness.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SystemClock, OsEntropy)
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.now().0.saturating_add(self.ahead.load(Ordering::Relaxed)))
    }

    /// Sets the clock right: `shown` is what [`Env::now`] said when the truth was `truth`. Gives by
    /// how much the clock itself is wrong, in microseconds; nothing when it is not to be set.
    pub fn set_right(&self, shown: Timestamp, truth: Timestamp) -> Option<i64> {
        self.clock.is_adjustable().then(|| {
            let more = truth.0.saturating_sub(shown.0);
            self.ahead.fetch_add(more, Ordering::Relaxed).saturating_add(more)
        })
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.entropy.fill(&mut out);
        out
    }

    /// `N` random bytes as unpadded base64url: 32 bytes for codes and secrets, 16 for `jti`.
    #[must_use]
    pub fn token<const N: usize>(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// A new `UUIDv7`-based id of any kind (RFC 9562 section 5.7), ordered by time.
    #[must_use]
    pub fn id<T: From<uuid::Uuid>>(&self) -> T {
        let millis = self.now().as_millis();
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes::<10>()).into_uuid())
    }
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn is_adjustable(&self) -> bool {
        true
    }
}

struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads global randomness")]
    fn fill(&self, buf: &mut [u8]) {
        // The thread's generator is a ChaCha12 seeded from, and reseeded by, the operating system.
        use rand::Rng as _;
        rand::rng().fill_bytes(buf);
    }
}
