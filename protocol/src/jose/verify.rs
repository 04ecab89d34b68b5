//! Verifying tokens of our own.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
use bailiwick_domain::application::SigningAlg;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Compact, Header, JoseError, VerifyError};

/// A public key, parsed, for one algorithm only.
#[derive(Debug)]
pub struct VerifyingKey {
    alg: SigningAlg,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Parses a JWK for this algorithm: the caller's knowledge, not the JWK's word.
    ///
    /// # Errors
    /// [`JoseError::KeyRejected`] when it is damaged or not a key for the algorithm.
    pub fn from_jwk(alg: SigningAlg, jwk: &Value) -> Result<Self, JoseError> {
        let text = |member| jwk.get(member).and_then(Value::as_str).ok_or(JoseError::KeyRejected);
        let bytes =
            |member| URL_SAFE_NO_PAD.decode(text(member)?).map_err(|_| JoseError::KeyRejected);
        let is = |member, value| match text(member) {
            Ok(found) if found == value => Ok(()),
            _ => Err(JoseError::KeyRejected),
        };
        let rsa = |parameters: &'static RsaParameters| {
            is("kty", "RSA")?;
            RsaPublicKeyComponents { n: bytes("n")?, e: bytes("e")? }
                .to_parsed_public_key(parameters)
                .map_err(|_| JoseError::KeyRejected)
        };
        let key = match alg {
            SigningAlg::RS256 => rsa(&RSA_PKCS1_2048_8192_SHA256)?,
            SigningAlg::PS256 => rsa(&RSA_PSS_2048_8192_SHA256)?,
            SigningAlg::ES256 => {
                is("kty", "EC")?;
                is("crv", "P-256")?;
                let point = [&[4], bytes("x")?.as_slice(), bytes("y")?.as_slice()].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .map_err(|_| JoseError::KeyRejected)?
            }
            SigningAlg::EdDSA => {
                is("kty", "OKP")?;
                is("crv", "Ed25519")?;
                ParsedPublicKey::new(&ED25519, bytes("x")?).map_err(|_| JoseError::KeyRejected)?
            }
        };
        Ok(Self { alg, key })
    }
}

/// A token whose signature is right. Who issued it, for whom and until when is still to be asked.
#[derive(Debug)]
pub struct Verified<'t> {
    token: Compact<'t>,
}

impl Verified<'_> {
    /// Its header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.token.header
    }

    /// Its claims.
    ///
    /// # Errors
    /// When they are not of that shape.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, VerifyError> {
        self.token.unverified_claims()
    }
}

/// Verifies the signature of a token with the key that its header asks for.
///
/// The algorithm is the key's: a token that names another one, `none` among them, is refused
/// (RFC 8725 3.1).
///
/// # Errors
/// Why it is refused.
pub fn verify_compact<'t, 'k>(
    token: &'t str,
    key_for: impl FnOnce(&Header) -> Option<&'k VerifyingKey>,
) -> Result<Verified<'t>, VerifyError> {
    let token = Compact::split(token)?;
    let key = key_for(&token.header).ok_or(VerifyError::UnknownKey)?;
    if token.header.alg != key.alg.name() {
        return Err(VerifyError::WrongAlgorithm);
    }
    let signature = URL_SAFE_NO_PAD.decode(token.signature).map_err(|_| VerifyError::Malformed)?;
    key.key
        .verify_sig(token.signing_input.as_bytes(), &signature)
        .map_err(|_| VerifyError::BadSignature)?;
    Ok(Verified { token })
}
