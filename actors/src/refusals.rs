//! Refusals are counted, not listed: an attacker must not be able to fill the audit log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bailiwick_domain::{ApplicationId, TenantId, Timestamp};
use bailiwick_store::usage::RefusalRow;

/// The most different counters between two flushes; what does not fit is counted together.
const BOUND: usize = 1_000;

type Key = (TenantId, i64, &'static str, Option<ApplicationId>, String);

/// Counts refusals by (tenant, minute, kind, client, network).
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Key, i64>>);

impl Refusals {
    /// Counts one refusal. `kind` is a stable name such as `token.invalid_client`.
    pub(crate) fn count(
        &self,
        (tenant, now): (TenantId, Timestamp),
        kind: &'static str,
        client: Option<ApplicationId>,
        from: Option<IpAddr>,
    ) {
        let minute = now.0 - now.0.rem_euclid(60_000_000);
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network =
            if map.len() < BOUND { from.map_or_else(String::new, network) } else { "many".into() };
        let client = client.filter(|_| map.len() < BOUND);
        *map.entry((tenant, minute, kind, client, network)).or_default() += 1;
    }

    /// Takes what was counted.
    pub(crate) fn take(&self) -> Vec<RefusalRow> {
        let map = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let row = |((tenant, minute, kind, application, network), count): (Key, i64)| RefusalRow {
            tenant,
            minute: Timestamp(minute),
            kind: kind.to_owned(),
            application,
            network,
            count,
        };
        map.into_iter().map(row).collect()
    }
}

/// The network that an address counts in: /24 for IPv4, /64 for IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn counts_are_bounded_and_lose_nothing() {
        let refusals = Refusals::default();
        let at = (TenantId(Uuid::nil()), Timestamp::from_secs(61));
        for n in 0..20_000_u32 {
            let ip = IpAddr::from((n << 8).to_be_bytes());
            refusals.count(at, "token.invalid_client", None, Some(ip));
        }
        let rows = refusals.take();
        assert_eq!(rows.len(), BOUND + 1, "the rest is one row");
        assert_eq!(rows.iter().map(|r| r.count).sum::<i64>(), 20_000);
        assert!(rows.iter().all(|r| r.minute == Timestamp::from_secs(60)));
        assert!(refusals.take().is_empty());
    }

    #[test]
    fn networks() {
        assert_eq!(network("192.0.2.7".parse().expect("ip")), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.7".parse().expect("ip")), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2:3::4".parse().expect("ip")), "2001:db8:1:2::/64");
    }
}
