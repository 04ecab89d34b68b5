//! OAuth 2, OpenID Connect and JOSE as pure functions.
//!
//! Nothing here reads a clock, draws randomness for a token, or performs I/O: the time and random
//! values are parameters, and what a decision needs from the database is handed in.

pub mod authorize;
pub mod claims;
pub mod client_auth;
pub mod discovery;
pub mod error;
pub mod introspection;
pub mod jose;
pub mod logout;
pub mod params;
pub mod passkey;
pub mod pkce;
pub mod refresh;
pub mod role_claims;
pub mod session_state;
pub mod subject;
pub mod token_request;
pub mod token_response;
pub mod tokens;
pub mod totp;

pub use error::{ErrorCode, OAuthError};
pub use params::Params;
