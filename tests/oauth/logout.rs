//! `/oauth/logout` (OpenID Connect RP-Initiated Logout 1.0).

use harness::{Browser, Server, Visit, both};
use serde_json::Value;
use url::Url;

use super::support::{Acme, BOB, BYE, REDIRECT, given, tampered};

both!(
    leads_back_to_the_application,
    never_leads_anywhere_else,
    without_a_hint_it_asks,
    ends_what_was_bound_to_the_session,
);

async fn signed_in(acme: &Acme<'_>, browser: &mut Browser) -> Value {
    let back = acme.sign_in(browser, "web", &[]).await;
    acme.exchange("web", &given(&back, "code").expect("a code")).await.ok()
}

fn logout_url(acme: &Acme<'_>, pairs: &[(&str, &str)]) -> String {
    Url::parse_with_params(&acme.url("/oauth/logout"), pairs).expect("an address").into()
}

async fn is_signed_in(acme: &Acme<'_>, browser: &mut Browser) -> bool {
    let back = browser.open(&acme.authorize_url("web", &[("prompt", "none")])).await.left();
    given(&back, "code").is_some()
}

async fn leads_back_to_the_application(server: &Server) {
    let acme = Acme::new(server).await;
    let state = "a b&c=\u{fc}%2f";
    for (more, by_post) in [(None, false), (Some(("client_id", "web")), false), (None, true)] {
        let mut browser = Browser::new(server);
        let tokens = signed_in(&acme, &mut browser).await;
        let hint = tokens["id_token"].as_str().expect("an ID token");
        let mut pairs =
            vec![("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", state)];
        pairs.extend(more);
        let mut url = logout_url(&acme, &pairs);
        if by_post {
            let request = server.http.post(acme.url("/oauth/logout")).form(&pairs);
            let answer = request.send().await.expect("answers");
            assert_eq!(answer.status(), 303);
            url = answer.headers()["location"].to_str().expect("ASCII").to_owned();
        }
        let back = browser.open(&url).await.left();
        let pairs: Vec<_> = back.query_pairs().into_owned().collect();
        assert_eq!(pairs, [("state".to_owned(), state.to_owned())], "exactly state");
        assert!(back.as_str().starts_with(&format!("{BYE}?")));
        assert!(!is_signed_in(&acme, &mut browser).await);
        // Again, when there is nothing left to end.
        assert_eq!(browser.open(&url).await.left(), back);
    }
}

async fn never_leads_anywhere_else(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let tokens = signed_in(&acme, &mut browser).await;
    let hint = tokens["id_token"].as_str().expect("an ID token");
    let access = tokens["access_token"].as_str().expect("a token");
    let parts: Vec<&str> = hint.split('.').collect();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let theirs = acme.other();
    let back = theirs.sign_in(&mut Browser::new(server), "web", &[]).await;
    let foreign = theirs.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    let foreign = foreign["id_token"].as_str().expect("an ID token");
    let mut cases: Vec<Vec<(&str, &str)>> = vec![
        vec![("post_logout_redirect_uri", BYE)],
        vec![("post_logout_redirect_uri", BYE), ("client_id", "web")],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("client_id", "spa")],
    ];
    for uri in ["https://evil.example/", "http://127.0.0.1:3999/bye?x=1", "x", REDIRECT] {
        cases.push(vec![("id_token_hint", hint), ("post_logout_redirect_uri", uri)]);
    }
    let forged = tampered(hint);
    for wrong in [forged.as_str(), &unsigned, access, foreign, "x"] {
        cases.push(vec![("id_token_hint", wrong), ("post_logout_redirect_uri", BYE)]);
    }
    let cases: Vec<String> = cases.iter().map(|pairs| logout_url(&acme, pairs)).collect();
    for url in cases {
        let page = match browser.open(&url).await {
            Visit::Page(page) => page,
            Visit::Left(to) => panic!("{url} led to {to}"),
        };
        assert!(is_signed_in(&acme, &mut browser).await, "{url} signed out without asking");
        if page.has("#sign-out") {
            // Not after confirmation either.
            let mut other = Browser::new(server);
            signed_in(&acme, &mut other).await;
            let page = other.open(&url).await.page();
            let page = other.submit(page.form("#sign-out")).await.page();
            assert!(page.has("#signed-out"));
            assert!(!is_signed_in(&acme, &mut other).await);
        } else {
            assert_eq!(page.status, 400, "{url}");
        }
    }
}

async fn without_a_hint_it_asks(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let url = acme.url("/oauth/logout");
    assert!(browser.open(&url).await.page().has("#signed-out"), "nobody to ask");
    signed_in(&acme, &mut browser).await;
    let page = browser.open(&url).await.page();
    assert!(page.text("#accounts").contains("Ada"));
    let staying = browser.submit(page.form("#stay")).await.page();
    assert!(staying.has("#still-signed-in"));
    assert!(is_signed_in(&acme, &mut browser).await);
    let form = browser.open(&url).await.page().form("#sign-out");
    assert_eq!(browser.submit(form.clone().fill("csrf", "x")).await.page().status, 403);
    assert_eq!(browser.submit(form.clone().fill("request", "x")).await.page().status, 400);
    assert!(is_signed_in(&acme, &mut browser).await);
    let page = browser.submit(form).await.page();
    assert!(page.has("#signed-out"));
    assert!(!is_signed_in(&acme, &mut browser).await);
}

async fn ends_what_was_bound_to_the_session(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let online = signed_in(&acme, &mut browser).await;
    let offline = [("scope", "openid offline_access")];
    let back = browser.open(&acme.authorize_url("web", &offline)).await.left();
    let kept = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    // Bob signs in too: a hint of Ada's ends hers and leaves his.
    let bob = acme.authorize_url("web", &[("prompt", "login"), ("login_hint", BOB.0)]);
    browser.sign_in(&bob, BOB.0, BOB.1).await.left();
    let hint = online["id_token"].as_str().expect("an ID token");
    let page = browser.open(&logout_url(&acme, &[("id_token_hint", hint)])).await.page();
    assert!(page.has("#signed-out"));
    acme.userinfo(&online["access_token"]).await.refused(401, "invalid_token");
    assert!(!acme.is_active("web", &online["access_token"]).await);
    assert!(acme.is_active("web", &kept["access_token"]).await);
    acme.refresh("web", kept["refresh_token"].as_str().expect("one")).await.ok();
    assert!(is_signed_in(&acme, &mut browser).await, "Bob is still there");
    // A hint of somebody who is not there asks before it ends Bob's.
    let page = browser.open(&logout_url(&acme, &[("id_token_hint", hint)])).await.page();
    assert!(page.has("#sign-out") && page.text("#accounts").contains(BOB.0));
}
