//! Access tokens (RFC 9068) and ID tokens (Core 2): what they say and how they are verified.

use std::collections::BTreeMap;

use bailiwick_domain::user::RESERVED_CLAIMS;
use bailiwick_domain::{GrantId, Kind, OrganizationId, ScopeSet, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::claims::ClaimsRequest;
use crate::error::{ErrorCode, OAuthError};
use crate::jose::{
    JoseError, KeySet, SigningKey, Typ, Verified, VerifyError, half_hash, verify_compact,
};

/// The claims of an access token (RFC 9068 2.2). Times are whole seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// The issuer of the tenant.
    pub iss: String,
    /// The user as the application sees it; without a user, the `client_id`.
    pub sub: String,
    /// Who it is meant for; one audience is written as a string (RFC 7519 4.1.3).
    #[serde(with = "one_or_many")]
    pub aud: Vec<String>,
    /// Not valid from then on.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Unique in the tenant.
    pub jti: String,
    /// The application that it was issued to.
    pub client_id: String,
    /// What it allows, written as RFC 6749 3.3 does; left out when empty.
    #[serde(default, with = "spaced", skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the user was authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The authentication context class that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How the user was authenticated (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The organization that the user acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrganizationId>,
    /// The session in which it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The authorization that it stems from: it dies with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
    /// The names of the subject's roles, sorted (RFC 9068 2.2.3.1); only where the application wants
    /// them, and then also when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// What these roles permit, sorted, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// What the `claims` parameter asked for at userinfo (Core 5.5), which answers by this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Box<ClaimsRequest>>,
}

impl AccessTokenClaims {
    /// The claims of a token that an application gets for itself, without a scope: about no user, of
    /// no session and no grant. Times are whole seconds since the Unix epoch.
    #[must_use]
    pub fn of_client(
        iss: &str,
        client_id: &str,
        aud: Vec<String>,
        (iat, exp): (i64, i64),
        jti: String,
    ) -> Self {
        Self {
            iss: iss.to_owned(),
            sub: client_id.to_owned(),
            aud,
            exp,
            iat,
            jti,
            client_id: client_id.to_owned(),
            scope: ScopeSet::default(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            org_id: None,
            sid: None,
            grant_id: None,
            roles: None,
            permissions: None,
            claims: None,
        }
    }

    /// Signs them as an access token: `typ` is `at+jwt` (RFC 9068 2.1).
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(Typ::AccessToken, self)
    }
}

/// What an ID token is made of. Times are whole seconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct IdToken<'a> {
    /// The issuer of the tenant.
    pub iss: &'a str,
    /// The user as the application sees it.
    pub sub: &'a str,
    /// The application: `aud` and `azp`.
    pub client_id: &'a str,
    /// Not valid from then on.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// When the user was authenticated; left out when absent.
    pub auth_time: Option<i64>,
    /// The `nonce` of the authorization request; left out when there was none.
    pub nonce: Option<&'a str>,
    /// The authentication context class that was reached.
    pub acr: Option<&'a str>,
    /// How the user was authenticated (RFC 8176); left out when empty.
    pub amr: &'a [String],
    /// The session in which it is issued.
    pub sid: Option<SessionId>,
    /// The organization that the user acts for.
    pub org_id: Option<OrganizationId>,
    /// The access token issued with it: gives `at_hash` (Core 3.1.3.6).
    pub access_token: Option<&'a str>,
    /// The code issued with it: gives `c_hash` (Core 3.3.2.11).
    pub code: Option<&'a str>,
    /// Claims about the user. Null ones, and those that the platform makes, are left out.
    pub extra: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct IdTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    azp: &'a str,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<OrganizationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c_hash: Option<String>,
    #[serde(flatten)]
    extra: BTreeMap<&'a str, &'a Value>,
}

impl IdToken<'_> {
    /// Signs it; `at_hash` and `c_hash` follow from the key's algorithm.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        let hash = |token| half_hash(key.alg(), token);
        let claims = IdTokenClaims {
            iss: self.iss,
            sub: self.sub,
            aud: self.client_id,
            azp: self.client_id,
            exp: self.exp,
            iat: self.iat,
            auth_time: self.auth_time,
            nonce: self.nonce,
            acr: self.acr,
            amr: self.amr,
            sid: self.sid,
            org_id: self.org_id,
            at_hash: self.access_token.map(hash),
            c_hash: self.code.map(hash),
            extra: self
                .extra
                .iter()
                .filter(|(name, value)| !value.is_null() && !is_made_here(name))
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
        };
        key.sign(Typ::IdToken, &claims)
    }
}

/// Whether a claim is never about the user, so that a second one of its name would contradict ours.
fn is_made_here(name: &str) -> bool {
    RESERVED_CLAIMS.contains(&name) && !["email", "email_verified", "updated_at"].contains(&name)
}

/// Why a token of ours was refused. Only for logs and tests: see the conversion to [`OAuthError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is malformed, or its signature is not ours.
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    /// It is another kind of token (RFC 8725 3.11).
    #[error("the token is of another type")]
    WrongType,
    /// Another tenant issued it.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

impl TokenRefusal {
    /// The kind of failure.
    #[must_use]
    pub const fn kind(self) -> Kind {
        Kind::Unauthenticated
    }
}

/// `invalid_token` with one description for every reason (RFC 6750 3.1).
impl From<TokenRefusal> for OAuthError {
    fn from(_: TokenRefusal) -> Self {
        Self::new(ErrorCode::InvalidToken, "the access token is malformed, expired or revoked")
    }
}

/// Verifies an access token of this issuer, without leeway: the clock is that of its issuer.
///
/// Whether it was revoked meanwhile, and for whom it is, is for the caller to ask.
///
/// # Errors
/// Why it is refused.
pub fn verify_access_token(
    keys: &KeySet,
    issuer: &str,
    token: &str,
    now: Timestamp,
) -> Result<AccessTokenClaims, TokenRefusal> {
    let claims: AccessTokenClaims = verify(keys, token, Typ::AccessToken, now)?.claims()?;
    if claims.iss != issuer {
        return Err(TokenRefusal::WrongIssuer);
    }
    if now.as_secs() >= claims.exp {
        return Err(TokenRefusal::Expired);
    }
    Ok(claims)
}

/// What an `id_token_hint` says (Core 3.1.2.1, RP-Initiated Logout 2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IdTokenHint {
    iss: String,
    /// The user as the application sees it.
    pub sub: String,
    /// The application that it was issued to.
    #[serde(with = "one_or_many")]
    pub aud: Vec<String>,
    /// The session in which it was issued.
    #[serde(default)]
    pub sid: Option<SessionId>,
}

/// Verifies an ID token that this issuer has issued at some time. An expired one is as good as
/// another, as long as its key is still known.
///
/// # Errors
/// Why it is refused.
pub fn verify_id_token_hint(
    keys: &KeySet,
    issuer: &str,
    token: &str,
    now: Timestamp,
) -> Result<IdTokenHint, TokenRefusal> {
    let hint: IdTokenHint = verify(keys, token, Typ::IdToken, now)?.claims()?;
    if hint.iss != issuer {
        return Err(TokenRefusal::WrongIssuer);
    }
    Ok(hint)
}

fn verify<'t>(
    keys: &KeySet,
    token: &'t str,
    typ: Typ,
    now: Timestamp,
) -> Result<Verified<'t>, TokenRefusal> {
    let verified = verify_compact(token, |header| keys.verifying(header.kid.as_deref()?, now))?;
    if verified.header().typ.as_deref() != Some(typ.name()) {
        return Err(TokenRefusal::WrongType);
    }
    Ok(verified)
}

/// `aud`: a string or a list of strings (RFC 7519 4.1.3).
pub(crate) mod one_or_many {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }

    pub(crate) fn serialize<S: Serializer>(list: &[String], s: S) -> Result<S::Ok, S::Error> {
        match list {
            [one] => one.serialize(s),
            many => many.serialize(s),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
        Ok(match OneOrMany::deserialize(d)? {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        })
    }
}

/// Scopes as RFC 6749 3.3 writes them.
pub(crate) mod spaced {
    use std::borrow::Cow;

    use bailiwick_domain::ScopeSet;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(scopes: &ScopeSet, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(scopes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<ScopeSet, D::Error> {
        ScopeSet::parse(&<Cow<'de, str>>::deserialize(d)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
