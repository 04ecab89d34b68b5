//! Failed client authentication, for each application and network.
//!
//! Issuing waits for nothing, so an attempt is counted in a cell of this node before it is made,
//! and taken back when it succeeds. Only what failed is added up over all nodes. A secret has 24
//! or more random characters: it is not guessed in the attempts that other nodes still allow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bailiwick_domain::{ApplicationId, Timestamp};
use bailiwick_store::redis::limits::{self, Counter};

use super::{Limited, Limiter, Network, Scope, nanos, narrow, who};
use crate::view::TenantView;

/// Failures of one application from one network ...
const LIMIT: u64 = 20;
/// ... in so many seconds.
const WINDOW: u32 = 300;
const MILLI: u64 = 1_000_000;

/// An attempt to authenticate as an application that is under way. Whoever drops it has failed.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ClientAttempt(Option<(u64, Network, Option<ApplicationId>)>);

impl Limiter {
    /// Counts an attempt to authenticate as an application, before it is made. Applications that
    /// are not known count together.
    ///
    /// # Errors
    /// When too many have failed.
    pub fn client_attempt(
        &self,
        view: &TenantView,
        from: Network,
        app: Option<ApplicationId>,
        now: Timestamp,
    ) -> Result<ClientAttempt, Limited> {
        if !self.limits(view).enabled {
            return Ok(ClientAttempt(None));
        }
        let tag = self.tags.of(&(Scope::ClientAuth.name(), view.tenant.id, from, app));
        let cell = self.failing.cell(tag, nanos(now));
        let limit = if self.away.load(Ordering::Relaxed) { LIMIT / 2 } else { LIMIT };
        reserve(&cell.word, limit, nanos(now)).map_err(|wait| {
            self.failed(view, now);
            Limited::new(Scope::ClientAuth, (narrow(LIMIT), WINDOW), wait)
        })?;
        Ok(ClientAttempt(Some((tag, from, app))))
    }

    /// The attempt was good.
    pub fn client_proven(&self, view: &TenantView, attempt: ClientAttempt, now: Timestamp) {
        if attempt.0.is_some() {
            view.limits.succeeded(nanos(now));
        }
        self.client_released(attempt);
    }

    /// The attempt was not made after all.
    pub fn client_released(&self, attempt: ClientAttempt) {
        let cell = attempt.0.and_then(|(tag, ..)| self.failing.find(tag));
        let _ = cell.map(|cell| release(&cell.word));
    }

    /// The attempt failed: the other nodes learn of it, and this one of theirs.
    pub async fn client_failed(&self, view: &TenantView, attempt: ClientAttempt, now: Timestamp) {
        let Some((tag, from, app)) = attempt.0 else { return };
        self.failed(view, now);
        let Some((redis, _)) = &self.shared else { return };
        let key = who::key(view, Scope::ClientAuth, &(from, app));
        let window = Duration::from_secs(u64::from(WINDOW));
        let counter = Counter { key, limit: narrow(LIMIT), window };
        // While Redis is away the node's own count is all there is.
        if let Ok(Err(full)) = limits::reserve(redis, &[counter], (&key, 0), now).await {
            let until = nanos(now.plus(full.wait));
            self.failing.cell(tag, nanos(now)).word.store(word(LIMIT, until), Ordering::Release);
        }
    }
}

/// What forgetting a count would give away.
pub(super) fn worth(word: u64, now: u64) -> u64 {
    let (failed, until) = parts(word);
    if until > now { failed } else { 0 }
}

/// Failures and when they are forgotten, in whole milliseconds: 16 and 48 bits.
fn word(failed: u64, until: u64) -> u64 {
    ((until / MILLI) << 16) | failed.min(0xffff)
}

const fn parts(word: u64) -> (u64, u64) {
    (word & 0xffff, (word >> 16).saturating_mul(MILLI))
}

fn reserve(cell: &AtomicU64, limit: u64, now: u64) -> Result<(), u64> {
    let one_more = |seen: u64| match parts(seen) {
        (_, until) if until <= now => Some(word(1, now + u64::from(WINDOW) * 1_000 * MILLI)),
        (failed, until) => (failed < limit).then(|| word(failed + 1, until)),
    };
    let done = cell.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
    done.map(drop).map_err(|seen| parts(seen).1.saturating_sub(now))
}

fn release(cell: &AtomicU64) {
    let one_less = |seen: u64| (seen & 0xffff > 0).then(|| seen - 1);
    let _ = cell.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_less);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_772_366_400_000_000_000;

    #[test]
    fn a_failure_counts_until_the_end_of_its_window() {
        let cell = AtomicU64::new(0);
        for _ in 0..3 {
            assert_eq!(reserve(&cell, 3, NOW), Ok(()));
        }
        let window = u64::from(WINDOW) * 1_000 * MILLI;
        assert_eq!(reserve(&cell, 3, NOW + MILLI), Err(window - MILLI));
        release(&cell);
        assert_eq!(reserve(&cell, 3, NOW + MILLI), Ok(()), "one succeeded");
        assert!(worth(cell.load(Ordering::Relaxed), NOW) > 0);
        assert_eq!(worth(cell.load(Ordering::Relaxed), NOW + window), 0);
        assert_eq!(reserve(&cell, 3, NOW + window), Ok(()));
        (0..9).for_each(|_| release(&cell));
        assert_eq!(parts(cell.load(Ordering::Relaxed)).0, 0);
    }
}
