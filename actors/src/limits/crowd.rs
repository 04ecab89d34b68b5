//! To how many accounts sign-ins fail from one network: a sign of stolen lists of passwords. Counted
//! by each node alone, as what it sees of an attack is enough to tell.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use super::failures::Key;

/// How many networks are watched.
const MOST: u64 = 100_000;
/// How many accounts of one are told apart.
const ENOUGH: usize = 32;
const WINDOW: Duration = Duration::from_secs(3_600);

/// The accounts that sign-ins have failed to from each network, within an hour.
#[derive(Debug)]
pub(crate) struct Crowds(Cache<Key, Arc<Mutex<HashSet<Key>>>>);

impl Default for Crowds {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(WINDOW).build())
    }
}

impl Crowds {
    /// One has failed.
    pub(crate) fn failed(&self, network: Key, account: Key) {
        let accounts = self.0.get_with(network, Arc::default);
        let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() < ENOUGH {
            accounts.insert(account);
        }
    }

    /// How many there are, as far as they are told apart.
    pub(crate) fn accounts(&self, network: &Key) -> usize {
        let accounts = self.0.get(network);
        accounts.map_or(0, |a| a.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_count_once_and_networks_alone() {
        let crowds = Crowds::default();
        let key = |n: u8| [n; 16];
        for account in [1, 2, 2, 3, 1] {
            crowds.failed(key(100), key(account));
        }
        assert_eq!((crowds.accounts(&key(100)), crowds.accounts(&key(101))), (3, 0));
        for account in 0..200 {
            crowds.failed(key(100), key(account));
        }
        assert_eq!(crowds.accounts(&key(100)), ENOUGH);
    }
}
