//! JSON Web Signatures: keys that are parsed once, and a strict compact form.

use aws_lc_rs::digest;
use bailiwick_domain::Kind;
use bailiwick_domain::application::SigningAlg;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

mod compact;
mod keyset;
mod sign;
mod verify;

pub use compact::{Compact, Header, MAX_HEADER, MAX_TOKEN};
pub use keyset::{
    JWKS_MAX_AGE, KeyRow, KeySet, KeyState, KeyTimes, PUBLISHED_AFTER, PUBLISHED_AHEAD, rotates_at,
};
pub use sign::{Generated, SigningKey, Typ};
pub use verify::{Verified, VerifyingKey, verify_compact};

/// What can go wrong with keys of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// No key could be generated.
    #[error("a key could not be generated")]
    Generation,
    /// The key is damaged, or is not for this algorithm.
    #[error("a key is not usable for its algorithm")]
    KeyRejected,
    /// The key did not sign.
    #[error("a token could not be signed")]
    Signing,
    /// The claims are not JSON.
    #[error("claims could not be serialised")]
    Serialisation,
}

impl JoseError {
    /// The kind of failure: always a mistake of ours.
    #[must_use]
    pub const fn kind(self) -> Kind {
        Kind::Internal
    }
}

/// Why a signed token was refused. Only for logs and tests: callers answer with one error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Longer than [`MAX_TOKEN`], or its header than [`MAX_HEADER`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url without padding, or not JSON where it must be.
    #[error("the token is malformed")]
    Malformed,
    /// It demands an extension (RFC 7515 4.1.11), and we have none.
    #[error("the token has critical extensions")]
    Critical,
    /// No key for it.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Its `alg` is not that of the key.
    #[error("the token names another algorithm than that of its key")]
    WrongAlgorithm,
    /// The signature does not match.
    #[error("the signature of the token does not match")]
    BadSignature,
}

impl VerifyError {
    /// The kind of failure.
    #[must_use]
    pub const fn kind(self) -> Kind {
        Kind::Unauthenticated
    }
}

/// `at_hash` and `c_hash`: the left half of the hash of the token's text, where the hash is that
/// of the ID token's algorithm (Core 3.1.3.6); for Ed25519 that is SHA-512.
#[must_use]
pub fn half_hash(alg: SigningAlg, token: &str) -> String {
    let hash = match alg {
        SigningAlg::ES256 | SigningAlg::RS256 | SigningAlg::PS256 => &digest::SHA256,
        SigningAlg::EdDSA => &digest::SHA512,
    };
    let full = digest::digest(hash, token.as_bytes());
    let (half, _) = full.as_ref().split_at(hash.output_len() / 2);
    URL_SAFE_NO_PAD.encode(half)
}

#[cfg(test)]
mod tests;
