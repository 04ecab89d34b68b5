//! Users and what signs them in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::UserId;
use crate::locale::Locale;
use crate::time::Timestamp;

/// A user as it stands, with its primary e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The `sub` of tokens: random, never used again.
    pub sub: String,
    /// The address as the user wrote it.
    pub email: Option<String>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// The display name.
    pub name: Option<String>,
    /// Further claims, by their names in OpenID Connect Core 5.1 or the tenant's own.
    pub claims: Map<String, Value>,
    /// `false`: may not sign in, and nothing issued to it works.
    pub active: bool,
    /// Counts its changes: the `ETag` of the management API.
    pub version: i64,
    /// When it will be deleted, because its person wants that.
    pub delete_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// The language that the user prefers, among those there are: the claim `locale` (Core 5.1).
    #[must_use]
    pub fn locale(&self) -> Option<Locale> {
        self.claims.get("locale")?.as_str().and_then(Locale::choose)
    }
}

/// How the user was authenticated, and when: one step of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// The connection: `password`, later the id of a federation.
    pub connection: String,
    /// Authentication method references (RFC 8176): `pwd`, `otp`, `hwk`.
    pub amr: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// Claims that a user's `claims` may not hold, because the platform makes them.
pub const RESERVED_CLAIMS: [&str; 27] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "client_id",
    "scope",
    "org_id",
    "grant_id",
    "events",
    "cnf",
    "act",
    "may_act",
    "email",
    "email_verified",
    "updated_at",
];

/// Checks a user's further claims: none reserved, at most 64, 16 KiB as JSON text.
///
/// # Errors
/// A message that names the claim.
pub fn check_claims(claims: &Map<String, Value>) -> Result<(), String> {
    if let Some(name) = claims.keys().find(|k| RESERVED_CLAIMS.contains(&k.as_str())) {
        return Err(format!("the claim {name} is made by the platform and cannot be set"));
    }
    if claims.len() > 64 || claims.keys().any(|k| k.is_empty() || k.len() > 100) {
        return Err("at most 64 claims with names of 1 to 100 bytes".into());
    }
    if serde_json::to_string(claims).map_or(true, |s| s.len() > 16 * 1024) {
        return Err("claims are larger than 16 KiB".into());
    }
    Ok(())
}
