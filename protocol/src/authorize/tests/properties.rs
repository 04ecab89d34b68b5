use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    let known = [
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "prompt",
        "code_challenge",
        "code_challenge_method",
        "max_age",
        "claims",
        "resource",
        "request",
        "login_hint",
        "ui_locales",
    ];
    prop_oneof![9 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z_]{1,9}"]
}

fn value() -> impl Strategy<Value = String> {
    let plausible = [
        CB,
        "http://127.0.0.1:99/cb",
        "https://evil.example/",
        "code",
        "code id_token",
        "id_token",
        "form_post",
        "fragment",
        "openid",
        "openid email orders",
        "none",
        "login",
        "0",
        CHALLENGE,
        "S256",
        r#"{"userinfo":{"email":null}}"#,
        "https://api.example",
    ];
    prop_oneof![
        6 => prop::sample::select(plausible.to_vec()).prop_map(str::to_owned),
        2 => "[^\0]{0,40}",
        1 => r"(https://a\.example/cb|http://127\.0\.0\.1)[?#@:/.\\a-z0-9%]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn answers_go_to_registered_addresses_with_the_state_that_came(
        pairs in proptest::collection::vec((name(), value()), 0..10),
        native: bool,
    ) {
        let text =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let params = Params::parse(text.as_bytes()).expect("well-formed");
        let kind = if native { "native" } else { "web" };
        let app = app(json!({"type": kind, "redirect_uris": [CB, "http://127.0.0.1/cb"]}));
        let to = match validate(&params, &app) {
            Err(Rejection::Page(_)) => return Ok(()),
            Err(Rejection::Redirect { to, .. }) => to,
            Ok(request) => {
                let size = serde_json::to_vec(&request).expect("serialises").len();
                prop_assert!(size <= AuthorizationRequest::MAX_BYTES);
                prop_assert!(request.scopes.is_subset(&app.scopes) && !request.scopes.is_empty());
                prop_assert!(request.nonce.is_some() || !request.response_type.has_id_token());
                request.to
            }
        };
        prop_assert_eq!(params.get("redirect_uri"), Ok(Some(to.redirect_uri.as_str())));
        prop_assert!(
            app.redirect_uris.contains(&to.redirect_uri)
                || native && url::Url::parse(&to.redirect_uri).expect("a URI").host_str()
                    == Some("127.0.0.1")
        );
        prop_assert_eq!(to.state.as_deref(), params.get("state").unwrap_or_default());
    }
}
