use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::authorize::{Rejection, validate};
use crate::params::Params;
use crate::tokens::{IdTokenHint, TokenRefusal};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const WEB: &str = "https://a.example/cb";

fn app(extra: &Value) -> ApplicationSpec {
    let mut app = json!({"client_id": "app", "name": "A", "type": "web", "redirect_uris": [WEB],
        "response_types": ["code"], "grant_types": ["authorization_code"],
        "scopes": ["openid", "email", "profile"]});
    for (member, value) in extra.as_object().into_iter().flatten() {
        app[member] = value.clone();
    }
    serde_json::from_value(app).expect("shape")
}

fn request(app: &ApplicationSpec, pairs: &[(&str, &str)]) -> AuthorizationRequest {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("response_type", "code"), ("scope", "openid")])
        .extend_pairs([("redirect_uri", app.redirect_uris.first().expect("has one"))])
        .extend_pairs([("code_challenge", challenge), ("code_challenge_method", "S256")])
        .extend_pairs(pairs)
        .finish();
    validate(&Params::parse(text.as_bytes()).expect("well-formed"), app).expect("a valid request")
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

/// Signed in 100 seconds ago; has consented to `openid`.
fn account(n: u128, name: &str) -> Account {
    Account {
        session: session(n),
        sub: name.into(),
        email: Some(format!("{name}@Example.com")),
        auth_time: Timestamp::from_secs(1_000_000 - 100),
        acr: Acr::One,
        reach: Acr::One,
        offer: Acr::One,
        demand: Acr::One,
        consent: ScopeSet::parse("openid").ok(),
        member: true,
    }
}

fn step(request: &AuthorizationRequest, accounts: &[Account], progress: &Progress) -> Step {
    next_step(request, &app(&json!({})), accounts, progress, NOW)
}

fn login(n: Option<u128>, reason: LoginReason) -> Step {
    Step::Login { session: n.map(session), reason }
}

fn issue(n: u128) -> Step {
    Step::Issue { session: session(n) }
}

fn failure(step: Step) -> ErrorCode {
    match step {
        Step::Fail(error) => error.code,
        other => panic!("{other:?}"),
    }
}

fn consent(n: u128, scopes: &str) -> Step {
    Step::Consent { session: session(n), scopes: ScopeSet::parse(scopes).expect("valid") }
}

/// What happens first, without and with `prompt=none` in place of no prompt.
#[test]
fn the_first_step_and_its_error_without_pages() {
    let app = app(&json!({}));
    let nobody = vec![];
    let ada = vec![account(1, "ada")];
    let both = vec![account(1, "ada"), account(2, "bob")];
    let mut never_asked = account(1, "ada");
    never_asked.consent = None;
    let new = vec![never_asked];
    let wants_bob = ("claims", r#"{"id_token": {"sub": {"value": "bob"}}}"#);
    for (pairs, accounts, expected, without_pages) in [
        (&[][..], &nobody, login(None, LoginReason::NoSession), Some(ErrorCode::LoginRequired)),
        (&[], &ada, issue(1), None),
        (&[], &both, Step::SelectAccount, Some(ErrorCode::AccountSelectionRequired)),
        (&[], &new, consent(1, "openid"), Some(ErrorCode::ConsentRequired)),
        (&[("login_hint", "BOB@example.com")], &both, issue(2), None),
        (&[("login_hint", "bob@example.com")], &ada, issue(1), None),
        (
            &[("login_hint", "eve@example.com")],
            &both,
            Step::SelectAccount,
            Some(ErrorCode::AccountSelectionRequired),
        ),
        (
            &[("max_age", "99")],
            &ada,
            login(Some(1), LoginReason::TooOld),
            Some(ErrorCode::LoginRequired),
        ),
        (&[("max_age", "100")], &ada, issue(1), None),
        (
            &[("max_age", "0")],
            &ada,
            login(Some(1), LoginReason::TooOld),
            Some(ErrorCode::LoginRequired),
        ),
        (&[wants_bob], &both, issue(2), None),
        (&[wants_bob], &ada, login(None, LoginReason::OtherUser), Some(ErrorCode::LoginRequired)),
    ] {
        assert_eq!(
            step(&request(&app, pairs), accounts, &Progress::default()),
            expected,
            "{pairs:?}"
        );
        let silent = request(&app, &[pairs, &[("prompt", "none")]].concat());
        let silently = step(&silent, accounts, &Progress::default());
        match without_pages {
            None => assert_eq!(silently, expected, "{pairs:?} prompt=none"),
            Some(code) => assert_eq!(failure(silently), code, "{pairs:?} prompt=none"),
        }
    }
}

#[test]
fn a_session_signed_in_just_now_still_signs_in_again_for_max_age_0() {
    let mut now = account(1, "ada");
    now.auth_time = NOW;
    let request = request(&app(&json!({})), &[("max_age", "0")]);
    assert_eq!(step(&request, &[now], &Progress::default()), login(Some(1), LoginReason::TooOld));
}

#[test]
fn prompt_login_asks_once() {
    let request = request(&app(&json!({})), &[("prompt", "login")]);
    let both = [account(1, "ada"), account(2, "bob")];
    let none = Progress::default();
    assert_eq!(step(&request, &both[..1], &none), login(Some(1), LoginReason::Asked));
    assert_eq!(step(&request, &both, &none), login(None, LoginReason::Asked));
    let chose = none.clone().chose(session(1));
    assert_eq!(step(&request, &both, &chose), login(Some(1), LoginReason::Asked));
    let done = none.signed_in(session(1));
    assert_eq!(step(&request, &both, &done), issue(1));
    // Signing in as one does not count for the other, nor when its session has ended.
    assert_eq!(
        step(&request, &both, &done.clone().chose(session(2))),
        login(Some(2), LoginReason::Asked)
    );
    assert_eq!(step(&request, &both[1..], &done), login(Some(2), LoginReason::Asked));
    assert_eq!(step(&request, &both, &done.chose(session(1))), issue(1));
}

#[test]
fn a_sign_in_satisfies_max_age_however_long_the_pages_take() {
    let request = request(&app(&json!({})), &[("max_age", "1")]);
    let progress = Progress::default().signed_in(session(1));
    assert_eq!(step(&request, &[account(1, "ada")], &progress), issue(1));
}

#[test]
fn select_account_asks_once() {
    let request = request(&app(&json!({})), &[("prompt", "select_account")]);
    let both = [account(1, "ada"), account(2, "bob")];
    let none = Progress::default();
    assert_eq!(step(&request, &[], &none), login(None, LoginReason::NoSession));
    assert_eq!(step(&request, &both[..1], &none), Step::SelectAccount);
    assert_eq!(step(&request, &both, &none), Step::SelectAccount);
    assert_eq!(step(&request, &both, &none.clone().chose(session(2))), issue(2));
    assert_eq!(step(&request, &both, &none.signed_in(session(1))), issue(1));
}

#[test]
fn prompt_consent_asks_once() {
    let app = app(&json!({"first_party": true}));
    let request = request(&app, &[("prompt", "consent")]);
    let accounts = [account(1, "ada"), account(2, "bob")];
    let next = |progress: &Progress| next_step(&request, &app, &accounts, progress, NOW);
    let chose = Progress::default().chose(session(1));
    assert_eq!(next(&chose), consent(1, "openid"), "even of the tenant's own");
    let done = chose.consented(session(1));
    assert_eq!(next(&done), issue(1));
    assert_eq!(next(&done.chose(session(2))), consent(2, "openid"));
}

#[test]
fn all_prompts_come_one_after_the_other() {
    let request = request(&app(&json!({})), &[("prompt", "consent login select_account")]);
    let accounts = [account(1, "ada"), account(2, "bob")];
    let progress = Progress::default();
    assert_eq!(step(&request, &accounts, &progress), Step::SelectAccount);
    let progress = progress.chose(session(1));
    assert_eq!(step(&request, &accounts, &progress), login(Some(1), LoginReason::Asked));
    let progress = progress.signed_in(session(1));
    assert_eq!(step(&request, &accounts, &progress), consent(1, "openid"));
    let progress = progress.consented(session(1));
    assert_eq!(step(&request, &accounts, &progress), issue(1));
}

#[test]
fn consent_is_remembered_and_asks_for_what_is_missing() {
    let third_party = app(&json!({}));
    let own = app(&json!({"first_party": true}));
    let accounts = [account(1, "ada")];
    let name = ("claims", r#"{"userinfo": {"name": null, "phone_number": null}}"#);
    for (scope, more, missing) in [
        ("openid", None, None),
        ("openid email", None, Some("email")),
        ("openid email profile", None, Some("email profile")),
        // `phone_number` is not for this application, so nobody is asked about it.
        ("openid", Some(name), Some("profile")),
    ] {
        let text = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("response_type", "code"), ("scope", scope), ("redirect_uri", WEB)])
            .extend_pairs(more)
            .finish();
        let params = Params::parse(text.as_bytes()).expect("well-formed");
        let request = validate(&params, &third_party).expect("valid");
        let expected = missing.map_or(issue(1), |missing| consent(1, missing));
        assert_eq!(step(&request, &accounts, &Progress::default()), expected, "{scope}");
        let own = next_step(&request, &own, &accounts, &Progress::default(), NOW);
        assert_eq!(own, issue(1), "{scope}");
        // Saying that it was asked is not enough: the consent must be there.
        let asked = Progress::default().consented(session(1));
        assert_eq!(step(&request, &accounts, &asked), expected, "{scope}");
    }
}

#[test]
fn native_applications_without_a_proven_identity_ask_every_time() {
    let accounts = [account(1, "ada")];
    for (uri, extra, again) in [
        ("http://127.0.0.1/cb", json!({}), true),
        ("com.example.app:/cb", json!({}), true),
        ("https://a.example/cb", json!({}), false),
        ("com.example.app:/cb", json!({"first_party": true}), false),
        ("com.example.app:/cb", json!({"token_endpoint_auth_method": "client_secret_post"}), false),
    ] {
        let mut members = extra.clone();
        members["type"] = "native".into();
        members["redirect_uris"] = json!([uri]);
        let app = app(&members);
        let request = request(&app, &[]);
        let next = |progress| next_step(&request, &app, &accounts, &progress, NOW);
        let expected = if again { consent(1, "openid") } else { issue(1) };
        assert_eq!(next(Progress::default()), expected, "{uri} {extra}");
        assert_eq!(next(Progress::default().consented(session(1))), issue(1), "{uri} {extra}");
    }
}

#[test]
fn who_is_no_member_is_refused_once_known() {
    let app = app(&json!({ "required_acr": "2" }));
    let outside = Account { member: false, ..account(1, "ada") };
    let next = |account: Account, prompt: &str| {
        let request = request(&app, &[("prompt", prompt)]);
        next_step(&request, &app, &[account], &Progress::default(), NOW)
    };
    // Not before everything is proven, and before anything is consented to.
    let able = Account { reach: Acr::Two, ..outside.clone() };
    assert!(matches!(next(able, ""), Step::Factor { .. }));
    let known = Account { acr: Acr::Two, consent: None, ..outside };
    for prompt in ["", "none", "consent"] {
        assert_eq!(failure(next(known.clone(), prompt)), ErrorCode::AccessDenied, "{prompt}");
    }
    assert!(matches!(next(Account { member: true, ..known }, ""), Step::Consent { .. }));
}

fn hint(client_id: &str) -> IdTokenHint {
    let claims = json!({"iss": "https://id.example", "sub": "bob", "aud": client_id});
    serde_json::from_value(claims).expect("shape")
}

#[test]
fn a_hint_must_be_genuine_and_the_applications_own() {
    for bad in [Ok(hint("other")), Err(TokenRefusal::WrongIssuer)] {
        match request(&app(&json!({})), &[]).hinted(bad) {
            Err(Rejection::Redirect { error, .. }) => {
                assert_eq!(error.code, ErrorCode::InvalidRequest);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_hint_is_answered_for_its_user_only() {
    let app = app(&json!({}));
    let both = [account(1, "ada"), account(2, "bob")];
    for (prompt, accounts, progress, expected) in [
        ("", &both[..], Progress::default(), Ok(issue(2))),
        ("none", &both, Progress::default(), Ok(issue(2))),
        ("", &both[..1], Progress::default(), Ok(login(None, LoginReason::OtherUser))),
        ("none", &both[..1], Progress::default(), Err(ErrorCode::LoginRequired)),
        ("none", &both[..0], Progress::default(), Err(ErrorCode::LoginRequired)),
        // Signed in, but as somebody else.
        (
            "",
            &both[..1],
            Progress::default().signed_in(session(1)),
            Ok(login(None, LoginReason::OtherUser)),
        ),
        ("login", &both, Progress::default(), Ok(login(Some(2), LoginReason::Asked))),
    ] {
        let request = request(&app, &[("prompt", prompt)]).hinted(Ok(hint("app"))).expect("valid");
        let next = step(&request, accounts, &progress);
        match expected {
            Ok(expected) => assert_eq!(next, expected, "{prompt} {progress:?}"),
            Err(code) => assert_eq!(failure(next), code, "{prompt} {progress:?}"),
        }
    }
}

#[test]
fn an_essential_acr_that_we_cannot_reach_fails() {
    let app = app(&json!({}));
    let accounts = [account(1, "ada")];
    for (acr, reached) in [
        (json!({"essential": true, "values": ["3", "1"]}), true),
        (json!({"essential": true}), true),
        (json!({"values": ["3"]}), true),
        (json!(null), true),
        (json!({"essential": true, "value": "3"}), false),
    ] {
        let claims = json!({"id_token": {"acr": acr}}).to_string();
        let next = step(&request(&app, &[("claims", &claims)]), &accounts, &Progress::default());
        if reached {
            assert_eq!(next, issue(1), "{claims}");
        } else {
            let unmet = ErrorCode::UnmetAuthenticationRequirements;
            assert_eq!(failure(next), unmet, "{claims}");
        }
    }
}
