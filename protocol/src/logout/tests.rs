use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::error::ErrorCode;

const OUT: &str = "https://a.example/out?x=%2F";

fn app() -> ApplicationSpec {
    serde_json::from_value(json!({"client_id": "app", "name": "A", "type": "web",
        "redirect_uris": ["https://a.example/cb"],
        "post_logout_redirect_uris": [OUT, "https://a.example/bye"]}))
    .expect("shape")
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

/// Ada twice (1 and 2) and Bob (3).
fn signed() -> Vec<Signed> {
    [(1, "ada"), (2, "ada"), (3, "bob")]
        .map(|(n, sub)| Signed { session: session(n), sub: sub.into() })
        .into()
}

fn token(sub: &str, sid: Option<SessionId>) -> IdTokenHint {
    let claims = json!({"iss": "https://id.example", "sub": sub, "aud": "app", "sid": sid});
    serde_json::from_value(claims).expect("shape")
}

fn params(pairs: &[(&str, &str)]) -> Params {
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Params::parse(text.as_bytes()).expect("well-formed")
}

fn with_hint(pairs: &[(&str, &str)], sub: &str, sid: Option<SessionId>) -> Decision {
    let app = app();
    decide(&params(pairs), Some(Hint { token: &token(sub, sid), app: Some(&app) }), &signed())
}

fn end(sessions: &[u128], then: Then) -> Decision {
    Decision::End { sessions: sessions.iter().map(|n| session(*n)).collect(), then }
}

fn to(uri: &str) -> Then {
    Then::Redirect(uri.into())
}

#[test]
fn a_valid_hint_and_a_registered_uri_redirect() {
    let long = "s".repeat(5_000);
    for (pairs, expected) in [
        (&[][..], Then::Page),
        (&[("state", "s")], Then::Page),
        (&[("client_id", "app")], Then::Page),
        (&[("post_logout_redirect_uri", "")], Then::Page),
        (&[("post_logout_redirect_uri", OUT)], to(OUT)),
        (
            &[("post_logout_redirect_uri", OUT), ("state", "a b&c")],
            to("https://a.example/out?x=%2F&state=a%20b%26c"),
        ),
        (
            &[("post_logout_redirect_uri", "https://a.example/bye"), ("state", long.as_str())],
            to(&format!("https://a.example/bye?state={long}")),
        ),
        (&[("client_id", "app"), ("post_logout_redirect_uri", OUT), ("unknown", "1")], to(OUT)),
    ] {
        assert_eq!(with_hint(pairs, "ada", Some(session(1))), end(&[1], expected), "{pairs:?}");
    }
}

#[test]
fn nothing_but_the_exact_registered_uri_will_do() {
    for uri in [
        "https://evil.example/",
        "https://a.example/out",
        "https://a.example/out?x=/",
        "https://a.example/out?x=%2F&y=1",
        "https://a.example/out?x=%2F#f",
        "https://A.example/bye",
        "https://a.example/bye/",
        "https://a.example/bye?x=1",
        "https://a.example/cb",
        "//a.example/bye",
        "javascript:alert(1)",
    ] {
        let pairs = [("post_logout_redirect_uri", uri)];
        match with_hint(&pairs, "ada", Some(session(1))) {
            Decision::Refuse(error) => assert_eq!(error.code, ErrorCode::InvalidRequest, "{uri}"),
            other => panic!("{uri}: {other:?}"),
        }
    }
}

#[test]
fn the_hint_must_be_of_that_application() {
    let other = [("client_id", "other"), ("post_logout_redirect_uri", OUT)];
    assert!(matches!(with_hint(&other, "ada", Some(session(1))), Decision::Refuse(_)));
    let token = token("ada", Some(session(1)));
    let removed = Hint { token: &token, app: None };
    let with_uri = params(&[("post_logout_redirect_uri", OUT)]);
    assert!(matches!(decide(&with_uri, Some(removed), &signed()), Decision::Refuse(_)));
    assert_eq!(decide(&params(&[]), Some(removed), &signed()), end(&[1], Then::Page));
    // An application that was looked up by anything but the audience lends the hint no URI.
    let mut another = app();
    another.client_id = "other".into();
    let mixed_up = Hint { token: &token, app: Some(&another) };
    assert!(matches!(decide(&with_uri, Some(mixed_up), &signed()), Decision::Refuse(_)));
}

#[test]
fn without_a_valid_hint_the_user_is_asked_and_stays_here() {
    for pairs in [
        &[][..],
        &[("state", "s")],
        &[("client_id", "app"), ("post_logout_redirect_uri", OUT), ("state", "s")],
        &[("post_logout_redirect_uri", "https://evil.example/")],
        &[("id_token_hint", "forged"), ("post_logout_redirect_uri", OUT)],
    ] {
        let params = params(pairs);
        let confirm = Decision::Confirm { then: Then::Page };
        assert_eq!(decide(&params, None, &signed()), confirm, "{pairs:?}");
        assert_eq!(decide(&params, None, &[]), end(&[], Then::Page), "{pairs:?}");
    }
}

#[test]
fn what_ends_is_what_the_hint_is_about() {
    let bye = [("post_logout_redirect_uri", "https://a.example/bye")];
    let then = || to("https://a.example/bye");
    for (sub, sid, expected) in [
        ("ada", Some(2), end(&[2], then())),
        ("bob", None, end(&[3], then())),
        ("ada", None, end(&[1, 2], then())),
        // The session of the hint is over; the user has signed in again.
        ("bob", Some(9), end(&[3], then())),
        // Somebody else is signed in: whoever that is decides.
        ("eve", Some(9), Decision::Confirm { then: then() }),
    ] {
        assert_eq!(with_hint(&bye, sub, sid.map(session)), expected, "{sub} {sid:?}");
    }
    let app = app();
    let hint = Hint { token: &token("ada", Some(session(1))), app: Some(&app) };
    assert_eq!(decide(&params(&bye), Some(hint), &[]), end(&[], then()), "already logged out");
}

#[test]
fn repeated_parameters_are_refused() {
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        let twice = [(name, "app"), (name, "app")];
        assert!(matches!(with_hint(&twice, "ada", None), Decision::Refuse(_)), "{name}");
        assert!(matches!(decide(&params(&twice), None, &signed()), Decision::Refuse(_)), "{name}");
    }
}

proptest! {
    #[test]
    fn never_a_redirect_to_anywhere_else(
        uri in prop_oneof![
            Just(OUT.to_owned()), "https://a\\.example/(out|bye|cb)[?&#/x=1]{0,4}", "[^\0]{0,40}"
        ],
        state in proptest::option::of("[^\0]{1,20}"),
        hinted: bool,
    ) {
        let app = app();
        let mut pairs = vec![("post_logout_redirect_uri", uri.as_str())];
        pairs.extend(state.as_deref().map(|state| ("state", state)));
        let token = token("ada", Some(session(1)));
        let hint = Hint { token: &token, app: Some(&app) };
        let decision = decide(&params(&pairs), hinted.then_some(hint), &signed());
        if let Decision::End { then: Then::Redirect(target), .. }
            | Decision::Confirm { then: Then::Redirect(target) } = decision
        {
            prop_assert!(hinted);
            prop_assert!(app.post_logout_redirect_uris.contains(&uri));
            let query = target.strip_prefix(uri.as_str()).expect("the registered URI").get(1..);
            let read = Params::parse(query.unwrap_or_default().as_bytes()).expect("well-formed");
            prop_assert_eq!(read.get("state"), Ok(state.as_deref()));
        }
    }
}
