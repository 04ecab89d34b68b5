//! OpenID Connect Session Management 1.0: `session_state`, and the frame that is asked about it.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::clients::{node, succeed};
use harness::{Browser, Page, Server, both};
use serde_json::{Value, json};
use url::Url;

use super::support::{ADA, Acme, BOB, given};
use crate::admin::support::Api;

both!(
    the_state_follows_who_is_signed_in,
    a_session_that_was_ended_elsewhere_is_noticed_at_the_next_visit,
    only_openid_requests_of_pages_have_a_state,
    the_frame_tells_what_has_changed,
);

const ORIGIN: &str = "http://127.0.0.1:3999";

/// The state that scripts may read.
fn state(browser: &Browser) -> String {
    let mut all = browser.cookies().iter().filter(|c| c.name.starts_with("bs-"));
    let cookie = all.next().expect("a state");
    assert!(all.next().is_none(), "there is one");
    // On http; `SameSite=None` needs https.
    assert!(cookie.attributes.iter().any(|a| a == "samesite=lax"), "{cookie:?}");
    assert!(!cookie.attributes.iter().any(|a| a == "httponly"), "{cookie:?}");
    cookie.value.clone()
}

fn session_state(back: &Url) -> String {
    given(back, "session_state").unwrap_or_else(|| panic!("no session_state in {back}"))
}

/// What the specification says that it is (3.2).
fn expected(client: &str, state: &str, given: &str) -> String {
    let salt = given.split_once('.').expect("a salt").1;
    let text = format!("{client} {ORIGIN} {state} {salt}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    format!("{}.{salt}", URL_SAFE_NO_PAD.encode(hash))
}

async fn sign_out(acme: &Acme<'_>, browser: &mut Browser) {
    let page = browser.open(&acme.url("/oauth/logout")).await.page();
    assert!(browser.submit(page.form("#sign-out")).await.page().has("#signed-out"));
}

async fn the_state_follows_who_is_signed_in(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let none = [("prompt", "none")];
    browser.open(&acme.authorize_url("web", &none)).await.left();
    assert!(browser.cookies().iter().all(|c| !c.name.starts_with("bs-")), "nobody was here yet");
    let web = session_state(&acme.sign_in(&mut browser, "web", &[]).await);
    let ada = state(&browser);
    assert_eq!(web, expected("web", &ada, &web));
    // Another application, the same state, another answer.
    let spa = session_state(&acme.sign_in(&mut browser, "spa", &[]).await);
    assert_eq!((state(&browser), &spa), (ada.clone(), &expected("spa", &ada, &spa)));
    assert_ne!(spa, expected("web", &ada, &spa));
    // Ada again: the same session.
    acme.sign_in(&mut browser, "web", &[("prompt", "login")]).await;
    assert_eq!(state(&browser), ada);
    let bobs = [("prompt", "login"), ("login_hint", BOB.0)];
    acme.sign_in_as(BOB, &mut browser, "web", &bobs).await;
    let both = state(&browser);
    assert_ne!(both, ada);
    assert_ne!(web, expected("web", &both, &web), "it has changed");
    // The same sessions, another one used last.
    acme.sign_in(&mut browser, "web", &[("prompt", "login"), ("login_hint", ADA.0)]).await;
    assert_eq!(state(&browser), both);
    sign_out(&acme, &mut browser).await;
    let nobody = state(&browser);
    assert!(nobody != both && nobody != ada);
    acme.sign_in_as(ADA, &mut browser, "web", &[]).await;
    let again = state(&browser);
    assert!(![&ada, &both, &nobody].contains(&&again), "a new session is not the old one");
    // Another browser of the same user has a state of its own.
    let mut other = Browser::new(server);
    acme.sign_in(&mut other, "web", &[]).await;
    assert_ne!(state(&other), again);
}

async fn a_session_that_was_ended_elsewhere_is_noticed_at_the_next_visit(server: &Server) {
    let acme = Acme::new(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let mut browser = Browser::new(server);
    acme.sign_in_as(BOB, &mut browser, "web", &[]).await;
    let before = state(&browser);
    let users = api.get("/users").await.expect(200);
    let mut users = users["items"].as_array().expect("users").iter();
    let bob = users.find(|u| u["email"] == BOB.0).expect("Bob")["id"].as_str().expect("an id");
    let path = format!("/users/{bob}");
    let etag = api.get(&path).await.header("etag").to_owned();
    api.patch(&path, &etag, &json!({ "active": false })).await.expect(200);
    assert_eq!(state(&browser), before);
    let back = browser.open(&acme.authorize_url("web", &[("prompt", "none")])).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("login_required"));
    assert_ne!(state(&browser), before);
}

async fn only_openid_requests_of_pages_have_a_state(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[("scope", "notes")]).await;
    assert!(given(&back, "code").is_some() && given(&back, "session_state").is_none());
    let private = [("redirect_uri", "com.example.app:/cb"), ("prompt", "consent")];
    let back = acme.sign_in(&mut browser, "native", &private).await;
    assert!(given(&back, "code").is_some() && given(&back, "session_state").is_none());
    let front = [("response_type", "id_token"), ("response_mode", "fragment")];
    let back = acme.sign_in(&mut browser, "front", &front).await;
    let given = session_state(&back);
    assert_eq!(given, expected("front", &state(&browser), &given));
}

async fn the_frame_tells_what_has_changed(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let known = session_state(&acme.sign_in(&mut browser, "web", &[]).await);
    let discovery = server.get("/t/acme/.well-known/openid-configuration").await;
    let discovery: Value = discovery.json().await.expect("JSON");
    let address = discovery["check_session_iframe"].as_str().expect("an address");
    let frame = browser.open(address).await.page();
    assert_eq!(frame.status, 200);
    // The one page that may be framed.
    let policy = frame.headers["content-security-policy"].to_str().expect("ASCII");
    let nonce = frame.attribute("script", "nonce").expect("a nonce");
    assert!(policy.contains(&format!("script-src 'nonce-{nonce}'")), "{policy}");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors *"));
    assert!(frame.headers.get("x-frame-options").is_none());
    assert_eq!(frame.headers["x-content-type-options"], "nosniff");

    let here = state(&browser);
    sign_out(&acme, &mut browser).await;
    let gone = state(&browser);
    let asks = |state: &str| format!("web {state}");
    let other = format!("third {known}");
    for (cookie, origin, data, reply) in [
        (Some(&here), ORIGIN, asks(&known), "unchanged"),
        (Some(&gone), ORIGIN, asks(&known), "changed"),
        (Some(&here), "https://evil.example", asks(&known), "changed"),
        (Some(&here), ORIGIN, other, "changed"),
        (Some(&here), ORIGIN, asks("x.y"), "changed"),
        (Some(&here), ORIGIN, asks("x"), "error"),
        (Some(&here), ORIGIN, "web".into(), "error"),
        (Some(&here), ORIGIN, format!("web {known} more"), "error"),
        (Some(&here), ORIGIN, String::new(), "error"),
        (None, ORIGIN, asks(&known), "error"),
    ] {
        let said = ask(&frame, cookie.map(String::as_str), origin, &data).await;
        assert_eq!(said, [reply, origin], "{data} from {origin}");
    }
}

/// Runs the frame's script: what it answers to a message, and to whom.
async fn ask(frame: &Page, cookie: Option<&str>, origin: &str, data: &str) -> Vec<String> {
    let name = frame.attribute("body", "data-cookie").expect("the name of the cookie");
    let cookies = cookie.map_or("other=1".into(), |value| format!("other=1; {name}={value}"));
    let html = frame.html.split_once("<script").expect("a script").1;
    let script = html.split_once('>').and_then(|(_, rest)| rest.split_once("</script>"));
    let script = script.expect("a script").0;
    let mut command = node("check_session.mjs");
    command.args([&*name, &cookies, origin, data, script]);
    let printed = succeed(command).await;
    serde_json::from_str(printed.trim()).expect("JSON")
}
