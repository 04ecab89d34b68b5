//! Rate limits as numbers: what a tenant asks for, and what the platform gives at most.

use serde::{Deserialize, Serialize};

use crate::application::Mistake;

/// Rate limits and lock-out of a tenant. What is above the platform's [`Ceilings`] counts as the
/// ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// `false` turns rate limits and lock-out off: for load and acceptance runs. What the platform
    /// serves in all stays limited.
    pub enabled: bool,
    /// Requests in a minute of one application, or API key, that proved who it is.
    pub client_per_minute: u32,
    /// Requests in a minute of one address (of one /64 network of IPv6) for one application, as
    /// long as nobody proved who is asking.
    pub address_per_minute: u32,
    /// How many of them may come at once.
    pub address_burst: u32,
    /// Requests in a second of the whole tenant; two seconds' worth may come at once.
    pub tenant_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            client_per_minute: 6_000,
            // An office of some hundred people behind one address, all in the first five minutes.
            address_per_minute: 600,
            address_burst: 300,
            tenant_per_second: 1_000,
        }
    }
}

/// The largest number that a limit may be.
pub const LARGEST: u32 = 1_000_000;

impl Limits {
    /// Says what is out of bounds.
    pub(crate) fn check(&self, out: &mut Vec<Mistake>) {
        for (path, number) in [
            ("limits.client_per_minute", self.client_per_minute),
            ("limits.address_per_minute", self.address_per_minute),
            ("limits.address_burst", self.address_burst),
            ("limits.tenant_per_second", self.tenant_per_second),
        ] {
            if !(1..=LARGEST).contains(&number) {
                out.push(Mistake::new(path, "must be 1 to 1,000,000"));
            }
        }
    }

    /// What holds: none of the numbers above the ceiling.
    #[must_use]
    pub fn under(self, ceilings: &Ceilings) -> Self {
        Self {
            enabled: self.enabled,
            client_per_minute: self.client_per_minute.min(ceilings.client_per_minute),
            address_per_minute: self.address_per_minute.min(ceilings.address_per_minute),
            address_burst: self.address_burst.min(ceilings.address_burst),
            tenant_per_second: self.tenant_per_second.min(ceilings.tenant_per_second),
        }
    }
}

/// The most that a tenant can set its [`Limits`] to, and what is served in all. Stands in for a
/// plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// Of [`Limits::client_per_minute`].
    pub client_per_minute: u32,
    /// Of [`Limits::address_per_minute`].
    pub address_per_minute: u32,
    /// Of [`Limits::address_burst`].
    pub address_burst: u32,
    /// Of [`Limits::tenant_per_second`].
    pub tenant_per_second: u32,
    /// Requests in a second of all tenants, on all nodes that share a Redis, else on this one; two
    /// seconds' worth may come at once.
    pub global_per_second: u32,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            client_per_minute: 60_000,
            address_per_minute: 6_000,
            address_burst: 3_000,
            tenant_per_second: 10_000,
            global_per_second: 50_000,
        }
    }
}

impl Ceilings {
    /// The name of a number that is out of bounds.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        let all = [
            ("client_per_minute", self.client_per_minute),
            ("address_per_minute", self.address_per_minute),
            ("address_burst", self.address_burst),
            ("tenant_per_second", self.tenant_per_second),
            ("global_per_second", self.global_per_second),
        ];
        all.iter().find(|(_, number)| !(1..=LARGEST).contains(number)).map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_gets_no_more_than_the_ceiling() {
        let ceilings = Ceilings { client_per_minute: 100, ..Ceilings::default() };
        let wanted = Limits { client_per_minute: 5_000, address_burst: 7, ..Limits::default() };
        let held = wanted.under(&ceilings);
        assert_eq!((held.client_per_minute, held.address_burst), (100, 7));
        assert!(!Limits { enabled: false, ..wanted }.under(&ceilings).enabled);
    }

    #[test]
    fn the_defaults_are_within_bounds() {
        let mut mistakes = Vec::new();
        Limits::default().check(&mut mistakes);
        assert!(mistakes.is_empty());
        assert_eq!(Ceilings::default().wrong(), None);
        let none = Ceilings { global_per_second: 0, ..Ceilings::default() };
        assert_eq!(none.wrong(), Some("global_per_second"));
        Limits { address_burst: 0, tenant_per_second: 2_000_000, ..Limits::default() }
            .check(&mut mistakes);
        let paths: Vec<_> = mistakes.iter().map(|m| m.path.as_str()).collect();
        assert_eq!(paths, ["limits.address_burst", "limits.tenant_per_second"]);
    }
}
