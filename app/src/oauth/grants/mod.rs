//! Grant types of the token endpoint, one file each.

pub mod authorization_code;
pub mod client_credentials;
pub mod refresh_token;

use bailiwick_protocol::OAuthError;

/// What a client is told when the tenant's policies let no token be issued.
fn denied() -> OAuthError {
    OAuthError::invalid_scope("the tenant's policies allow no token for this")
}
