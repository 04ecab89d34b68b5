//! Owners of per-tenant state.
//!
//! Actors write, snapshots are read, the database arbitrates. One actor per *warm* tenant is made
//! of plain owner structs and publishes a [`TenantView`]; a request takes one view at its start
//! and keeps it to its end. A fixed few shard actors commit commands and look rows up in groups, of
//! any tenants, and flush usage receipts. Only `runtime` knows which actor framework runs them.

pub mod authz;
mod changes;
mod committer;
mod config;
mod error;
mod feed;
mod flush;
mod keys;
pub mod limits;
mod platform;
mod provision;
mod readers;
mod receipts;
mod refusals;
mod registry;
mod revocations;
mod runtime;
mod tenant;
#[cfg(test)]
mod testing;
mod view;

pub use changes::{Change, Changed};
pub use error::Error;
pub use feed::FeedHealth;
pub use keys::{KeyInfo, Rotation};
pub use platform::{Options, Platform};
pub use provision::NewTenant;
pub use registry::Route;
pub use revocations::{Revocations, RevokedKey};
pub use tenant::TenantHandle;
pub use view::{Applications, TenantView};
