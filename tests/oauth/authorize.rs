//! `/oauth/authorize` (RFC 6749 4.1.1, OpenID Connect Core 3.1.2): what is refused, and where.

use harness::{Browser, Server, Visit, both};
use url::Url;

use super::support::{ADA, Acme, REDIRECT, given};

both!(
    without_a_registered_address_there_is_no_redirect,
    mistakes_go_back_to_the_application,
    what_nobody_knows_is_ignored,
    the_answer_comes_the_way_it_was_asked_for,
    redirect_uris_match_exactly,
    a_post_is_the_same_request,
);

/// The status and the error of the page that a request ends at.
async fn page(server: &Server, url: &str) -> (u16, String) {
    match Browser::new(server).open(url).await {
        Visit::Page(page) => (page.status, page.text("#error-code")),
        Visit::Left(to) => panic!("{url} redirected to {to}"),
    }
}

/// Where a request is answered at once.
async fn left(server: &Server, url: &str) -> Url {
    match Browser::new(server).open(url).await {
        Visit::Left(to) => to,
        Visit::Page(page) => panic!("{url} ended at {}", page.url.path()),
    }
}

async fn without_a_registered_address_there_is_no_redirect(server: &Server) {
    let acme = Acme::new(server).await;
    for (client, more, error) in [
        ("nobody", ("state", "x"), "invalid_client"),
        ("theirs", ("state", "x"), "invalid_client"),
        ("worker", ("state", "x"), "invalid_request"),
        ("web", ("client_id", ""), "invalid_request"),
        ("web", ("redirect_uri", ""), "invalid_request"),
        ("two", ("redirect_uri", ""), "invalid_request"),
        ("web", ("redirect_uri", "https://evil.example/callback"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:3999/callback/"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:3999/callback?x=1"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:3999/callback#x"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:3999/Callback"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:3999/x/../callback"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:4000/callback"), "invalid_request"),
        ("web", ("redirect_uri", "http://127.0.0.1:3999@evil.example/callback"), "invalid_request"),
        ("web", ("redirect_uri", "//127.0.0.1:3999/callback"), "invalid_request"),
        ("web", ("redirect_uri", "javascript:alert(1)"), "invalid_request"),
        ("two", ("redirect_uri", "http://127.0.0.1:3999/other?x=%2F+1"), "invalid_request"),
        ("two", ("redirect_uri", "http://127.0.0.1:3999/other"), "invalid_request"),
        ("native", ("redirect_uri", "http://localhost:9/callback"), "invalid_request"),
        ("native", ("redirect_uri", "http://127.0.0.1:9/other"), "invalid_request"),
        ("native", ("redirect_uri", "com.example.app:/other"), "invalid_request"),
    ] {
        let got = page(server, &acme.authorize_url(client, &[more])).await;
        assert_eq!(got, (400, error.to_owned()), "{client} {more:?}");
    }
    let good = acme.authorize_url("web", &[]);
    for twice in ["client_id=web", "redirect_uri=http%3A%2F%2F127.0.0.1%3A3999%2Fcallback"] {
        let got = page(server, &format!("{good}&{twice}")).await;
        assert_eq!(got, (400, "invalid_request".to_owned()), "{twice}");
    }
    // What cannot be read at all has no redirect URI.
    for broken in ["&x=%ff", "&x=%00", "&x=%zz", &format!("&x={}", "y".repeat(20_000))] {
        let got = page(server, &format!("{good}{broken}")).await;
        assert_eq!(got, (400, "invalid_request".to_owned()), "{broken:.20}");
    }
}

async fn mistakes_go_back_to_the_application(server: &Server) {
    let acme = Acme::new(server).await;
    let state = "s\u{fc} &=+%25#".repeat(100);
    for (client, more, error) in [
        ("web", &[("response_type", "")][..], "invalid_request"),
        ("web", &[("response_type", "token")], "unsupported_response_type"),
        ("web", &[("response_type", "coffee")], "unsupported_response_type"),
        ("web", &[("response_type", "code id_token")], "unauthorized_client"),
        ("web", &[("response_mode", "coffee")], "invalid_request"),
        ("web", &[("scope", "openid \u{1}")], "invalid_scope"),
        ("web", &[("scope", "admin")], "invalid_scope"),
        ("web", &[("prompt", "none login")], "invalid_request"),
        ("web", &[("prompt", "coffee")], "invalid_request"),
        ("web", &[("max_age", "-1")], "invalid_request"),
        ("web", &[("max_age", "x")], "invalid_request"),
        ("web", &[("claims", "{")], "invalid_request"),
        ("web", &[("claims", "[1]")], "invalid_request"),
        ("web", &[("request", "a.b.c")], "request_not_supported"),
        ("web", &[("request_uri", "https://a.example/r")], "request_uri_not_supported"),
        ("web", &[("registration", "{}")], "registration_not_supported"),
        ("web", &[("resource", "https://elsewhere.example")], "invalid_target"),
        ("web", &[("id_token_hint", "x")], "invalid_request"),
        ("web", &[("code_challenge", "x")], "invalid_request"),
        ("web", &[("code_challenge_method", "plain")], "invalid_request"),
        ("web", &[("code_challenge_method", "")], "invalid_request"),
        ("web", &[("code_challenge", "")], "invalid_request"),
        ("spa", &[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        ("spa", &[("code_challenge_method", "plain")], "invalid_request"),
        ("web", &[("prompt", "none")], "login_required"),
        ("web", &[("nonce", &"n".repeat(5_000))], "invalid_request"),
    ] {
        let more = [more, &[("state", state.as_str())]].concat();
        let back = left(server, &acme.authorize_url(client, &more)).await;
        let why = format!("{client} {:?}: {back:.200}", more[0].0);
        assert!(back.as_str().starts_with(REDIRECT), "{why}");
        assert_eq!(given(&back, "error").as_deref(), Some(error), "{why}");
        assert_eq!(given(&back, "state"), Some(state.clone()), "{why}");
        // RFC 9207: errors, too.
        assert_eq!(given(&back, "iss"), Some(acme.issuer()), "{why}");
        assert_eq!(given(&back, "code"), None, "{why}");
        let front = more[0].1.split(' ').any(|word| matches!(word, "token" | "id_token"));
        assert_eq!(back.fragment().is_some(), front, "{why}");
    }
    let good = acme.authorize_url("web", &[]);
    for twice in
        ["state=x", "scope=openid", "nonce=x", "code_challenge_method=S256", "response_type=code"]
    {
        let back = left(server, &format!("{good}&{twice}")).await;
        assert_eq!(given(&back, "error").as_deref(), Some("invalid_request"), "{twice}");
    }
}

async fn what_nobody_knows_is_ignored(server: &Server) {
    let acme = Acme::new(server).await;
    let more = [
        ("display", "wap"),
        ("ui_locales", "xx-Latn de fr-CA"),
        ("claims_locales", "zz"),
        ("login_hint", "\u{202e}nobody\u{7f}"),
        ("acr_values", "urn:x 9"),
        ("scope", "unheard_of openid"),
        ("foo", "bar"),
        ("vp_token", "x"),
    ];
    let url = format!("{}&foo=again", acme.authorize_url("web", &more));
    let mut browser = Browser::new(server);
    let back = browser.sign_in(&url, ADA.0, ADA.1).await.left();
    let body = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    assert_eq!(body["scope"], "openid", "what it was not given, it was not given");
}

async fn the_answer_comes_the_way_it_was_asked_for(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[]).await;
    assert!(back.fragment().is_none());
    assert_eq!(given(&back, "state").as_deref(), Some("the state"));
    assert_eq!(given(&back, "iss"), Some(acme.issuer()));
    let back =
        acme.sign_in(&mut browser, "web", &[("response_mode", "query"), ("state", "")]).await;
    assert_eq!((given(&back, "state"), back.fragment()), (None, None));
    let back = acme.sign_in(&mut browser, "web", &[("response_mode", "fragment")]).await;
    assert!(back.query().is_none() && given(&back, "code").is_some());
    // form_post: success and error, a form with a button for those without scripts.
    for (more, field) in [(("max_age", "100"), "code"), (("max_age", "x"), "error")] {
        let url = acme.authorize_url("web", &[("response_mode", "form_post"), more]);
        let page = browser.open(&url).await.page();
        assert_eq!(page.status, 200);
        let form = page.form("#continue");
        assert_eq!((form.action.as_str(), form.method.as_str()), (REDIRECT, "post"));
        assert!(form.value(field).is_some_and(|v| !v.is_empty()));
        assert_eq!(form.value("state"), Some("the state"));
        assert_eq!(form.value("iss"), Some(acme.issuer().as_str()));
        let policy = page.headers["content-security-policy"].to_str().expect("ASCII").to_owned();
        assert!(policy.contains("form-action http://127.0.0.1:3999;"), "{policy}");
        assert!(policy.contains("script-src 'sha256-"), "{policy}");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
}

async fn redirect_uris_match_exactly(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let asked = "http://127.0.0.1:3999/other?x=%2f+1";
    let back = acme.sign_in(&mut browser, "two", &[("redirect_uri", asked)]).await;
    assert!(back.as_str().starts_with(&format!("{asked}&code=")), "{back}");
    // RFC 8252 7.3: any port of loopback for native applications.
    for asked in ["http://127.0.0.1:49152/callback", "http://127.0.0.1/callback"] {
        let back = acme.sign_in(&mut browser, "native", &[("redirect_uri", asked)]).await;
        assert!(back.as_str().starts_with(&format!("{asked}?code=")), "{back}");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &given(&back, "code").expect("a code")),
            ("redirect_uri", asked),
            ("code_verifier", super::support::VERIFIER),
        ];
        acme.token("native", &form).await.ok();
    }
    let own = [("redirect_uri", "com.example.app:/cb")];
    let back = acme.sign_in(&mut browser, "native", &own).await;
    assert!(back.as_str().starts_with("com.example.app:/cb?code="), "{back}");
    // Without openid, the only one registered may be left out.
    let bare = [("redirect_uri", ""), ("scope", "notes")];
    let back = acme.sign_in(&mut browser, "web", &bare).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &given(&back, "code").expect("a code")),
        ("code_verifier", super::support::VERIFIER),
    ];
    acme.token("web", &form).await.ok();
}

async fn a_post_is_the_same_request(server: &Server) {
    let acme = Acme::new(server).await;
    let url = Url::parse(&acme.authorize_url("web", &[])).expect("an address");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let request = server.http.post(acme.url("/oauth/authorize")).form(&pairs);
    let answer = request.send().await.expect("answers");
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().expect("ASCII");
    assert!(location.starts_with(&acme.url("/oauth/authorize?")), "{location}");
    let back = Browser::new(server).sign_in(location, ADA.0, ADA.1).await.left();
    assert!(given(&back, "code").is_some());
    // A method that is not there, and a body that is not a form.
    let put = server.http.put(acme.url("/oauth/authorize")).send().await.expect("answers");
    assert!(put.status().is_client_error());
    let json = server.http.post(acme.url("/oauth/authorize")).json(&pairs);
    assert_eq!(json.send().await.expect("answers").status(), 400);
}
