//! The OAuth 2 and OpenID Connect endpoints, a file each.

pub(crate) mod support;

mod authorize;
mod bad_input;
mod client_auth;
mod client_auth_jwt;
mod cors;
mod discovery;
mod front_channel;
mod interaction;
mod introspect;
mod jwks;
mod logout;
mod logout_backchannel;
mod logout_frontchannel;
mod pages;
mod revoke;
mod session_management;
mod sessions;
mod token_client_credentials;
mod token_code;
mod token_refresh;
mod tokens;
mod userinfo;
