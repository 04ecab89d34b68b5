//! OAuth 2 and OpenID Connect, one file an endpoint.

pub mod client;
pub mod discovery;
pub mod failure;
pub mod form;
pub mod grants;
pub mod introspect;
pub mod issue;
pub mod jwks;
pub mod revoke;
pub mod token;
pub mod userinfo;
