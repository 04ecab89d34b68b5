//! The answer of the token endpoint (RFC 6749 5.1).

use bailiwick_domain::ScopeSet;
use serde::Serialize;

/// Tokens as they are handed out. Answered with `Cache-Control: no-store`.
#[derive(Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// How it is used.
    pub token_type: TokenType,
    /// Its lifetime in seconds.
    pub expires_in: u32,
    /// What it allows; left out when empty.
    #[serde(with = "crate::tokens::spaced", skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// A refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// An ID token (Core 3.1.3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// How an access token is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TokenType {
    /// Whoever holds it may use it (RFC 6750).
    Bearer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_what_is_not_there() {
        let mut response = TokenResponse {
            access_token: "a".into(),
            token_type: TokenType::Bearer,
            expires_in: 600,
            scope: ScopeSet::default(),
            refresh_token: None,
            id_token: None,
        };
        let json = |r: &TokenResponse| serde_json::to_string(r).expect("serialises");
        assert_eq!(
            json(&response),
            r#"{"access_token":"a","token_type":"Bearer","expires_in":600}"#
        );
        response.scope = ScopeSet::parse("b a").expect("valid");
        response.id_token = Some("i".into());
        assert!(json(&response).ends_with(r#""expires_in":600,"scope":"a b","id_token":"i"}"#));
    }
}
