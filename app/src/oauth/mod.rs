//! OAuth 2 and OpenID Connect, one file an endpoint.

pub mod authorize;
pub mod check_session;
pub mod client;
pub mod discovery;
pub mod failure;
pub mod form;
pub mod grants;
pub mod introspect;
pub mod jwks;
pub mod logout;
pub mod revoke;
pub mod token;
pub mod userinfo;
