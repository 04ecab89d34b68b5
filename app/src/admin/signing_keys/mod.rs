//! Signing keys: what the tenant's tokens are signed with.

pub mod list;
pub mod revoke;
pub mod rotate;

use bailiwick_actors::KeyInfo;
use bailiwick_domain::{SigningKeyId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A signing key.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct SigningKeyBody {
    /// Its id: the `kid` in the header of its tokens.
    #[schema(value_type = String, example = "sig_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    kid: SigningKeyId,
    /// `ES256`, `RS256`, `PS256` or `EdDSA`.
    #[schema(example = "ES256")]
    alg: &'static str,
    /// `next` (published, does not sign yet), `active`, `retired` (signs no more, is published as
    /// long as its tokens may be alive) or `gone`.
    #[schema(example = "active")]
    state: &'static str,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    published_at: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:15:00.000Z", format = DateTime)]
    signs_from: String,
    /// When its successor takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-05-28T12:15:00.000Z", format = DateTime)]
    signs_until: Option<String>,
    /// When it leaves the JWKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-05-29T13:15:00.000Z", format = DateTime)]
    gone_at: Option<String>,
    /// When it gets a successor by the tenant's `keys.rotation_days`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-05-28T12:00:00.000Z", format = DateTime)]
    rotate_at: Option<String>,
}

impl From<&KeyInfo> for SigningKeyBody {
    fn from(key: &KeyInfo) -> Self {
        let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        Self {
            kid: key.id,
            alg: key.alg.name(),
            state: key.state.name(),
            published_at: key.published_at.to_rfc3339(),
            signs_from: key.signs_from.to_rfc3339(),
            signs_until: time(key.signs_until),
            gone_at: time(key.gone_at),
            rotate_at: time(key.rotate_at),
        }
    }
}

/// The keys that sign from now on, or will.
#[derive(Serialize, ToSchema)]
pub struct Successors {
    /// One for each algorithm.
    items: Vec<SigningKeyBody>,
}

impl From<Vec<KeyInfo>> for Successors {
    fn from(keys: Vec<KeyInfo>) -> Self {
        Self { items: keys.iter().map(SigningKeyBody::from).collect() }
    }
}
