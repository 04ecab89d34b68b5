//! Attempts of people: counted before they are made, on all nodes together.

use std::time::Duration;

use bailiwick_domain::Timestamp;
use bailiwick_store::redis::limits::{self, Blocked, Counter};

use super::failures::{KNOWN, Key};
use super::{Limited, Limiter, Network, Scope, nanos, narrow, who};
use crate::view::TenantView;

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// So many failures, within so long after the first of them.
type Rule = (u32, Duration);

/// Failures of one account from one network: whoever mistypes waits a minute, whoever goes on waits
/// ever longer.
const OF_ACCOUNT_HERE: [Rule; 3] = [
    (5, Duration::from_secs(MINUTE)),
    (10, Duration::from_secs(15 * MINUTE)),
    (30, Duration::from_secs(DAY)),
];
/// Failures from one network: an office of some hundred people has enough.
const OF_NETWORK: Rule = (100, Duration::from_secs(15 * MINUTE));
/// Failures of one account from networks where nobody signed in to it. Many, and soon forgotten:
/// it slows down many networks together, and locks nobody out for long.
const OF_ACCOUNT: Rule = (50, Duration::from_secs(5 * MINUTE));
/// The same for a second factor: whoever gets so far knows the password, and codes are short.
const OF_FACTOR: Rule = (100, Duration::from_secs(DAY));
/// What a second factor is counted as.
const FACTOR: &str = "factor";

/// What somebody tries.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    /// What is tried, such as `password`: each is counted on its own.
    pub factor: &'static str,
    /// Whose: the normalised identifier as it was typed, whether or not there is such an account.
    pub identifier: &'a str,
    /// From where.
    pub from: Network,
}

/// An attempt that is under way and already counted. Whoever drops it has failed.
#[must_use]
pub struct Attempt<'a>(Option<Counted<'a>>);

struct Counted<'a> {
    limiter: &'a Limiter,
    view: &'a TenantView,
    /// The counters that counted it, those of the account from this network first.
    keys: Vec<Key>,
    /// Names the account in this network.
    place: Key,
    in_redis: bool,
}

impl Limiter {
    /// Counts an attempt before it is made.
    ///
    /// # Errors
    /// When too many have failed. The same for accounts that are not there.
    pub async fn attempt<'a>(
        &'a self,
        view: &'a TenantView,
        what: Try<'_>,
        now: Timestamp,
    ) -> Result<Attempt<'a>, Limited> {
        if !self.limits(view).enabled {
            return Ok(Attempt(None));
        }
        let Try { factor, identifier, from } = what;
        let key = |name: &str, network: Option<Network>| {
            let name = (factor, name);
            let network = network.unwrap_or_else(|| Network::of(None));
            who::key(view, Scope::SignIn, &(name, (identifier, network)))
        };
        let here = who::key(view, Scope::SignIn, &((factor, "network"), from));
        let own = ["account here", "account here longer", "account here a day"];
        let mut rules: Vec<(Key, Rule)> =
            own.into_iter().map(|name| key(name, Some(from))).zip(OF_ACCOUNT_HERE).collect();
        rules.extend([(here, OF_NETWORK), (key("account", None), OF_ACCOUNT)]);
        if factor == FACTOR {
            rules.push((key("account a day", None), OF_FACTOR));
        }
        // Those of all networks do not count where somebody has signed in.
        let elsewhere = rules.len() - OF_ACCOUNT_HERE.len() - 1;
        let counter = |(key, (limit, window)): &(Key, Rule)| Counter {
            key: *key,
            limit: *limit,
            window: *window,
        };
        let counters: Vec<_> = rules.iter().map(counter).collect();
        let place = key("place", Some(from));
        let (done, in_redis) = self.reserve(&counters, (&place, elsewhere), now).await;
        match done {
            Ok(counted) => {
                let keys = counters.iter().take(counted).map(|c| c.key).collect();
                Ok(Attempt(Some(Counted { limiter: self, view, keys, place, in_redis })))
            }
            Err(full) => {
                // An attempt that is not let in is a failed one.
                self.failed(view, now);
                let (limit, window) = rules.get(full.which).map_or(OF_ACCOUNT, |(_, rule)| *rule);
                let window = narrow(window.as_secs());
                let wait = u64::try_from(full.wait.as_nanos()).unwrap_or(u64::MAX);
                Err(Limited::new(Scope::SignIn, (limit, window), wait))
            }
        }
    }

    /// To how many accounts this has failed from a network within an hour, as far as this node knows
    /// and tells them apart.
    #[must_use]
    pub fn failed_accounts(&self, view: &TenantView, factor: &'static str, from: Network) -> usize {
        let network = who::key(view, Scope::SignIn, &((factor, "network"), from));
        self.crowds.accounts(&network)
    }

    /// How many of the counters counted the attempt, and whether they are those of all nodes.
    async fn reserve(
        &self,
        counters: &[Counter],
        (place, elsewhere): (&Key, usize),
        now: Timestamp,
    ) -> (Result<usize, Blocked>, bool) {
        let mut halved = false;
        if let Some((redis, _)) = &self.shared {
            match limits::reserve(redis, counters, (place, elsewhere), now).await {
                Ok(done) => return (done, true),
                Err(e) => tracing::debug!(error = %e, "failures are counted by this node alone"),
            }
            halved = true;
        }
        let spared = if self.failures.knows(place) { elsewhere } else { 0 };
        let counted = counters.len() - spared;
        let counters = counters.iter().take(counted).map(|c| {
            let limit = if halved { c.limit.div_ceil(2) } else { c.limit };
            Counter { limit, ..*c }
        });
        let counters: Vec<_> = counters.collect();
        let full = self.failures.reserve(&counters, now);
        (full.map_or(Ok(counted), Err), false)
    }
}

impl Attempt<'_> {
    /// It failed: it stays counted.
    pub fn failed(self, now: Timestamp) {
        if let Some(c) = self.0 {
            if let [account, _, _, network, ..] = c.keys.as_slice() {
                c.limiter.crowds.failed(*network, *account);
            }
            c.limiter.failed(c.view, now);
        }
    }

    /// It stays counted, and is no sign of an attack: something that may be done so often.
    pub fn counted(self) {}

    /// It succeeded: the account begins anew in this network, which is trusted from now on.
    pub async fn succeeded(self, now: Timestamp) {
        let Some(counted) = self.0 else { return };
        counted.view.limits.succeeded(nanos(now));
        let failures = &counted.limiter.failures;
        // Also what was counted here while Redis was away, and what is to be known if it goes.
        failures.know(counted.place);
        for own in counted.keys.iter().take(OF_ACCOUNT_HERE.len()) {
            failures.forget(own);
        }
        counted.take_back(Some(KNOWN)).await;
    }

    /// It was not made after all.
    pub async fn released(self) {
        if let Some(counted) = self.0 {
            counted.take_back(None).await;
        }
    }
}

impl Counted<'_> {
    async fn take_back(&self, known: Option<Duration>) {
        match &self.limiter.shared {
            Some((redis, _)) if self.in_redis => {
                let known = known.map(|known| (known, OF_ACCOUNT_HERE.len()));
                let done = limits::release(redis, &self.keys, &self.place, known).await;
                if let Err(e) = done {
                    // It counts as failed until its window is over.
                    tracing::debug!(error = %e, "an attempt could not be taken back");
                }
            }
            _ => self.limiter.failures.release(&self.keys),
        }
    }
}
