//! The signing keys of a tenant at one version of its rows.

use std::sync::OnceLock;

use bailiwick_domain::Timestamp;
use bailiwick_domain::application::SigningAlg;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{JoseError, SigningKey, VerifyingKey};

/// A signing key as it is stored, with its private part opened.
pub struct KeyRow {
    /// The `kid`: the text form of its id, unique.
    pub kid: String,
    /// The only algorithm that it is for.
    pub alg: SigningAlg,
    /// The public key as a JWK.
    pub public_jwk: Value,
    /// The private key as PKCS#8.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// In the JWKS from then on.
    pub published_at: Timestamp,
    /// Signs from then on.
    pub signs_from: Timestamp,
    /// Signs no more from then on.
    pub signs_until: Option<Timestamp>,
    /// Neither in the JWKS nor trusted from then on.
    pub gone_at: Option<Timestamp>,
}

impl KeyRow {
    fn is_public(&self, now: Timestamp) -> bool {
        self.published_at <= now && self.gone_at.is_none_or(|at| now < at)
    }

    fn signs(&self, now: Timestamp) -> bool {
        self.is_public(now) && self.signs_from <= now && self.signs_until.is_none_or(|at| now < at)
    }
}

struct Entry {
    row: KeyRow,
    jwk: String,
    signing: OnceLock<Result<SigningKey, JoseError>>,
    verifying: OnceLock<Result<VerifyingKey, JoseError>>,
}

/// An immutable set of keys. Which of them sign and which are published is a pure function of the
/// rows and the time, so nodes cannot disagree. Keys are parsed when they are first used.
pub struct KeySet {
    // The newest signer first; equal times in the order of the kid.
    entries: Vec<Entry>,
}

impl KeySet {
    /// A set of these rows, in any order.
    #[must_use]
    pub fn new(mut rows: Vec<KeyRow>) -> Self {
        rows.sort_by(|a, b| b.signs_from.cmp(&a.signs_from).then_with(|| a.kid.cmp(&b.kid)));
        let entries = rows
            .into_iter()
            .map(|row| Entry {
                jwk: published_jwk(&row),
                row,
                signing: OnceLock::new(),
                verifying: OnceLock::new(),
            })
            .collect();
        Self { entries }
    }

    /// The key that signs with this algorithm now: of several, the one that began last.
    ///
    /// `None` when there is none, or when it is damaged; an older key does not stand in for a
    /// damaged one, so that the damage is noticed.
    #[must_use]
    pub fn signing_key(&self, alg: SigningAlg, now: Timestamp) -> Option<&SigningKey> {
        let entry = self.entries.iter().find(|e| e.row.alg == alg && e.row.signs(now))?;
        let parse = || SigningKey::from_pkcs8(&entry.row.kid, alg, &entry.row.pkcs8);
        entry.signing.get_or_init(parse).as_ref().ok()
    }

    /// The key that verifies tokens with this `kid` now: published and not gone.
    #[must_use]
    pub fn verifying(&self, kid: &str, now: Timestamp) -> Option<&VerifyingKey> {
        let entry = self.entries.iter().find(|e| e.row.kid == kid && e.row.is_public(now))?;
        let parse = || VerifyingKey::from_jwk(entry.row.alg, &entry.row.public_jwk);
        entry.verifying.get_or_init(parse).as_ref().ok()
    }

    /// The JWK Set of RFC 7517 5: public members of the keys that are published now, the newest
    /// first.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> String {
        let keys: Vec<&str> =
            self.entries.iter().filter(|e| e.row.is_public(now)).map(|e| e.jwk.as_str()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }
}

/// Only what is named here is published, whatever else the row may hold.
const PUBLIC_MEMBERS: [&str; 6] = ["kty", "crv", "x", "y", "n", "e"];

fn published_jwk(row: &KeyRow) -> String {
    let mut jwk: Map<String, Value> = PUBLIC_MEMBERS
        .into_iter()
        .filter_map(|member| Some((member.to_owned(), row.public_jwk.get(member)?.clone())))
        .collect();
    jwk.insert("kid".into(), row.kid.as_str().into());
    jwk.insert("use".into(), "sig".into());
    jwk.insert("alg".into(), row.alg.name().into());
    Value::Object(jwk).to_string()
}
