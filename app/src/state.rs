//! What every handler stands on.

use std::sync::atomic::AtomicBool;

use bailiwick_actors::Platform;

use crate::config::Config;
use crate::flow::verified::VerifiedTokens;
use crate::mails::send::Post;
use crate::password::PasswordPool;
use crate::places::Places;

/// Shared by all web threads.
pub struct State {
    /// The owners of per-tenant state.
    pub platform: Platform,
    /// The configuration.
    pub config: Config,
    /// The password pool.
    pub passwords: PasswordPool,
    /// Sends mail.
    pub post: Post,
    /// Fetches clients' public keys.
    pub jwks: bailiwick_outbound::JwksCache,
    /// Tells which passwords are known from breaches.
    pub breaches: bailiwick_outbound::Breaches,
    /// Tells where addresses are.
    pub places: Places,
    /// Access tokens that were verified before.
    pub verified: VerifiedTokens,
    /// Set when the process was told to stop: it is not ready from then on.
    pub stopping: AtomicBool,
}
