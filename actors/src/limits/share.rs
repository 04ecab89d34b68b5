//! The background task: tells other nodes what was spent, and lets pressure go.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bailiwick_domain::{Env, Timestamp};
use bailiwick_store::redis::Redis;
use bailiwick_store::redis::limits::{self, Counting, Standing};
use tokio::sync::mpsc;

use super::lease;
use super::pressure::TenantLimits;
use super::rule::{Rule, Total};
use super::table::Cell;
use super::{Limiter, nanos};

/// How often pressure is looked at, and Redis while it is away.
const INTERVAL: Duration = Duration::from_millis(500);
/// Asks in one round trip.
const BATCH: usize = 256;

/// What a cell has spent and wants the others to know.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) key: [u8; 16],
    pub(crate) target: Target,
    pub(crate) rule: Rule,
    pub(crate) spent: u32,
}

/// Where the answer goes.
#[derive(Debug)]
pub(crate) enum Target {
    Address(u64),
    Client(u64),
    Tenant(Arc<TenantLimits>),
    Global,
}

/// Runs until its threads stop.
pub(crate) async fn run(limiter: Arc<Limiter>, env: Env, mut queue: mpsc::Receiver<Ask>) {
    let mut round = 0_u32;
    let mut tick = tokio::time::interval(INTERVAL);
    let mut asks = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            got = queue.recv_many(&mut asks, BATCH), if limiter.shared.is_some() => {
                if got == 0 {
                    return; // The limiter is gone.
                }
                limiter.tell(&mut asks, env.now()).await;
            }
            _ = tick.tick() => {
                if limiter.away.load(Ordering::Relaxed) {
                    limiter.tell(&mut asks, env.now()).await;
                }
                limiter.ease(env.now());
                // Counting the cells takes a fraction of a millisecond: now and then.
                if round.is_multiple_of(20) {
                    limiter.measure(env.now());
                }
                round = round.wrapping_add(1);
            }
        }
    }
}

impl Limiter {
    /// Tells the other nodes, and takes in what all have spent. With nothing to tell it only asks
    /// whether they can be told.
    async fn tell(&self, asks: &mut Vec<Ask>, now: Timestamp) {
        let Some((redis, _)) = &self.shared else { return };
        let told = send(redis, asks, now).await;
        let result = if told.is_ok() { "granted" } else { "failed" };
        metrics::counter!("bailiwick_limit_leases_total", "result" => result)
            .increment(asks.len() as u64);
        let away = told.is_err();
        let standings = told.unwrap_or_default();
        for (n, ask) in asks.drain(..).enumerate() {
            self.at(&ask.target, |cell| match standings.get(n) {
                Some(standing) => {
                    let unreported = cell.lease.told();
                    let total = match *standing {
                        Standing::Bucket(full_at) => Total::Bucket(nanos(full_at)),
                        Standing::Window(m, p, c) => Total::Window(m, p, c),
                    };
                    ask.rule.learn(&cell.word, total, u64::from(unreported));
                }
                None => cell.lease.lost(lease::slice(ask.rule.most())),
            });
        }
        if self.away.swap(away, Ordering::Relaxed) != away {
            if away {
                tracing::warn!("limits are this node's own, and half as high, until Redis is back");
            } else {
                tracing::info!("limits are those of all nodes again");
            }
        }
    }

    /// Lowers the pressure of tenants whose attack is over.
    pub(crate) fn ease(&self, now: Timestamp) {
        let mut pressed = self.pressed.lock().unwrap_or_else(PoisonError::into_inner);
        pressed.retain(|(tenant, limits)| {
            if let Some(level) = limits.eased(nanos(now)) {
                let factor = limits.factor();
                tracing::info!(%tenant, level, "fewer sign-ins fail: addresses get 1/{factor} of the limit");
            }
            limits.is_pressed()
        });
        metrics::gauge!("bailiwick_limit_pressure_tenants").set(count(pressed.len()));
    }

    fn measure(&self, now: Timestamp) {
        let now = nanos(now);
        let held = self.addresses.held(now) + self.clients.held(now) + self.failing.held(now);
        metrics::gauge!("bailiwick_limit_cells").set(count(held));
    }

    fn at(&self, target: &Target, f: impl FnOnce(&Cell)) {
        let cell = match target {
            Target::Address(tag) => self.addresses.find(*tag),
            Target::Client(tag) => self.clients.find(*tag),
            Target::Tenant(limits) => Some(&limits.bucket),
            Target::Global => Some(&self.global),
        };
        // It may have had to go meanwhile.
        let _ = cell.map(f);
    }
}

async fn send(
    redis: &Redis,
    asks: &[Ask],
    now: Timestamp,
) -> bailiwick_store::Result<Vec<Standing>> {
    if asks.is_empty() {
        return redis.ping().await.map(|()| Vec::new());
    }
    let counting = |rule| match rule {
        Rule::Bucket { interval, .. } => Counting::Bucket(interval),
        Rule::Window { .. } => Counting::Window,
    };
    let ask = |a: &Ask| limits::Ask { key: a.key, counting: counting(a.rule), spent: a.spent };
    let asks: Vec<_> = asks.iter().map(ask).collect();
    limits::lease(redis, &asks, now).await
}

/// As a gauge wants it; exact far beyond what there can be.
fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}
