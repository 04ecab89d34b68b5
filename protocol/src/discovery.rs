//! What clients learn about a tenant without asking anybody (OpenID Connect Discovery 1.0 3,
//! RFC 8414 2).

use bailiwick_domain::application::{GrantType, ResponseType, SigningAlg, SubjectType};
use bailiwick_domain::{Acr, locale::Locale, scope};
use serde::Serialize;
use serde_json::{Value, json};

use crate::authorize::{Prompt, ResponseMode};
use crate::client_auth::ASSERTION_ALGS;
use crate::{claims, pkce};

/// The metadata of an issuer. The same document answers at `openid-configuration` and at
/// `oauth-authorization-server`: RFC 8414 generalises Discovery and shares its member names.
///
/// `public_url` is where the platform's own pages are, without a trailing slash.
#[must_use]
pub fn metadata(issuer: &str, public_url: &str) -> Value {
    let endpoint = |name: &str| format!("{issuer}/oauth/{name}");
    let client_auth = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    // RS256 first: Discovery 3 requires it, and it is the default.
    let id_token_algs =
        [SigningAlg::RS256, SigningAlg::PS256, SigningAlg::ES256, SigningAlg::EdDSA];
    let claims: Vec<&str> = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr"]
        .into_iter()
        .chain(["azp", "sid", "org_id"])
        .chain(claims::standard_names())
        .collect();
    json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "introspection_endpoint": endpoint("introspect"),
        "revocation_endpoint": endpoint("revoke"),
        "end_session_endpoint": endpoint("logout"),
        "check_session_iframe": endpoint("check_session"),
        "scopes_supported": scope::STANDARD,
        "response_types_supported": ResponseType::ALL.map(ResponseType::name),
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::name),
        "grant_types_supported": [
            name(&GrantType::AuthorizationCode),
            name(&GrantType::RefreshToken),
            name(&GrantType::ClientCredentials),
            name(&GrantType::Implicit),
        ],
        "subject_types_supported": [name(&SubjectType::Public), name(&SubjectType::Pairwise)],
        "acr_values_supported": Acr::ALL.map(Acr::name),
        "id_token_signing_alg_values_supported": id_token_algs.map(SigningAlg::name),
        "token_endpoint_auth_methods_supported": client_auth,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGS,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGS,
        "revocation_endpoint_auth_methods_supported": client_auth,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGS,
        "code_challenge_methods_supported": [pkce::METHOD],
        "prompt_values_supported": Prompt::ALL.map(Prompt::name),
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "ui_locales_supported": Locale::ALL.map(Locale::tag),
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "service_documentation": format!("{public_url}/docs"),
    })
}

/// The registered name, which is how the value is stored.
fn name(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("an enum without data is a string")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that Discovery 1.0, RFC 8414, RFC 9207, RP-Initiated, Back-Channel and Front-Channel
    /// Logout 1.0, Session Management 1.0 and Initiating User Registration 1.0 define, as far as we
    /// use them.
    const REGISTERED: [&str; 37] = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
        "check_session_iframe",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "subject_types_supported",
        "acr_values_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "prompt_values_supported",
        "display_values_supported",
        "claim_types_supported",
        "claims_supported",
        "ui_locales_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
        "service_documentation",
    ];

    fn document() -> serde_json::Map<String, Value> {
        match metadata("https://id.example/t/acme", "https://id.example") {
            Value::Object(members) => members,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn members_are_registered_and_lists_hold_something_once() {
        for (member, value) in document() {
            assert!(REGISTERED.contains(&member.as_str()), "{member}");
            if let Value::Array(list) = value {
                assert!(!list.is_empty(), "{member}");
                let distinct: std::collections::BTreeSet<_> =
                    list.iter().map(|v| v.as_str().expect("a string")).collect();
                assert_eq!(distinct.len(), list.len(), "{member}");
            }
        }
    }

    #[test]
    fn addresses_are_under_the_issuer() {
        let document = document();
        assert_eq!(document["issuer"], "https://id.example/t/acme");
        for (member, value) in &document {
            if member.ends_with("_endpoint")
                || ["jwks_uri", "check_session_iframe"].contains(&&**member)
            {
                let address = value.as_str().expect("a string");
                assert!(address.starts_with("https://id.example/t/acme/"), "{member}: {address}");
            }
        }
        assert_eq!(document["service_documentation"], "https://id.example/docs");
    }

    #[test]
    fn what_clients_rely_on() {
        let document = document();
        for (member, expected) in [
            ("id_token_signing_alg_values_supported", "RS256"),
            ("grant_types_supported", "authorization_code"),
            ("subject_types_supported", "pairwise"),
            ("ui_locales_supported", "en"),
            ("response_types_supported", "code id_token token"),
            ("prompt_values_supported", "select_account"),
            ("claims_supported", "phone_number_verified"),
        ] {
            let list = document[member].as_array().expect("a list");
            assert!(list.iter().any(|v| v == expected), "{member}");
        }
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        // RFC 8414 2: "The value none MUST NOT be used" for the algorithms of assertions.
        assert!(
            !document["token_endpoint_auth_signing_alg_values_supported"]
                .to_string()
                .contains("none")
        );
    }
}
