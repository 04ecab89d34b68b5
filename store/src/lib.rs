//! The only door to SQL and Redis.
//!
//! Every statement runs inside a [`TenantTx`], begun for an explicit set of tenants, or, rarely
//! and easy to find, inside a [`SystemTx`]. All I/O runs on one tokio runtime that this crate
//! owns, never on a web worker or an arbiter: a client that disconnects never cancels a commit.
//!
//! Functions are grouped by noun, take the transaction first, and return plain read structs or
//! domain types; no entity model leaves this crate.

mod error;
mod guard;
mod open;
mod sql;
#[cfg(test)]
mod testing;
mod tx;

pub mod account_links;
pub mod addresses;
pub mod api_keys;
pub mod applications;
pub mod assertions;
pub mod audit;
pub mod authz;
pub mod batch;
pub mod browsers;
pub mod changes;
pub mod codes;
pub mod consents;
pub mod credentials;
pub mod families;
pub mod grants;
pub mod idempotency;
pub mod jobs;
pub mod logouts;
pub mod lookups;
pub mod organizations;
pub mod redis;
pub mod remembered;
pub mod sessions;
pub mod sign_ins;
pub mod signing_keys;
pub mod spent;
pub mod tenants;
pub mod usage;
pub mod users;
pub mod vault;

pub use error::{Error, Outcome, Result};
pub use open::{Migrated, Store, StoreConfig};
pub use tx::{SystemTx, TenantTx, Tenants};
