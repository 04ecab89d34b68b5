//! Client authentication (RFC 6749 2.3, RFC 7523, Core 9).
//!
//! Secrets and assertions are only taken out of the request here; a secret is compared by the
//! store under a key of the tenant, an assertion is verified by [`verify_assertion`].

use std::fmt;

use bailiwick_domain::ApplicationSpec;
use bailiwick_domain::application::AuthMethod;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::error::OAuthError;
use crate::params::{Params, form_decode};

mod assertion;

pub use assertion::{
    ASSERTION_ALGS, Assertion, AssertionRules, MAX_ASSERTION_LIFETIME, unverified_client_id,
    verify_assertion,
};

/// The only `client_assertion_type` (RFC 7523 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const MAX_HEADER: usize = 4 * 1024;
/// As long as the `client_id` of an application may be.
const MAX_CLIENT_ID: usize = 100;
const MAX_SECRET: usize = 1024;

/// How a client presents itself.
#[derive(Clone)]
pub enum Presented {
    /// By name only.
    None {
        /// Its `client_id`.
        client_id: String,
    },
    /// With its secret in the `Authorization` header.
    Basic {
        /// Its `client_id`.
        client_id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// With its secret in the body.
    Post {
        /// Its `client_id`.
        client_id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// With a signed assertion.
    Assertion {
        /// Its `client_id`: that of the parameter, else what the assertion claims. The assertion
        /// must be verified against it.
        client_id: String,
        /// The assertion, not yet verified.
        assertion: String,
    },
}

impl Presented {
    /// Takes the client's authentication out of a request.
    ///
    /// # Errors
    /// `invalid_request` when it is malformed, absent, or given in more than one way;
    /// `invalid_client` when it is out of bounds or of a scheme that we do not have.
    pub fn read(authorization: Option<&str>, params: &Params) -> Result<Self, OAuthError> {
        let client_id = params.get("client_id")?;
        let secret = params.get("client_secret")?;
        let assertion = assertion_param(params)?;
        let ways = [authorization.is_some(), secret.is_some(), assertion.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            // RFC 6749 2.3
            return Err(OAuthError::invalid_request("the client authenticates in several ways"));
        }
        let presented = if let Some(header) = authorization {
            basic(header)?
        } else if let Some(assertion) = assertion {
            let client_id = match client_id {
                Some(id) => id.to_owned(),
                None => unverified_client_id(assertion).ok_or_else(OAuthError::invalid_client)?,
            };
            Self::Assertion { client_id, assertion: assertion.to_owned() }
        } else {
            let client_id =
                client_id.ok_or_else(|| OAuthError::invalid_request("client_id is missing"))?;
            match secret {
                Some(secret) => {
                    Self::Post { client_id: client_id.into(), secret: secret.to_owned().into() }
                }
                None => Self::None { client_id: client_id.into() },
            }
        };
        if client_id.is_some_and(|id| id != presented.client_id()) {
            return Err(OAuthError::invalid_request(
                "client_id is not that of the client's authentication",
            ));
        }
        presented.within_bounds()
    }

    fn within_bounds(self) -> Result<Self, OAuthError> {
        use secrecy::ExposeSecret as _;
        let secret_fits = match &self {
            Self::Basic { secret, .. } | Self::Post { secret, .. } => {
                secret.expose_secret().len() <= MAX_SECRET
            }
            Self::None { .. } | Self::Assertion { .. } => true,
        };
        let id = self.client_id();
        let id_fits = (1..=MAX_CLIENT_ID).contains(&id.len()) && !id.contains(char::is_control);
        if secret_fits && id_fits { Ok(self) } else { Err(OAuthError::invalid_client()) }
    }

    /// The client that it claims to be.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::None { client_id }
            | Self::Basic { client_id, .. }
            | Self::Post { client_id, .. }
            | Self::Assertion { client_id, .. } => client_id,
        }
    }

    /// The method that it uses.
    #[must_use]
    pub const fn method(&self) -> AuthMethod {
        match self {
            Self::None { .. } => AuthMethod::None,
            Self::Basic { .. } => AuthMethod::ClientSecretBasic,
            Self::Post { .. } => AuthMethod::ClientSecretPost,
            Self::Assertion { .. } => AuthMethod::PrivateKeyJwt,
        }
    }

    /// Whether a refusal owes it a `WWW-Authenticate` (RFC 6749 5.2). Where [`Presented::read`]
    /// itself refuses, that is so whenever there was an `Authorization` header.
    #[must_use]
    pub const fn used_basic(&self) -> bool {
        matches!(self, Self::Basic { .. })
    }
}

/// Without secrets and assertions.
impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("method", &self.method())
            .field("client_id", &self.client_id())
            .finish_non_exhaustive()
    }
}

/// Refuses every method but the registered one: otherwise a client could be made to take a weaker
/// one.
///
/// # Errors
/// `invalid_client`
pub fn check_method(spec: &ApplicationSpec, presented: &Presented) -> Result<(), OAuthError> {
    if spec.auth_method() == presented.method() {
        Ok(())
    } else {
        Err(OAuthError::invalid_client())
    }
}

fn assertion_param(params: &Params) -> Result<Option<&str>, OAuthError> {
    match (params.get("client_assertion")?, params.get("client_assertion_type")?) {
        (None, None) => Ok(None),
        (Some(assertion), Some(JWT_BEARER)) => Ok(Some(assertion)),
        _ => Err(OAuthError::invalid_request(
            "client_assertion and client_assertion_type do not go together",
        )),
    }
}

/// RFC 6749 2.3.1: both halves are form-urlencoded before they are joined and encoded in base64.
fn basic(header: &str) -> Result<Presented, OAuthError> {
    let malformed = || OAuthError::invalid_request("the Authorization header is malformed");
    if header.len() > MAX_HEADER {
        return Err(malformed());
    }
    let (scheme, credentials) = header.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(OAuthError::invalid_client());
    }
    let pair = STANDARD.decode(credentials.trim_matches(' ')).map_err(|_| malformed())?;
    let colon = pair.iter().position(|b| *b == b':').ok_or_else(malformed)?;
    let (id, secret) = pair.split_at(colon);
    let half = |encoded: &[u8]| {
        let mut bytes = Vec::with_capacity(encoded.len());
        form_decode(&mut bytes, encoded)?;
        String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
    };
    let client_id = half(id).ok_or_else(malformed)?;
    let secret = half(secret.strip_prefix(b":").unwrap_or_default()).ok_or_else(malformed)?;
    Ok(Presented::Basic { client_id, secret: secret.into() })
}

#[cfg(test)]
mod tests;
