use serde_json::json;

use super::*;
use crate::error::ErrorCode;

mod properties;
mod refusals;

const CB: &str = "https://a.example/cb?x=%2F";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const PKCE: [(&str, &str); 2] = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];

/// A confidential application with everything; `extra` replaces members.
fn app(extra: Value) -> ApplicationSpec {
    let mut app = json!({"client_id": "app", "name": "A", "type": "web", "redirect_uris": [CB],
        "response_types": ResponseType::ALL.map(ResponseType::name),
        "grant_types": ["authorization_code", "implicit", "refresh_token"],
        "scopes": ["openid", "email", "offline_access", "orders"],
        "audiences": ["https://api.example", "urn:example:stock"]});
    if let Value::Object(extra) = extra {
        app.as_object_mut().expect("an object").extend(extra);
    }
    serde_json::from_value(app).expect("shape")
}

fn public() -> Value {
    json!({"type": "spa", "token_endpoint_auth_method": "none"})
}

/// Parameters: a plain code request for `openid`, in which `pairs` replace those of their name;
/// an empty value removes it, a second one repeats it.
fn params(pairs: &[(&str, &str)]) -> Params {
    let base = [
        ("client_id", "app"),
        ("redirect_uri", CB),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s t&\u{e9}"),
    ];
    let kept = base.iter().filter(|(name, _)| pairs.iter().all(|(other, _)| other != name));
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept.chain(pairs.iter().filter(|(_, value)| !value.is_empty())))
        .finish();
    Params::parse(text.as_bytes()).expect("well-formed")
}

fn accepted(app: &ApplicationSpec, pairs: &[(&str, &str)]) -> AuthorizationRequest {
    validate(&params(pairs), app).unwrap_or_else(|e| panic!("{pairs:?}: {e:?}"))
}

/// The code of a refusal that travels to the redirect URI, and how.
fn refused(app: &ApplicationSpec, pairs: &[(&str, &str)]) -> (ErrorCode, ReturnTo) {
    match validate(&params(pairs), app) {
        Err(Rejection::Redirect { to, error }) => (error.code, to),
        other => panic!("{pairs:?}: {other:?}"),
    }
}

#[test]
fn an_ordinary_request() {
    let app = app(public());
    let pairs = [&PKCE[..], &[("nonce", "n"), ("unknown", "1"), ("unknown", "2")]].concat();
    let request = accepted(&app, &pairs);
    let expected = AuthorizationRequest {
        client_id: "app".into(),
        to: ReturnTo {
            redirect_uri: CB.into(),
            response_mode: ResponseMode::Query,
            state: Some("s t&\u{e9}".into()),
        },
        redirect_uri_given: true,
        response_type: ResponseType::Code,
        scopes: ScopeSet::parse("openid").expect("valid"),
        nonce: Some("n".into()),
        code_challenge: Some(CHALLENGE.into()),
        prompts: vec![],
        max_age: None,
        acr_values: vec![],
        login_hint: None,
        hint_sub: None,
        ui_locale: None,
        claims: ClaimsRequest::default(),
        resources: vec![],
        organization: None,
    };
    assert_eq!(request, expected);
    let sealed = serde_json::to_vec(&request).expect("serialises");
    assert!(sealed.len() < 500, "{}", sealed.len());
    assert_eq!(serde_json::from_slice::<AuthorizationRequest>(&sealed).expect("reads"), expected);
}

#[test]
fn the_client_id_is_needed_once() {
    assert_eq!(client_id(&params(&[])), Ok("app"));
    for pairs in [&[("client_id", "")][..], &[("client_id", "app"), ("client_id", "app")]] {
        assert!(client_id(&params(pairs)).is_err(), "{pairs:?}");
    }
}

#[test]
fn what_is_shown_as_a_page() {
    let two = json!({"redirect_uris": [CB, "https://b.example/cb"]});
    let loopback = json!({"redirect_uris": ["http://127.0.0.1/cb"]});
    for (extra, pairs) in [
        (json!({}), &[("redirect_uri", "https://evil.example/")][..]),
        (json!({}), &[("redirect_uri", "https://a.example/cb")]),
        (json!({}), &[("redirect_uri", "https://a.example/cb?x=/")]),
        (json!({}), &[("redirect_uri", "https://a.example/cb?x=%2F&y=1")]),
        (json!({}), &[("redirect_uri", "https://a.example/cb?x=%2F#f")]),
        (json!({}), &[("redirect_uri", "https://a.example/cb?x=%2F\r\nX: y")]),
        (json!({}), &[("redirect_uri", "https://A.example/cb?x=%2F")]),
        (json!({}), &[("redirect_uri", "javascript:alert(1)")]),
        (json!({}), &[("redirect_uri", CB), ("redirect_uri", CB)]),
        (json!({}), &[("redirect_uri", CB), ("redirect_uri", "https://evil.example/")]),
        (json!({}), &[("redirect_uri", "")]),
        (two.clone(), &[("redirect_uri", "")]),
        (two, &[("redirect_uri", ""), ("scope", "orders")]),
        (json!({}), &[("redirect_uri", ""), ("scope", "orders"), ("scope", "email")]),
        (loopback, &[("redirect_uri", "http://127.0.0.1:4711/cb")]),
        (json!({"redirect_uris": []}), &[("redirect_uri", "")]),
        (json!({"redirect_uris": []}), &[]),
    ] {
        match validate(&params(pairs), &app(extra.clone())) {
            Err(Rejection::Page(error)) => assert_eq!(error.code, ErrorCode::InvalidRequest),
            other => panic!("{extra} {pairs:?}: {other:?}"),
        }
    }
}

#[test]
fn redirect_uris_that_may_differ_or_be_absent() {
    let native = json!({"type": "native", "token_endpoint_auth_method": "none",
        "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"]});
    let pairs = [&PKCE[..], &[("redirect_uri", "http://127.0.0.1:4711/cb")]].concat();
    assert_eq!(accepted(&app(native), &pairs).to.redirect_uri, "http://127.0.0.1:4711/cb");
    let request = accepted(&app(json!({})), &[("redirect_uri", ""), ("scope", "orders")]);
    assert_eq!((request.to.redirect_uri.as_str(), request.redirect_uri_given), (CB, false));
}

#[test]
fn errors_travel_like_the_success_would() {
    let app = app(json!({}));
    for (pairs, mode) in [
        (&[][..], ResponseMode::Query),
        (&[("response_type", "")], ResponseMode::Query),
        (&[("response_type", "nonsense")], ResponseMode::Query),
        (&[("response_type", "token")], ResponseMode::Fragment),
        (&[("response_type", "token id_token")], ResponseMode::Fragment),
        (&[("response_type", "code token")], ResponseMode::Fragment),
        (&[("response_type", "code token"), ("response_mode", "query")], ResponseMode::Fragment),
        (
            &[("response_type", "code token"), ("response_mode", "form_post")],
            ResponseMode::FormPost,
        ),
        (&[("response_mode", "fragment")], ResponseMode::Fragment),
        (&[("response_mode", "form_post")], ResponseMode::FormPost),
        (&[("response_mode", "jwt")], ResponseMode::Query),
        (&[("response_mode", "query"), ("response_mode", "fragment")], ResponseMode::Query),
    ] {
        let broken = [pairs, &[("prompt", "none login")]].concat();
        assert_eq!(refused(&app, &broken).1.response_mode, mode, "{pairs:?}");
        if let Ok(request) = validate(&params(&[pairs, &[("nonce", "n")]].concat()), &app) {
            assert_eq!(request.to.response_mode, mode, "{pairs:?}");
        }
    }
}

#[test]
fn scopes_that_are_given() {
    for (extra, pairs, expected) in [
        (json!({}), &[("scope", "email openid")][..], "email openid"),
        (json!({}), &[("scope", "openid profile nonsense orders")], "openid orders"),
        (json!({}), &[("scope", "openid offline_access")], "offline_access openid"),
        (json!({}), &[("scope", "")], "orders"),
        (
            json!({}),
            &[("scope", "openid offline_access"), ("response_type", "id_token"), ("nonce", "n")],
            "openid",
        ),
        (
            json!({"grant_types": ["authorization_code"]}),
            &[("scope", "openid offline_access")],
            "openid",
        ),
    ] {
        assert_eq!(accepted(&app(extra), pairs).scopes.to_string(), expected, "{pairs:?}");
    }
}

#[test]
fn what_never_causes_an_error() {
    let app = app(json!({}));
    let (long, accents) = ("x".repeat(300), "caf\u{e9}@example.com");
    for (name, value) in [
        ("display", "hologram"),
        ("ui_locales", "tlh-Latn xx"),
        ("claims_locales", "??"),
        ("acr_values", "urn:nonsense 9"),
        ("login_hint", long.as_str()),
        ("login_hint", "a\tb"),
        ("id_token_hint", "not a token"),
        ("nonsense", "1"),
    ] {
        let request = accepted(&app, &[(name, value)]);
        assert_eq!((request.login_hint, request.ui_locale), (None, None), "{name}");
    }
    let request = accepted(&app, &[("ui_locales", "tlh en-GB fr"), ("login_hint", accents)]);
    assert_eq!(request.ui_locale, Some(Locale::En));
    assert_eq!(request.login_hint.as_deref(), Some(accents));
    // Neither nonce nor PKCE is needed where a confidential application gets only a code, or a
    // token beside it; nor PKCE where there is no code.
    assert_eq!(accepted(&app, &[("response_type", "token code")]).nonce, None);
    let spa = self::app(public());
    accepted(&spa, &[("response_type", "id_token"), ("nonce", "n")]);
}

#[test]
fn what_is_kept() {
    let claims = r#"{"userinfo": {"email": {"essential": true}, "phone_number": null}}"#;
    let request = accepted(
        &app(json!({})),
        &[
            ("prompt", "consent login consent"),
            ("max_age", "0"),
            ("claims", claims),
            ("resource", "urn:example:stock"),
            ("resource", "https://api.example"),
            ("resource", "urn:example:stock"),
            ("resource", ""),
        ],
    );
    assert_eq!(request.prompts, [Prompt::Consent, Prompt::Login]);
    assert_eq!(request.max_age, Some(0));
    assert_eq!(request.claims.userinfo.keys().collect::<Vec<_>>(), ["email"]);
    assert_eq!(request.consent_scopes().to_string(), "email openid");
    assert_eq!(request.resources, ["urn:example:stock", "https://api.example"]);
    // The parameter has no meaning without `openid`.
    let oauth = accepted(&app(json!({})), &[("scope", "orders"), ("claims", claims)]);
    assert_eq!(oauth.claims, ClaimsRequest::default());
}

#[test]
fn an_organization_is_an_id() {
    let app = app(public());
    let with = |text| [&PKCE[..], &[("organization", text)]].concat();
    let text = "org_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f";
    let request = accepted(&app, &with(text));
    assert_eq!(request.organization.map(|id| id.to_string()).as_deref(), Some(text));
    assert_eq!(accepted(&app, &with("")).organization, None);
    let (none, long) = (format!("org_{:032x}", 0), "x".repeat(5_000));
    for wrong in ["acme", "org_1", "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f", &none, &long] {
        assert_eq!(refused(&app, &with(wrong)).0, ErrorCode::InvalidRequest, "{wrong}");
    }
    let twice = [with(text), vec![("organization", text)]].concat();
    assert_eq!(refused(&app, &twice).0, ErrorCode::InvalidRequest);
}

#[test]
fn long_states_come_back() {
    let state = "\u{1F511}".repeat(750);
    assert_eq!(accepted(&app(json!({})), &[("state", &state)]).to.state, Some(state));
}
