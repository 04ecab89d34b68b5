//! The OAuth 2 and OpenID Connect endpoints, a file each.

mod token_client_credentials;
