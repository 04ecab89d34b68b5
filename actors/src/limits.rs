//! The owner of limits: who may ask how often, and how often somebody may fail.
//!
//! A request counts in cells of its node: two words each, a fixed number of them, changed without
//! a lock, an allocation, a message or a round trip. Nodes that share a Redis share the limits as
//! well (see [`lease`]); while Redis is away each goes on with half of them. Failed attempts are
//! counted exactly (see [`attempt`]), on all nodes together.

mod attempt;
mod client;
mod crowd;
mod failures;
mod lease;
mod pressure;
mod rule;
mod share;
mod table;
mod who;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_domain::limits::{Ceilings, Limits};
use bailiwick_domain::{ApplicationId, Env, TenantId, Timestamp};
use bailiwick_store::redis::Redis;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use attempt::{Attempt, Try};
pub use client::ClientAttempt;
pub use who::Network;

pub(crate) use pressure::TenantLimits;
pub(crate) use share::run;

use crate::view::TenantView;
use crowd::Crowds;
use failures::Failures;
use lease::Spent;
use rule::{Left, Rule};
use share::{Ask, Target};
use table::{Cell, Table};
use who::Tags;

/// Addresses that a node counts: 1.6 MiB.
const ADDRESSES: usize = 65_536;
/// Applications and keys that a node counts: 400 KiB.
const CLIENTS: usize = 16_384;
/// Pairs of application and address that a node counts failures of.
const FAILING: usize = 16_384;
/// What nodes have spent and not yet told each other waits here; what does not fit waits longer.
const ASKS: usize = 4_096;

/// Which limit refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of an address for an application.
    Address,
    /// That of an application, or of an API key.
    Client,
    /// That of the tenant.
    Tenant,
    /// What the platform serves in all.
    Global,
    /// Too many failed sign-ins.
    SignIn,
    /// Too many failed client authentications.
    ClientAuth,
}

impl Scope {
    /// Its stable name, in metrics and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Client => "client",
            Self::Tenant => "tenant",
            Self::Global => "global",
            Self::SignIn => "sign_in",
            Self::ClientAuth => "client_auth",
        }
    }
}

/// A limit that a client may know, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Which.
    pub scope: Scope,
    /// So many ...
    pub number: u32,
    /// ... in so many seconds.
    pub window: u32,
    /// What is left.
    pub remaining: u32,
    /// Seconds until there is more.
    pub reset: u32,
}

/// A request that is refused for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Which limit refused it.
    pub scope: Scope,
    /// Seconds after which it may come again: at least 1.
    pub retry_after: u32,
    /// The limit, when it is the client's own.
    pub quota: Option<Quota>,
}

impl Limited {
    fn new(scope: Scope, (number, window): (u32, u32), wait: u64) -> Self {
        metrics::counter!("bailiwick_limited_total", "scope" => scope.name()).increment(1);
        let retry_after = seconds(wait).max(1);
        let own = !matches!(scope, Scope::Tenant | Scope::Global);
        let quota = Quota { scope, number, window, remaining: 0, reset: retry_after };
        Self { scope, retry_after, quota: own.then_some(quota) }
    }
}

/// A request that was counted where it comes from, until somebody proves who is asking.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Ticket(Option<(u64, Rule, u64)>);

/// The limits of one node.
pub struct Limiter {
    ceilings: Ceilings,
    tags: Tags,
    addresses: Table,
    clients: Table,
    failing: Table,
    global: Cell,
    failures: Failures,
    crowds: Crowds,
    /// Tenants whose limits are tightened.
    pressed: Mutex<Vec<(TenantId, Arc<TenantLimits>)>>,
    /// With other nodes: where to, and what is told to them.
    shared: Option<(Redis, mpsc::Sender<Ask>)>,
    /// The others cannot be told.
    away: AtomicBool,
}

impl Limiter {
    /// The limits of a node, and what its background task takes.
    pub(crate) fn new(
        ceilings: Ceilings,
        env: &Env,
        redis: Option<Redis>,
    ) -> (Arc<Self>, mpsc::Receiver<Ask>) {
        let (asks, queue) = mpsc::channel(ASKS);
        let limiter = Self {
            ceilings,
            tags: Tags::new(env),
            addresses: Table::new(ADDRESSES, rule::bucket_worth),
            clients: Table::new(CLIENTS, rule::window_worth),
            failing: Table::new(FAILING, client::worth),
            global: Cell::default(),
            failures: Failures::default(),
            crowds: Crowds::default(),
            pressed: Mutex::default(),
            shared: redis.map(|redis| (redis, asks)),
            away: AtomicBool::new(false),
        };
        (Arc::new(limiter), queue)
    }

    /// Counts a request before anybody proved who is asking: against its address for that
    /// application (`None` for one that is not known), its tenant, and everybody.
    ///
    /// # Errors
    /// Which of them has had enough.
    pub fn admit(
        &self,
        view: &TenantView,
        from: Network,
        app: Option<ApplicationId>,
        now: Timestamp,
    ) -> Result<Ticket, Limited> {
        let (limits, time, tight) = (self.limits(view), nanos(now), self.tight());
        let mut ticket = Ticket(None);
        if limits.enabled {
            let tenant = view.tenant.id;
            let tag = self.tags.of(&(Scope::Address.name(), tenant, from, app));
            let rule = Rule::per_minute(limits.address_per_minute, limits.address_burst);
            let cost = view.limits.factor() * tight;
            let key = || (who::key(view, Scope::Address, &(from, app)), Target::Address(tag));
            let cell = self.addresses.cell(tag, time);
            self.spend((cell, rule, cost), time, key).map_err(|wait| {
                Limited::new(Scope::Address, (limits.address_per_minute, 60), wait)
            })?;
            ticket = Ticket(Some((tag, rule, cost)));
            let rule = Rule::per_second(limits.tenant_per_second);
            let own = &view.limits;
            let key = || (who::key(view, Scope::Tenant, &()), Target::Tenant(Arc::clone(own)));
            self.spend((&own.bucket, rule, tight), time, key)
                .map_err(|wait| Limited::new(Scope::Tenant, (limits.tenant_per_second, 1), wait))?;
        }
        let rule = Rule::per_second(self.ceilings.global_per_second);
        let key = || ([0; 16], Target::Global);
        self.spend((&self.global, rule, tight), time, key).map_err(|wait| {
            Limited::new(Scope::Global, (self.ceilings.global_per_second, 1), wait)
        })?;
        Ok(ticket)
    }

    /// Counts a request of somebody who proved who it is: against its own limit, and no longer
    /// against the address that it comes from. `None` when the tenant has no limits.
    ///
    /// # Errors
    /// When it has had enough.
    pub fn proven(
        &self,
        view: &TenantView,
        ticket: Ticket,
        who: Uuid,
        now: Timestamp,
    ) -> Result<Option<Quota>, Limited> {
        if let Ticket(Some((tag, rule, cost))) = ticket
            && let Some(cell) = self.addresses.find(tag)
        {
            rule.give_back(&cell.word, cost);
            cell.lease.give_back(narrow(cost));
        }
        let (limits, time) = (self.limits(view), nanos(now));
        if !limits.enabled {
            return Ok(None);
        }
        let number = limits.client_per_minute;
        let tag = self.tags.of(&(Scope::Client.name(), view.tenant.id, who));
        let rule = Rule::Window { limit: u64::from(number) };
        let key = || (who::key(view, Scope::Client, &who), Target::Client(tag));
        let left = self
            .spend((self.clients.cell(tag, time), rule, self.tight()), time, key)
            .map_err(|wait| Limited::new(Scope::Client, (number, 60), wait))?;
        Ok(Some(Quota {
            scope: Scope::Client,
            number,
            window: 60,
            remaining: narrow(left.remaining),
            reset: seconds(left.reset),
        }))
    }

    /// The limits that hold for a tenant.
    fn limits(&self, view: &TenantView) -> Limits {
        view.tenant.settings.limits.under(&self.ceilings)
    }

    /// What a request costs: while the other nodes cannot be told, each goes on with half.
    fn tight(&self) -> u64 {
        if self.away.load(Ordering::Relaxed) { 2 } else { 1 }
    }

    /// Counts a request in a cell, and tells the other nodes when it is time.
    fn spend(
        &self,
        (cell, rule, cost): (&Cell, Rule, u64),
        now: u64,
        key: impl FnOnce() -> ([u8; 16], Target),
    ) -> Result<Left, u64> {
        let left = rule.take(&cell.word, cost, now)?;
        let shared = self.shared.as_ref().filter(|_| !self.away.load(Ordering::Relaxed));
        let Some((_, asks)) = shared else { return Ok(left) };
        let slice = lease::slice(rule.most());
        match cell.lease.spend(narrow(cost), slice) {
            Spent::Within => {}
            Spent::Ask(spent) => {
                let (key, target) = key();
                if asks.try_send(Ask { key, target, rule, spent }).is_err() {
                    cell.lease.lost(slice);
                }
            }
            Spent::Over => {
                rule.give_back(&cell.word, cost);
                return Err(1);
            }
        }
        Ok(left)
    }

    /// Counts a failed attempt of a tenant, and tightens its limits when there are many.
    fn failed(&self, view: &TenantView, now: Timestamp) {
        let Some(level) = view.limits.failed(nanos(now)) else { return };
        let (tenant, factor) = (view.tenant.id, view.limits.factor());
        tracing::warn!(%tenant, level, "many sign-ins fail: addresses get 1/{factor} of the limit");
        let mut pressed = self.pressed.lock().unwrap_or_else(PoisonError::into_inner);
        if !pressed.iter().any(|(_, other)| Arc::ptr_eq(other, &view.limits)) {
            pressed.push((tenant, Arc::clone(&view.limits)));
        }
    }
}

fn nanos(now: Timestamp) -> u64 {
    u64::try_from(now.0).unwrap_or(0).saturating_mul(1_000)
}

/// Whole seconds, rounded up.
fn seconds(nanos: u64) -> u32 {
    narrow(nanos.div_ceil(1_000_000_000))
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
