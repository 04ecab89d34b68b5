//! Token introspection (RFC 7662).

use bailiwick_domain::{ApplicationSpec, GrantId, OrganizationId, ScopeSet, SessionId, Timestamp};
use serde::{Serialize, Serializer};

use crate::token_response::TokenType;
use crate::tokens::AccessTokenClaims;

/// The answer of the introspection endpoint (RFC 7662 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// The token is not valid, or none of the caller's business: the answer is the same.
    Inactive,
    /// The token is valid now.
    Active(Box<ActiveToken>),
}

/// What is told about a valid token. Times are whole seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActiveToken {
    /// What it allows.
    #[serde(with = "crate::tokens::spaced", skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// The application that it was issued to.
    pub client_id: String,
    /// How it is used; only of access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
    /// Not valid from then on.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// The user as the application sees it; without a user, the `client_id`.
    pub sub: String,
    /// Who it is meant for; left out of refresh tokens, which are for the issuer only.
    #[serde(with = "crate::tokens::one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// The issuer of the tenant.
    pub iss: String,
    /// The id of an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// When the user was authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The authentication context class that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How the user was authenticated (RFC 8176).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The organization that the user acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrganizationId>,
    /// The names of the subject's roles, when the token has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// What these roles permit, when the token has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// The session in which it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The authorization that it stems from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
}

/// What is known about a refresh token that is current.
#[derive(Clone, Debug)]
pub struct RefreshFacts {
    /// The issuer of the tenant.
    pub issuer: String,
    /// The user as the application sees it.
    pub sub: String,
    /// The application that it was issued to.
    pub client_id: String,
    /// What its access tokens may allow.
    pub scopes: ScopeSet,
    /// When its family began.
    pub created_at: Timestamp,
    /// When its family ends.
    pub expires_at: Timestamp,
    /// The organization that the user acts for.
    pub organization: Option<OrganizationId>,
}

impl Introspection {
    /// The answer about an access token that was verified and is not revoked.
    #[must_use]
    pub fn of_access_token(claims: AccessTokenClaims) -> Self {
        Self::Active(Box::new(ActiveToken {
            scope: claims.scope,
            client_id: claims.client_id,
            token_type: Some(TokenType::Bearer),
            exp: claims.exp,
            iat: claims.iat,
            sub: claims.sub,
            aud: claims.aud,
            iss: claims.iss,
            jti: Some(claims.jti),
            auth_time: claims.auth_time,
            acr: claims.acr,
            amr: claims.amr,
            org_id: claims.org_id,
            roles: claims.roles,
            permissions: claims.permissions,
            sid: claims.sid,
            grant_id: claims.grant_id,
        }))
    }

    /// The answer about a refresh token that is the current one of its family. Only for the
    /// application that it was issued to.
    #[must_use]
    pub fn of_refresh_token(facts: RefreshFacts) -> Self {
        Self::Active(Box::new(ActiveToken {
            scope: facts.scopes,
            client_id: facts.client_id,
            token_type: None,
            exp: facts.expires_at.as_secs(),
            iat: facts.created_at.as_secs(),
            sub: facts.sub,
            aud: Vec::new(),
            iss: facts.issuer,
            jti: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            org_id: facts.organization,
            roles: None,
            permissions: None,
            sid: None,
            grant_id: None,
        }))
    }
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Answer<'a> {
            active: bool,
            #[serde(flatten)]
            token: Option<&'a ActiveToken>,
        }
        let token = match self {
            Self::Inactive => None,
            Self::Active(token) => Some(&**token),
        };
        Answer { active: token.is_some(), token }.serialize(s)
    }
}

/// Whether an application may learn about an access token: it is a confidential client, and the
/// token was issued to it or is meant for it or for one of its resources.
#[must_use]
pub fn may_see(claims: &AccessTokenClaims, caller: &ApplicationSpec) -> bool {
    let meant = |aud: &String| *aud == caller.client_id || caller.audiences.contains(aud);
    caller.is_confidential()
        && (claims.client_id == caller.client_id || claims.aud.iter().any(meant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn claims() -> AccessTokenClaims {
        serde_json::from_value(json!({
            "iss": "https://i.example", "sub": "u", "aud": ["https://api.example", "rs"],
            "exp": 20, "iat": 10, "jti": "j", "client_id": "a", "scope": "read write",
        }))
        .expect("claims")
    }

    fn application(client_id: &str, method: &str, audiences: &[&str]) -> ApplicationSpec {
        serde_json::from_value(json!({
            "client_id": client_id, "name": "A", "type": "web", "audiences": audiences,
            "token_endpoint_auth_method": method,
        }))
        .expect("an application")
    }

    #[test]
    fn inactive_tells_nothing() {
        let text = serde_json::to_string(&Introspection::Inactive).expect("serialises");
        assert_eq!(text, r#"{"active":false}"#);
    }

    #[test]
    fn active_tells_what_the_token_says() {
        let answer = serde_json::to_value(Introspection::of_access_token(claims())).expect("JSON");
        assert_eq!(
            answer,
            json!({
                "active": true, "scope": "read write", "client_id": "a", "token_type": "Bearer",
                "exp": 20, "iat": 10, "sub": "u", "aud": ["https://api.example", "rs"],
                "iss": "https://i.example", "jti": "j",
            })
        );
    }

    #[test]
    fn a_refresh_token_has_neither_type_nor_audience() {
        let answer: Value = serde_json::to_value(Introspection::of_refresh_token(RefreshFacts {
            issuer: "https://i.example".into(),
            sub: "u".into(),
            client_id: "a".into(),
            scopes: ScopeSet::parse("openid").expect("valid"),
            created_at: Timestamp::from_secs(1),
            expires_at: Timestamp::from_secs(2),
            organization: None,
        }))
        .expect("JSON");
        assert_eq!(
            answer,
            json!({"active": true, "scope": "openid", "client_id": "a", "exp": 2, "iat": 1,
                "sub": "u", "iss": "https://i.example"})
        );
    }

    #[test]
    fn only_owners_and_audiences_see_it() {
        let basic = "client_secret_basic";
        assert!(may_see(&claims(), &application("a", basic, &[])));
        assert!(may_see(&claims(), &application("rs", basic, &[])));
        assert!(may_see(&claims(), &application("b", basic, &["https://api.example"])));
        assert!(!may_see(&claims(), &application("b", basic, &["https://api.example/"])));
        assert!(!may_see(&claims(), &application("b", basic, &[])));
        assert!(!may_see(&claims(), &application("a", "none", &[])));
    }
}
