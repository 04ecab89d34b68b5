//! Unusual sign-ins: what makes them so, and what a tenant makes of them.

use std::time::Duration;

use harness::{Browser, Options, Page, Server, Visit, both};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::factors::{acme, code, set_up};
use super::portal::open;
use super::{mail, mails, settled};
use crate::oauth::support::{ADA, Acme};

both!(
    with_places() =>
    an_unusual_sign_in_is_told_to_its_person,
    an_unusual_sign_in_is_asked_for_more,
    a_tenant_may_stop_unusual_sign_ins,
    lists_of_stolen_passwords_are_noticed,
    what_is_kept_of_sign_ins_is_sealed_and_ends,
);

const BERLIN: &str = "192.0.2.7";
const HAMBURG: &str = "203.0.113.7";
const TOKYO: &str = "198.51.100.7";

fn with_places() -> Options {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/places.mmdb");
    Options::default()
        .with("BAILIWICK_PLACES_FILE", file)
        .with("BAILIWICK_TRUSTED_PROXIES", "127.0.0.1/32")
}

/// A browser at an address.
#[expect(clippy::disallowed_methods, reason = "the tests are the other people here")]
fn browser(server: &Server, address: &str) -> Browser {
    let value = HeaderValue::from_str(address).expect("a header");
    let agent = HeaderValue::from_static("Mozilla/5.0 (X11; Linux) Firefox/140.0");
    let name = |name| reqwest::header::HeaderName::from_static(name);
    let headers = [(name("x-forwarded-for"), value), (name("user-agent"), agent)];
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(HeaderMap::from_iter(headers))
        .build()
        .expect("a client can be built");
    Browser::at(&server.base, &http)
}

async fn sign_in(acme: &Acme<'_>, browser: &mut Browser) -> Visit {
    // Events are in the order of time.
    acme.server.advance(Duration::from_secs(1)).await;
    browser.sign_in(&acme.authorize_url("web", &[]), ADA.0, ADA.1).await
}

/// The data of the last event of a kind.
async fn event(server: &Server, kind: &str) -> Value {
    let sql = format!(
        "SELECT CAST(data AS TEXT) FROM audit_events WHERE kind = '{kind}' ORDER BY id DESC LIMIT 1"
    );
    let rows = server.rows::<(String,)>(&sql).await;
    serde_json::from_str(&rows.first().expect("an event").0).expect("JSON")
}

fn problem(visit: Visit) -> (u16, Page) {
    let page = visit.page();
    (page.status, page)
}

async fn an_unusual_sign_in_is_told_to_its_person(server: &Server) {
    let acme = acme(server, "").await;
    // Who has never signed in has no habits.
    sign_in(&acme, &mut browser(server, TOKYO)).await.left();
    assert!(event(server, "session.started").await.get("risk").is_none());
    server.advance(Duration::from_secs(86_400)).await;
    // Another browser in the same country is no news.
    sign_in(&acme, &mut browser(server, TOKYO)).await.left();
    let risk = &event(server, "session.started").await["risk"];
    assert_eq!(risk["score"], 20, "{risk}");
    settled(server).await;
    assert!(mails(server).await.is_empty());
    // Another country is.
    server.advance(Duration::from_secs(86_400)).await;
    let mut here = browser(server, BERLIN);
    sign_in(&acme, &mut here).await.left();
    let (subject, link) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "New sign-in to your account");
    assert!(link.ends_with("/account/sessions"), "{link}");
    let text = mails(server).await[0]["text"].as_str().expect("text").to_owned();
    assert!(text.contains("Firefox, Linux · Berlin, DE · 192.0.2.7"), "{text}");
    let risk = &event(server, "session.started").await["risk"];
    assert_eq!(risk["reasons"], serde_json::json!(["new_device", "new_country"]));
    assert_eq!(risk["decision"]["notify"], true);
    let page = open(&acme, &mut here, "/account/sessions").await;
    assert!(page.text("#sessions").contains("Berlin, DE"), "{}", page.html);
    // From there on it is usual.
    let mut other = browser(server, HAMBURG);
    sign_in(&acme, &mut other).await.left();
    assert_eq!(event(server, "session.started").await["risk"]["score"], 20);
}

async fn an_unusual_sign_in_is_asked_for_more(server: &Server) {
    let acme = acme(server, "mfa: { required: at_risk }").await;
    let mut home = browser(server, BERLIN);
    sign_in(&acme, &mut home).await.left();
    let (secret, _) = set_up(&acme, &mut home).await;
    server.advance(Duration::from_secs(60)).await;
    // Usual: the password is enough, also in another browser.
    sign_in(&acme, &mut browser(server, HAMBURG)).await.left();
    // Nobody gets to Tokyo in a minute.
    let mut far = browser(server, TOKYO);
    let page = sign_in(&acme, &mut far).await.page();
    assert!(page.has("#prove"), "{}", page.html);
    let risk = &event(server, "session.started").await["risk"];
    let reasons = serde_json::json!(["new_device", "new_country", "impossible_travel"]);
    assert_eq!((&risk["reasons"], &risk["score"]), (&reasons, &100.into()));
    let form = page.form("#prove").fill("#code", &code(server, &secret));
    far.submit(form).await.left();
    // Who has nothing to prove more with is told, and is not asked to set something up.
    acme.server.apply(&super::manifest("mfa: { required: at_risk, methods: [passkey] }")).await;
    let mut thief = browser(server, TOKYO);
    server.advance(Duration::from_secs(60)).await;
    sign_in(&acme, &mut browser(server, BERLIN)).await.left();
    sign_in(&acme, &mut thief).await.left();
}

async fn a_tenant_may_stop_unusual_sign_ins(server: &Server) {
    let acme = acme(server, "risk: { notify: 20, block: 90 }").await;
    let mut home = browser(server, BERLIN);
    sign_in(&acme, &mut home).await.left();
    let sessions = "SELECT COUNT(*) FROM sessions";
    assert_eq!(server.number(sessions).await, 1);
    let (status, page) = problem(sign_in(&acme, &mut browser(server, TOKYO)).await);
    assert_eq!(status, 403);
    assert!(page.text("#problem").contains("unusual"), "{}", page.html);
    assert_eq!(server.number(sessions).await, 1, "nothing has started");
    let blocked = event(server, "session.blocked").await;
    assert_eq!((&blocked["risk"]["score"], &blocked["amr"][0]), (&100.into(), &"pwd".into()));
    let (subject, _) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "A sign-in was stopped");
    // What was stopped is no habit, and where the person is they sign in as ever.
    let (status, _) = problem(sign_in(&acme, &mut browser(server, TOKYO)).await);
    assert_eq!(status, 403);
    let url = acme.authorize_url("web", &[("prompt", "login")]);
    home.sign_in(&url, ADA.0, ADA.1).await.left();
}

async fn lists_of_stolen_passwords_are_noticed(server: &Server) {
    let acme = acme(server, "risk: { notify: 0, block: 40 }").await;
    sign_in(&acme, &mut browser(server, BERLIN)).await.left();
    let mut bot = browser(server, HAMBURG);
    let url = acme.authorize_url("web", &[]);
    for n in 0..10 {
        let email = format!("somebody-{n}@example.com");
        let page = bot.sign_in(&url, &email, "a-password-of-a-list").await.page();
        assert_eq!(page.status, 401);
    }
    let (status, _) = problem(sign_in(&acme, &mut bot).await);
    assert_eq!(status, 403, "one of the list was right");
    let reasons = &event(server, "session.blocked").await["risk"]["reasons"];
    assert_eq!(reasons, &serde_json::json!(["new_device", "many_accounts"]));
    // Elsewhere nobody suffers from it.
    sign_in(&acme, &mut browser(server, BERLIN)).await.left();
}

async fn what_is_kept_of_sign_ins_is_sealed_and_ends(server: &Server) {
    let acme = acme(server, "").await;
    sign_in(&acme, &mut browser(server, BERLIN)).await.left();
    let rows = "SELECT COUNT(*) FROM sign_ins";
    assert_eq!(server.number(rows).await, 1);
    let sql = "SELECT device FROM sign_ins";
    let kept = server.rows::<(Vec<u8>,)>(sql).await;
    let clear = BERLIN.as_bytes();
    assert!(!kept[0].0.windows(clear.len()).any(|w| w == clear));
    server.advance(Duration::from_secs(91 * 86_400)).await;
    for _ in 0..200 {
        if server.number(rows).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is kept for ever");
}
