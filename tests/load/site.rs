//! The tenants that are measured, and what a run needs before it: tokens, codes, a signed-in
//! browser.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use harness::Browser;
use serde_json::Value;
use url::Url;

use crate::target::Target;
use crate::wrk::Run;

pub(crate) const BODY: &str = "grant_type=client_credentials&client_id=machine\
     &client_secret=a-secret-of-thirty-two-characters&scope=orders.read";
pub(crate) const CALLER: &str = "client_id=machine&client_secret=a-secret-of-thirty-two-characters";
const MACHINE: &str = "  - client_id: machine
    name: Machine
    type: machine
    client_secret: a-secret-of-thirty-two-characters
    token_endpoint_auth_method: client_secret_post
    scopes: [orders.read]
    audiences: [https://api.example.com]
";
const REDIRECT: &str = "http://127.0.0.1:3999/callback";
pub(crate) const USER: (&str, &str) = ("ada@example.com", "lovelace-measured-1843");
/// Has not signed in before.
pub(crate) const NEW_USER: (&str, &str) = ("grace@example.com", "hopper-measured-1906");
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn tenant(slug: &str) -> String {
    format!(
        "tenant: {{slug: {slug}, name: Load, settings: {{limits: {{enabled: false}}}}}}\n\
         applications:\n{MACHINE}"
    )
}

/// The tenant `load`, with a person and an application for each signature of ID tokens.
pub(crate) fn manifest() -> String {
    let mut out = tenant("load");
    for alg in ["ES256", "RS256"] {
        let id = alg.to_lowercase();
        let _ = writeln!(
            out,
            "  - {{client_id: {id}, name: Web, type: web, client_secret: the-secret-of-{id}-0123456789, \
             first_party: true, redirect_uris: [\"{REDIRECT}\"], \
             grant_types: [authorization_code, refresh_token], scopes: [openid, offline_access], \
             id_token_signed_response_alg: {alg}, lifetimes: {{access_token: 3600}}}}"
        );
    }
    let user = |(email, password)| format!("  - {{email: {email}, password: {password}}}\n");
    out + "users:\n" + &user(USER) + &user(NEW_USER)
}

/// Tenants `t0`, `t1`, ...
pub(crate) fn many(count: usize) -> String {
    let list: Vec<String> = (0..count).map(|n| tenant(&format!("t{n}"))).collect();
    list.join("---\n")
}

/// A tenant whose one application asks for decisions.
pub(crate) fn asker(slug: &str) -> String {
    format!(
        "tenant: {{slug: {slug}, name: Load, settings: {{limits: {{enabled: false}}}}}}\n\
         applications:\n  - {{client_id: asker, name: Asker, type: machine, \
         client_secret: the-secret-of-the-asker-0123456789, scopes: [authz]}}\n"
    )
}

/// The `Authorization` header of an application of [`manifest`].
pub(crate) fn basic(client: &str) -> String {
    let pair = format!("{client}:the-secret-of-{client}-0123456789");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// An authorization request, from the root.
pub(crate) fn authorize(client: &str) -> String {
    let query = [
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("/t/load/oauth/authorize?{query}")
}

/// A token request that only lacks the code at its end.
pub(crate) fn exchange() -> String {
    let fields = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("code", ""),
    ];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// POST of a form as an application.
pub(crate) async fn post(target: &Target, path: &str, client: Option<&str>, body: &str) -> Value {
    let mut request = target.http.post(format!("{}/t/load{path}", target.base));
    if let Some(client) = client {
        request = request.header("authorization", basic(client));
    }
    let form = "application/x-www-form-urlencoded";
    let request = request.header("content-type", form).body(body.to_owned());
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.expect("JSON")
}

/// A browser in which the user is signed in.
pub(crate) async fn signed_in(target: &Target) -> Browser {
    let mut browser = Browser::at(&target.base, &target.http);
    let url = format!("{}{}", target.base, authorize("es256"));
    browser.sign_in(&url, USER.0, USER.1).await.left();
    browser
}

/// The tokens of a code of the user's.
pub(crate) async fn tokens(target: &Target, browser: &mut Browser, client: &str) -> Value {
    let back = browser.open(&format!("{}{}", target.base, authorize(client))).await.left();
    let code = code_of(&back);
    post(target, "/oauth/token", Some(client), &format!("{}{code}", exchange())).await
}

fn code_of(back: &Url) -> String {
    let found = back.query_pairs().find(|(name, _)| name == "code");
    found.unwrap_or_else(|| panic!("no code in {back}")).1.into_owned()
}

/// Whole sign-ins with a password, page and all, four people at a time.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub(crate) async fn sign_ins(target: &Target, count: usize) -> Run {
    let began = Instant::now();
    let person = async || {
        let mut took = Vec::new();
        for _ in 0..count / 4 {
            let at = Instant::now();
            signed_in(target).await;
            took.push(at.elapsed());
        }
        took
    };
    let people = futures_util::future::join_all((0..4).map(|_| person())).await;
    let mut took: Vec<Duration> = people.into_iter().flatten().collect();
    took.sort();
    let at = |percent: usize| {
        let found = took.get(took.len() * percent / 100).or(took.last());
        found.map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
    };
    let count = u32::try_from(took.len()).map_or(f64::NAN, f64::from);
    Run {
        per_second: count / began.elapsed().as_secs_f64(),
        errors: 0,
        p50: at(50),
        p95: at(95),
        p99: at(99),
    }
}
