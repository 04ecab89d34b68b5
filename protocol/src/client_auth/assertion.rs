//! `private_key_jwt`: assertions of clients, signed with their own keys (RFC 7523 3, Core 9).

use bailiwick_domain::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Number, Value};

use crate::error::OAuthError;
use crate::jose::{Compact, Header};

/// The signature algorithms of assertions: asymmetric ones only.
pub const ASSERTION_ALGS: [&str; 5] = ["ES256", "ES384", "RS256", "PS256", "EdDSA"];

/// How far ahead the `exp` of an assertion may be, in seconds, beside the leeway: its `jti` is
/// remembered until then.
pub const MAX_ASSERTION_LIFETIME: u32 = 3_600;
const MAX_JTI: usize = 256;

/// What an assertion must agree with.
#[derive(Clone, Copy, Debug)]
pub struct AssertionRules<'a> {
    /// The client that it must be from and about.
    pub client_id: &'a str,
    /// Any of these must be in its `aud`: the token endpoint, the issuer.
    pub audiences: &'a [&'a str],
    /// The time.
    pub now: Timestamp,
    /// By how many seconds the client's clock may be wrong; 60 for other people's clocks.
    pub leeway: u32,
}

/// A verified assertion. It is good once: its `jti` has to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Unique among the client's assertions.
    pub jti: String,
    /// When it can no longer be accepted, leeway included: the `jti` may be forgotten then.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(deserialize_with = "crate::tokens::one_or_many::deserialize")]
    aud: Vec<String>,
    exp: Number,
    #[serde(default)]
    iat: Option<Number>,
    #[serde(default)]
    nbf: Option<Number>,
    jti: String,
}

/// Who an assertion says that it is from: only to find the client whose keys verify it.
#[must_use]
pub fn unverified_client_id(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    Compact::split(assertion).ok()?.unverified_claims::<Subject>().ok().map(|s| s.sub)
}

/// Verifies an assertion with the client's JWK Set.
///
/// # Errors
/// `invalid_client`, which does not say why.
pub fn verify_assertion(
    assertion: &str,
    jwks: &Value,
    rules: &AssertionRules<'_>,
) -> Result<Assertion, OAuthError> {
    verified_claims(assertion, jwks)
        .and_then(|claims| accept(claims, rules))
        .ok_or_else(OAuthError::invalid_client)
}

fn verified_claims(assertion: &str, jwks: &Value) -> Option<Claims> {
    let token = Compact::split(assertion).ok()?;
    let alg = Some(token.header.alg.as_str()).filter(|alg| ASSERTION_ALGS.contains(alg))?;
    let alg: Algorithm = alg.parse().ok()?;
    let key = DecodingKey::from_jwk(&select(jwks, &token.header, alg)?).ok()?;
    let message = token.signing_input.as_bytes();
    let genuine = jsonwebtoken::crypto::verify(token.signature, message, &key, alg);
    genuine.is_ok_and(|ok| ok).then(|| token.unverified_claims().ok())?
}

/// The one key that can have made the signature: of this `kid`, or, where the header or the only
/// key has none, the only one that fits. Trying several would be work at an attacker's bidding.
fn select(jwks: &Value, header: &Header, alg: Algorithm) -> Option<Jwk> {
    let keys = jwks.get("keys")?.as_array()?;
    let single = keys.len() == 1;
    // A key of a kind that we do not know does not spoil the others (RFC 7517 5).
    let mut fitting = keys.iter().filter_map(|key| Jwk::deserialize(key).ok()).filter(|key| {
        let named = match (&header.kid, &key.common.key_id) {
            (Some(wanted), Some(kid)) => wanted == kid,
            (Some(_), None) => single,
            (None, _) => true,
        };
        named && fits(key, alg)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

fn fits(key: &Jwk, alg: Algorithm) -> bool {
    let common = &key.common;
    let verifies = common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|ops| ops.contains(&KeyOperations::Verify));
    let own_alg = common
        .key_algorithm
        .is_none_or(|own| own.to_string().parse::<Algorithm>().ok() == Some(alg));
    let kind = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => alg == Algorithm::ES256,
            EllipticCurve::P384 => alg == Algorithm::ES384,
            _ => false,
        },
        AlgorithmParameters::RSA(_) => matches!(alg, Algorithm::RS256 | Algorithm::PS256),
        AlgorithmParameters::OctetKeyPair(pair) => {
            pair.curve == EllipticCurve::Ed25519 && alg == Algorithm::EdDSA
        }
        _ => false,
    };
    verifies && own_alg && kind
}

fn accept(claims: Claims, rules: &AssertionRules<'_>) -> Option<Assertion> {
    let leeway = i64::from(rules.leeway);
    let now = rules.now.as_secs();
    let exp = seconds(&claims.exp)?;
    let not_future = |time: &Option<Number>| match time {
        Some(time) => seconds(time).is_some_and(|at| at <= now + leeway),
        None => true,
    };
    let fine = claims.iss == rules.client_id
        && claims.sub == rules.client_id
        && claims.aud.iter().any(|aud| rules.audiences.contains(&aud.as_str()))
        && now < exp + leeway
        && exp <= now + i64::from(MAX_ASSERTION_LIFETIME) + leeway
        && not_future(&claims.iat)
        && not_future(&claims.nbf)
        && (1..=MAX_JTI).contains(&claims.jti.len());
    fine.then(|| Assertion {
        jti: claims.jti,
        expires_at: Timestamp::from_secs(exp).plus_secs(rules.leeway),
    })
}

/// A NumericDate (RFC 7519 2), which may have a fraction; `None` when it is absurd.
fn seconds(number: &Number) -> Option<i64> {
    const FAR: i64 = 1 << 40;
    let whole = match number.as_i64() {
        Some(whole) => whole,
        #[expect(clippy::cast_possible_truncation, reason = "a float to integer cast saturates")]
        None => number.as_f64()? as i64,
    };
    (0..FAR).contains(&whole).then_some(whole)
}
