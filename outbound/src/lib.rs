//! The only door to other people's servers.
//!
//! Addresses come from tenants, so every request is held to public addresses after name
//! resolution, follows no redirect, and is bounded in time and size.

mod guard;
mod jwks;

pub use guard::{Fetcher, OutboundError};
pub use jwks::JwksCache;
