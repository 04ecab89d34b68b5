use super::*;
use crate::error::ErrorCode::{self, *};

const PUBLIC: &str = r#"{"type": "spa", "token_endpoint_auth_method": "none"}"#;

/// Members of the application that are replaced, parameters that are replaced, and the error.
type Row = (&'static str, &'static [(&'static str, &'static str)], ErrorCode);

const ROWS: &[Row] = &[
    ("{}", &[("response_type", "")], InvalidRequest),
    ("{}", &[("response_type", "token")], UnsupportedResponseType),
    ("{}", &[("response_type", "code code")], UnsupportedResponseType),
    ("{}", &[("response_type", "none")], UnsupportedResponseType),
    (
        r#"{"response_types": ["code"]}"#,
        &[("response_type", "id_token"), ("nonce", "n")],
        UnauthorizedClient,
    ),
    (r#"{"response_types": []}"#, &[], UnauthorizedClient),
    ("{}", &[("response_mode", "web_message")], InvalidRequest),
    ("{}", &[("response_type", "code token"), ("response_mode", "query")], InvalidRequest),
    ("{}", &[("scope", "openid a\"b")], InvalidScope),
    ("{}", &[("scope", "orders other")], InvalidScope),
    ("{}", &[("scope", "profile")], InvalidScope),
    (r#"{"scopes": ["orders"]}"#, &[], InvalidScope),
    (r#"{"scopes": ["openid", "email"]}"#, &[("scope", "")], InvalidScope),
    (r#"{"scopes": []}"#, &[("scope", "")], InvalidScope),
    (r#"{"grant_types": ["authorization_code"]}"#, &[("scope", "offline_access")], InvalidScope),
    ("{}", &[("response_type", "id_token"), ("scope", "orders"), ("nonce", "n")], InvalidRequest),
    ("{}", &[("response_type", "id_token")], InvalidRequest),
    ("{}", &[("response_type", "id_token token")], InvalidRequest),
    ("{}", &[("response_type", "code id_token")], InvalidRequest),
    ("{}", &[("response_type", "token code id_token")], InvalidRequest),
    (PUBLIC, &[], InvalidRequest),
    (PUBLIC, &[("code_challenge", CHALLENGE)], InvalidRequest),
    ("{}", &[("code_challenge", CHALLENGE), ("code_challenge_method", "plain")], InvalidRequest),
    ("{}", &[("code_challenge", CHALLENGE), ("code_challenge_method", "s256")], InvalidRequest),
    ("{}", &[("code_challenge", "short"), ("code_challenge_method", "S256")], InvalidRequest),
    ("{}", &[("code_challenge_method", "S256")], InvalidRequest),
    ("{}", &[("prompt", "none login")], InvalidRequest),
    ("{}", &[("prompt", "create")], InvalidRequest),
    ("{}", &[("max_age", "-1")], InvalidRequest),
    ("{}", &[("max_age", "+1")], InvalidRequest),
    ("{}", &[("max_age", "1.5")], InvalidRequest),
    ("{}", &[("max_age", "soon")], InvalidRequest),
    ("{}", &[("max_age", "99999999999999999999")], InvalidRequest),
    ("{}", &[("claims", "{")], InvalidRequest),
    ("{}", &[("request", "e30.e30.")], RequestNotSupported),
    ("{}", &[("request_uri", "https://a.example/r")], RequestUriNotSupported),
    ("{}", &[("registration", "{}")], RegistrationNotSupported),
    ("{}", &[("resource", "https://other.example")], InvalidTarget),
    ("{}", &[("resource", "https://api.example"), ("resource", "x")], InvalidTarget),
    (r#"{"audiences": []}"#, &[("resource", "https://api.example")], InvalidTarget),
];

#[test]
fn each_rule_has_its_error() {
    for (extra, pairs, expected) in ROWS {
        let extra = serde_json::from_str(extra).expect("JSON");
        let (code, to) = refused(&app(extra), pairs);
        assert_eq!((code, to.redirect_uri.as_str()), (*expected, CB), "{pairs:?}");
        assert_eq!(to.state.as_deref(), Some("s t&\u{e9}"), "{pairs:?}");
    }
}

#[test]
fn what_is_too_long_is_refused_and_the_state_comes_back_all_the_same() {
    let long = "s".repeat(5_000);
    assert_eq!(refused(&app(json!({})), &[("nonce", &long)]).0, InvalidRequest);
    let (code, to) = refused(&app(json!({})), &[("state", &long)]);
    assert_eq!((code, to.state), (InvalidRequest, Some(long)));
    let audiences: Vec<_> = (0..50).map(|i| format!("urn:{}{i}", "x".repeat(90))).collect();
    let resources: Vec<_> = audiences.iter().map(|one| ("resource", one.as_str())).collect();
    assert_eq!(refused(&app(json!({"audiences": audiences})), &resources).0, InvalidRequest);
}

#[test]
fn repetition_is_refused_for_what_we_know() {
    let app = app(json!({}));
    for name in [
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "prompt",
        "code_challenge_method",
        "max_age",
        "login_hint",
        "id_token_hint",
        "ui_locales",
        "claims",
        "claims_locales",
        "acr_values",
        "display",
        "request",
        "request_uri",
        "registration",
    ] {
        let (code, to) = refused(&app, &[(name, "code"), (name, "code")]);
        assert_eq!(code, InvalidRequest, "{name}");
        assert_eq!(to.state.is_none(), name == "state", "{name}");
    }
}
