//! The compact form, taken apart without trusting anything in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};

use super::VerifyError;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;
/// The longest header that is looked at, in bytes of its encoded form.
pub const MAX_HEADER: usize = 4 * 1024;

/// The members of a JOSE header that we use. `jwk`, `jku` and `x5c` are not among them: a token
/// never brings its own key.
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// The algorithm that it claims.
    pub alg: String,
    /// The id of its key.
    #[serde(default)]
    pub kid: Option<String>,
    /// What it claims to be.
    #[serde(default)]
    pub typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(d).map(|_| true)
}

/// A token in its three parts. Nothing is verified yet.
#[derive(Debug)]
pub struct Compact<'t> {
    /// The decoded header.
    pub header: Header,
    /// What the signature is over: header, point, payload.
    pub signing_input: &'t str,
    payload: &'t str,
    /// The signature as it stands: base64url.
    pub signature: &'t str,
}

impl<'t> Compact<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// When it is too long, has not exactly three parts, its header is not a JSON object in
    /// base64url without padding, or has `crit`.
    pub fn split(token: &'t str) -> Result<Self, VerifyError> {
        if token.len() > MAX_TOKEN {
            return Err(VerifyError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(VerifyError::Malformed)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(VerifyError::Malformed);
        }
        if header.len() > MAX_HEADER {
            return Err(VerifyError::TooLong);
        }
        let header: Header = parse(header)?;
        if header.crit {
            return Err(VerifyError::Critical);
        }
        Ok(Self { header, signing_input, payload, signature })
    }

    /// The payload, which proves nothing before the signature is verified.
    ///
    /// # Errors
    /// When it is not JSON of that shape in base64url without padding.
    pub fn unverified_claims<T: DeserializeOwned>(&self) -> Result<T, VerifyError> {
        parse(self.payload)
    }
}

fn parse<T: DeserializeOwned>(part: &str) -> Result<T, VerifyError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| VerifyError::Malformed)
}
