//! Signing with keys that are parsed once.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use bailiwick_domain::application::SigningAlg;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::JoseError;

/// What a token of ours is: the `typ` of its header, so that none passes for another
/// (RFC 8725 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// An access token: `at+jwt` (RFC 9068 2.1).
    AccessToken,
    /// An ID token: `JWT`.
    IdToken,
    /// A logout token: `logout+jwt` (Back-Channel Logout 1.0 2.4).
    LogoutToken,
    /// Policies and entities to decide by offline: `authz-snapshot+jwt`.
    AuthzSnapshot,
}

impl Typ {
    /// The text in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::LogoutToken => "logout+jwt",
            Self::AuthzSnapshot => "authz-snapshot+jwt",
        }
    }
}

/// A new key: its private part to be sealed, its public part to be published.
pub struct Generated {
    /// The private key as PKCS#8 v1.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// The public key as a JWK without `kid` (RFC 7517).
    pub public_jwk: Value,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ed(Ed25519KeyPair),
}

/// A private key, parsed, with the headers that it writes.
pub struct SigningKey {
    alg: SigningAlg,
    pair: Pair,
    access_token_header: String,
    id_token_header: String,
    logout_token_header: String,
    authz_snapshot_header: String,
}

impl SigningKey {
    /// Makes a new key. RSA keys have 2048 bits and take about 65 ms of CPU: not on a request's
    /// thread.
    ///
    /// The randomness is that of aws-lc, which does not take it as a parameter.
    ///
    /// # Errors
    /// [`JoseError::Generation`] when aws-lc fails.
    pub fn generate(alg: SigningAlg) -> Result<Generated, JoseError> {
        let failed = |_| JoseError::Generation;
        Ok(match alg {
            SigningAlg::ES256 => {
                let pair =
                    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
                let point = pair.public_key().as_ref();
                // 0x04, x, y (SEC 1, 2.3.3).
                let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
                Generated {
                    pkcs8: secret(pair.to_pkcs8v1().map_err(failed)?.as_ref()),
                    public_jwk: json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)}),
                }
            }
            SigningAlg::RS256 | SigningAlg::PS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                Generated {
                    pkcs8: secret(der.as_ref()),
                    public_jwk: json!({"kty": "RSA", "n": b64(&public.n), "e": b64(&public.e)}),
                }
            }
            SigningAlg::EdDSA => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                Generated {
                    pkcs8: secret(pair.to_pkcs8v1().map_err(failed)?.as_ref()),
                    public_jwk: json!({
                        "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref())
                    }),
                }
            }
        })
    }

    /// Parses a private key.
    ///
    /// # Errors
    /// [`JoseError::KeyRejected`] when it is damaged or not for this algorithm.
    pub fn from_pkcs8(kid: &str, alg: SigningAlg, pkcs8: &[u8]) -> Result<Self, JoseError> {
        let rejected = |_| JoseError::KeyRejected;
        let rsa = |encoding| {
            RsaKeyPair::from_pkcs8(pkcs8).map(|p| Pair::Rsa(p, encoding)).map_err(rejected)
        };
        let pair = match alg {
            SigningAlg::ES256 => Pair::Ec(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(rejected)?,
            ),
            SigningAlg::RS256 => rsa(&RSA_PKCS1_SHA256)?,
            SigningAlg::PS256 => rsa(&RSA_PSS_SHA256)?,
            SigningAlg::EdDSA => Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
        };
        let header = |typ: Typ| {
            let json = json!({"alg": alg.name(), "kid": kid, "typ": typ.name()});
            b64(json.to_string().as_bytes()) + "."
        };
        Ok(Self {
            alg,
            pair,
            access_token_header: header(Typ::AccessToken),
            id_token_header: header(Typ::IdToken),
            logout_token_header: header(Typ::LogoutToken),
            authz_snapshot_header: header(Typ::AuthzSnapshot),
        })
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub const fn alg(&self) -> SigningAlg {
        self.alg
    }

    /// Signs claims: the compact form of RFC 7515 7.1, with `alg`, `kid` and `typ` in its header.
    ///
    /// # Errors
    /// When the claims are not JSON or the key does not sign.
    pub fn sign<T: Serialize>(&self, typ: Typ, claims: &T) -> Result<String, JoseError> {
        let header = match typ {
            Typ::AccessToken => &self.access_token_header,
            Typ::IdToken => &self.id_token_header,
            Typ::LogoutToken => &self.logout_token_header,
            Typ::AuthzSnapshot => &self.authz_snapshot_header,
        };
        let mut payload = Vec::with_capacity(512);
        serde_json::to_writer(&mut payload, claims).map_err(|_| JoseError::Serialisation)?;
        let signature_len = match &self.pair {
            Pair::Ec(_) | Pair::Ed(_) => 64,
            Pair::Rsa(pair, _) => pair.public_modulus_len(),
        };
        // Base64 makes four bytes of three; the rest is two points and rounding.
        let mut out =
            String::with_capacity(header.len() + (payload.len() + signature_len) * 4 / 3 + 8);
        out.push_str(header);
        URL_SAFE_NO_PAD.encode_string(&payload, &mut out);
        self.sign_onto(&mut out)?;
        Ok(out)
    }

    fn sign_onto(&self, out: &mut String) -> Result<(), JoseError> {
        let rng = SystemRandom::new();
        let push = |message: &mut String, signature: &[u8]| {
            message.push('.');
            URL_SAFE_NO_PAD.encode_string(signature, message);
        };
        match &self.pair {
            Pair::Ec(pair) => {
                let signature = pair.sign(&rng, out.as_bytes()).map_err(|_| JoseError::Signing)?;
                push(out, signature.as_ref());
            }
            Pair::Ed(pair) => {
                let signature = pair.try_sign(out.as_bytes()).map_err(|_| JoseError::Signing)?;
                push(out, signature.as_ref());
            }
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &rng, out.as_bytes(), &mut signature)
                    .map_err(|_| JoseError::Signing)?;
                push(out, &signature);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.alg.name())
    }
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn secret(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}
