//! The signing keys of a tenant at one version of its rows.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bailiwick_domain::Timestamp;
use bailiwick_domain::application::{LONGEST_TOKEN, SigningAlg};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{JoseError, SigningKey, VerifyingKey};

/// How long clients may keep the JWKS: the `max-age` of its answer.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(600);

/// How long before it signs a key is published when its time is planned: until then whoever has
/// kept the JWKS from just before has fetched it again. The five minutes are for nodes that learn
/// of the key late, and for clocks.
pub const PUBLISHED_AHEAD: Duration = Duration::from_secs(JWKS_MAX_AGE.as_secs() + 300);

/// How long a key stays published after it has signed for the last time: until the longest token
/// has expired. The hour is for nodes that learn of its end late, and for the leeway of others.
pub const PUBLISHED_AFTER: Duration = Duration::from_secs(LONGEST_TOKEN as u64 + 3_600);

/// What a key does at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published, and does not sign yet.
    Next,
    /// It signs.
    Active,
    /// It signs no more, and is published as long as what it signed can be alive.
    Retired,
    /// It is neither published nor trusted.
    Gone,
}

impl KeyState {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Gone => "gone",
        }
    }
}

/// When a key does what. It is published from when it is stored, by whatever clock: a node that is
/// a little behind must not refuse what another one signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// Signs from then on.
    pub signs_from: Timestamp,
    /// Signs no more from then on.
    pub signs_until: Option<Timestamp>,
    /// Neither in the JWKS nor trusted from then on.
    pub gone_at: Option<Timestamp>,
}

impl KeyTimes {
    /// The state at `now`: of nothing but these times, so that nodes cannot disagree.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        let over = |end: Option<Timestamp>| end.is_some_and(|at| at <= now);
        if over(self.gone_at) {
            KeyState::Gone
        } else if over(self.signs_until) {
            KeyState::Retired
        } else if self.signs_from <= now {
            KeyState::Active
        } else {
            KeyState::Next
        }
    }
}

/// When a key that signs from `signs_from` is to get a successor, so that it signs for at most
/// `days`; never with 0. `jitter` takes up to a tenth of that away: keys that were made together
/// do not come due together.
#[must_use]
pub fn rotates_at(signs_from: Timestamp, days: u32, jitter: u16) -> Option<Timestamp> {
    let period = Duration::from_secs(86_400) * days;
    let early = period / 10 * u32::from(jitter) / u32::from(u16::MAX) + PUBLISHED_AHEAD;
    (days > 0).then(|| signs_from.plus(period.saturating_sub(early)))
}

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
    /// When it does what.
    pub times: KeyTimes,
}

struct Entry {
    kid: String,
    alg: SigningAlg,
    /// As it is published. Text, because a parsed one takes four times as much, and there are many
    /// warm tenants.
    jwk: Box<str>,
    pkcs8: Zeroizing<Vec<u8>>,
    times: KeyTimes,
    signing: OnceLock<Result<SigningKey, JoseError>>,
    verifying: OnceLock<Result<VerifyingKey, JoseError>>,
}

/// An immutable set of keys. Which of them sign and which are published is a pure function of the
/// rows and the time. Keys are parsed when they are first used.
pub struct KeySet {
    /// The newest signer first; equal times in the order of the kid.
    entries: Vec<Entry>,
    /// The times at which a key goes, in order: between two of them the JWKS is the same.
    ends: Vec<Timestamp>,
    /// The JWKS before each of the ends, and after the last; built when first asked for.
    documents: Vec<OnceLock<Arc<[u8]>>>,
}

impl KeySet {
    /// A set of these rows, in any order.
    #[must_use]
    pub fn new(mut rows: Vec<KeyRow>) -> Self {
        rows.sort_by(|a, b| {
            b.times.signs_from.cmp(&a.times.signs_from).then_with(|| a.kid.cmp(&b.kid))
        });
        let mut ends: Vec<Timestamp> = rows.iter().filter_map(|row| row.times.gone_at).collect();
        ends.sort_unstable();
        ends.dedup();
        Self {
            entries: rows.into_iter().map(Entry::new).collect(),
            documents: (0..=ends.len()).map(|_| OnceLock::new()).collect(),
            ends,
        }
    }

    /// The key that signs with this algorithm now: of several, the one that began last.
    ///
    /// `None` when there is none, or when it is damaged; an older key does not stand in for a
    /// damaged one, so that the damage is noticed.
    #[must_use]
    pub fn signing_key(&self, alg: SigningAlg, now: Timestamp) -> Option<&SigningKey> {
        let signs = |e: &&Entry| e.alg == alg && e.times.state(now) == KeyState::Active;
        let entry = self.entries.iter().find(signs)?;
        let parse = || SigningKey::from_pkcs8(&entry.kid, alg, &entry.pkcs8);
        entry.signing.get_or_init(parse).as_ref().ok()
    }

    /// The key that verifies tokens with this `kid` now. A token of any other is not valid: its key
    /// is another tenant's, is gone, or was revoked.
    #[must_use]
    pub fn verifying(&self, kid: &str, now: Timestamp) -> Option<&VerifyingKey> {
        let entry = self.entries.iter().find(|e| e.kid == kid && e.is_public(now))?;
        let parse = || {
            let jwk = serde_json::from_str(&entry.jwk).map_err(|_| JoseError::KeyRejected)?;
            VerifyingKey::from_jwk(entry.alg, &jwk)
        };
        entry.verifying.get_or_init(parse).as_ref().ok()
    }

    /// The JWK Set of RFC 7517 5, as JSON: public members of the keys that are published now, the
    /// newest first. It is built once for each set and stretch of time, not at each call.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Arc<[u8]> {
        let build = || {
            let public = self.entries.iter().filter(|e| e.is_public(now));
            let keys: Vec<&str> = public.map(|e| &*e.jwk).collect();
            format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes().into()
        };
        let stretch = self.ends.partition_point(|end| *end <= now);
        self.documents.get(stretch).map_or_else(build, |slot| Arc::clone(slot.get_or_init(build)))
    }
}

impl Entry {
    fn new(row: KeyRow) -> Self {
        let jwk = published_jwk(&row).into();
        let KeyRow { kid, alg, pkcs8, times, .. } = row;
        let (signing, verifying) = (OnceLock::new(), OnceLock::new());
        Self { kid, alg, jwk, pkcs8, times, signing, verifying }
    }

    fn is_public(&self, now: Timestamp) -> bool {
        self.times.state(now) != KeyState::Gone
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

#[cfg(test)]
mod tests;
