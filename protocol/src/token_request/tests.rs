use proptest::prelude::*;
use serde_json::json;

use super::*;

const ISSUER: &str = "https://id.example/t/acme";

fn spec(grants: &[&str], scopes: &[&str], audiences: &[&str]) -> ApplicationSpec {
    serde_json::from_value(json!({
        "client_id": "app", "name": "App", "type": "web", "grant_types": grants, "scopes": scopes,
        "audiences": audiences,
    }))
    .expect("an application")
}

fn all_grants() -> ApplicationSpec {
    spec(&["authorization_code", "refresh_token", "client_credentials"], &[], &[])
}

fn read(body: &str, spec: &ApplicationSpec) -> Result<TokenRequest, OAuthError> {
    TokenRequest::read(&Params::parse(body.as_bytes()).expect("well-formed"), spec)
}

fn refused(body: &str, spec: &ApplicationSpec) -> ErrorCode {
    read(body, spec).map(|_| ()).expect_err("must be refused").code
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("valid")
}

#[test]
fn reads_every_grant() {
    let spec = all_grants();
    let code = read(
        "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fa&code_verifier=v\
         &unknown=ignored",
        &spec,
    );
    assert!(
        code == Ok(TokenRequest::AuthorizationCode {
            code: "c".into(),
            redirect_uri: Some("https://a".into()),
            code_verifier: Some("v".into()),
            resources: vec![],
        })
    );
    let refresh = read("refresh_token=r&scope=b+a&grant_type=refresh_token&redirect_uri=", &spec);
    assert!(
        refresh
            == Ok(TokenRequest::RefreshToken {
                token: "r".into(),
                scope: Some(scopes("a b")),
                resources: vec![],
            })
    );
    let client = read("grant_type=client_credentials&resource=x&resource=&resource=y", &spec);
    assert!(
        client
            == Ok(TokenRequest::ClientCredentials { scope: None, resources: strings(&["x", "y"]) })
    );
}

#[test]
fn refuses_with_the_code_of_the_rfc() {
    let all = all_grants();
    for (body, code) in [
        ("", ErrorCode::InvalidRequest),
        ("grant_type=", ErrorCode::InvalidRequest),
        ("grant_type=password", ErrorCode::UnsupportedGrantType),
        ("grant_type=implicit", ErrorCode::UnsupportedGrantType),
        ("grant_type=Client_Credentials", ErrorCode::UnsupportedGrantType),
        ("grant_type=refresh_token&grant_type=refresh_token", ErrorCode::InvalidRequest),
        ("grant_type=authorization_code", ErrorCode::InvalidRequest),
        ("grant_type=authorization_code&code=a&code=b", ErrorCode::InvalidRequest),
        ("grant_type=refresh_token", ErrorCode::InvalidRequest),
        ("grant_type=client_credentials&scope=a&scope=b", ErrorCode::InvalidRequest),
        ("grant_type=client_credentials&scope=%22", ErrorCode::InvalidScope),
        ("grant_type=refresh_token&refresh_token=r&scope=%C3%A9", ErrorCode::InvalidScope),
    ] {
        assert_eq!(refused(body, &all), code, "{body}");
    }
    let none = spec(&["implicit"], &[], &[]);
    for grant in
        ["authorization_code&code=c", "refresh_token&refresh_token=r", "client_credentials"]
    {
        let body = format!("grant_type={grant}");
        assert_eq!(refused(&body, &none), ErrorCode::UnauthorizedClient, "{body}");
    }
}

#[test]
fn the_audience() {
    const A: &str = "https://a.example";
    const B: &str = "https://b.example";
    let run = |own: &[&str], requested: &[&str], granted: Option<&[&str]>, openid| {
        let granted = granted.map(strings);
        audience(&spec(&[], &[], own), ISSUER, &strings(requested), granted.as_deref(), openid)
            .map_err(|e| e.code)
    };
    let is = |list: &[&str]| Ok(strings(list));
    let invalid = Err(ErrorCode::InvalidTarget);
    // Absent: the only one, else the issuer.
    assert_eq!(run(&[], &[], None, false), is(&[ISSUER]));
    assert_eq!(run(&[A], &[], None, false), is(&[A]));
    assert_eq!(run(&[A, B], &[], None, false), is(&[ISSUER]));
    assert_eq!(run(&[A, B], &[], Some(&[]), false), is(&[ISSUER]));
    // With openid the issuer too, once.
    assert_eq!(run(&[A], &[], None, true), is(&[A, ISSUER]));
    assert_eq!(run(&[], &[], None, true), is(&[ISSUER]));
    assert_eq!(run(&[A, ISSUER], &[ISSUER, A], None, true), is(&[ISSUER, A]));
    // Asked for: one of the application's, exactly.
    assert_eq!(run(&[A, B], &[B, A, B], None, false), is(&[B, A]));
    for wrong in ["https://c.example", "https://a.example/", "a", "https://a.example#f", "", ISSUER]
    {
        assert_eq!(run(&[A], &[A, wrong], None, false), invalid, "{wrong}");
    }
    // Not more than was authorized, and all of it when none is asked for.
    assert_eq!(run(&[A, B], &[], Some(&[A, B]), false), is(&[A, B]));
    assert_eq!(run(&[A, B], &[A], Some(&[A, B]), false), is(&[A]));
    assert_eq!(run(&[A, B], &[B], Some(&[A]), false), invalid);
    assert_eq!(run(&[A, B], &[B], Some(&[]), false), is(&[B]));
    // An audience that was taken from the application since.
    assert_eq!(run(&[A], &[], Some(&[A, B]), false), is(&[A]));
    assert_eq!(run(&[], &[], Some(&[B]), true), invalid);
}

#[test]
fn scopes_of_a_client_exclude_those_about_a_user() {
    let spec = spec(&[], &["openid", "email", "offline_access", "read", "write"], &[]);
    assert_eq!(client_scopes(&spec, None), Ok(scopes("read write")));
    assert_eq!(client_scopes(&spec, Some(scopes("read"))), Ok(scopes("read")));
    for wrong in ["openid", "read email", "admin", "read offline_access"] {
        let error = client_scopes(&spec, Some(scopes(wrong))).expect_err("must be refused");
        assert_eq!(error.code, ErrorCode::InvalidScope, "{wrong}");
    }
}

#[test]
fn refreshing_narrows_but_never_widens() {
    let spec = spec(&[], &["openid", "read", "write"], &[]);
    let granted = scopes("openid read gone");
    let run = |asked: Option<&str>| refreshed_scopes(&spec, &granted, asked.map(scopes).as_ref());
    assert_eq!(run(None), Ok(scopes("openid read")));
    assert_eq!(run(Some("read")), Ok(scopes("read")));
    assert_eq!(run(Some("write")).expect_err("not granted").code, ErrorCode::InvalidScope);
    assert_eq!(run(Some("gone")), Ok(ScopeSet::default()));
}

// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const URI: &str = "https://app.example/cb";

fn details() -> CodeDetails {
    CodeDetails {
        redirect_uri: URI.into(),
        redirect_uri_was_given: true,
        code_challenge: Some(CHALLENGE.into()),
        nonce: None,
        authorized: FamilyDetails {
            scopes: scopes("openid"),
            resources: vec![],
            auth_time: Timestamp::from_secs(1),
            acr: None,
            amr: vec![],
            sid: None,
            claims: ClaimsRequest::default(),
            organization: None,
        },
    }
}

#[test]
fn a_code_needs_its_redirect_uri() {
    let web = all_grants();
    let check = |details: &CodeDetails, uri| check_code(details, &web, uri, Some(VERIFIER)).is_ok();
    assert!(check(&details(), Some(URI)));
    for wrong in [None, Some("https://app.example/cb/"), Some("https://app.example/cb?a=1")] {
        assert!(!check(&details(), wrong), "{wrong:?}");
    }
    let not_given = CodeDetails { redirect_uri_was_given: false, ..details() };
    assert!(check(&not_given, None));
    assert!(check(&not_given, Some(URI)));
    assert!(!check(&not_given, Some("https://other.example")));
}

#[test]
fn a_code_needs_its_verifier() {
    let web = all_grants();
    let spa: ApplicationSpec =
        serde_json::from_value(json!({"client_id": "spa", "name": "S", "type": "spa"}))
            .expect("an application");
    let check = |details: &CodeDetails, spec, verifier| {
        check_code(details, spec, Some(URI), verifier).map_err(|e| e.code)
    };
    let refused = Err(ErrorCode::InvalidGrant);
    assert_eq!(check(&details(), &spa, Some(VERIFIER)), Ok(()));
    for wrong in [None, Some(""), Some(CHALLENGE), Some("short"), Some("\0")] {
        assert_eq!(check(&details(), &web, wrong), refused, "{wrong:?}");
    }
    let without = CodeDetails { code_challenge: None, ..details() };
    assert_eq!(check(&without, &web, None), Ok(()));
    assert_eq!(check(&without, &web, Some(VERIFIER)), refused, "the challenge was removed");
    assert_eq!(check(&without, &spa, None), refused, "a public client without PKCE");
}

#[test]
fn stored_details_round_trip_and_tolerate_newer_members() {
    let mut stored = serde_json::to_value(details()).expect("JSON");
    stored["later"] = json!(1);
    stored["authorized"]["later"] = json!(1);
    assert_eq!(serde_json::from_value::<CodeDetails>(stored).expect("details"), details());
}

proptest! {
    #[test]
    fn never_panics(
        grant in "authorization_code|refresh_token|client_credentials|[a-z]{0,5}",
        rest in "((code|scope|resource|refresh_token|redirect_uri)=[ -~]{0,8}&){0,6}",
    ) {
        if let Ok(params) = Params::parse(format!("grant_type={grant}&{rest}").as_bytes()) {
            let _ = TokenRequest::read(&params, &all_grants());
        }
    }
}
