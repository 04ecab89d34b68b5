//! Second factors: authenticator apps, recovery codes, and what asks for them.

use std::time::Duration;

use bailiwick_domain::env::Clock as _;
use harness::{Browser, Page, Server, Visit, both};
use serde_json::Value;

use super::portal::{open, sign_in};
use crate::oauth::support::{ADA, Acme, BOB, claims as token_claims, given};

both!(
    an_app_is_set_up_and_asked_for,
    a_code_works_once_and_only_near_its_time,
    recovery_codes_work_once_each,
    guessing_codes_comes_to_an_end,
    a_remembered_browser_is_asked_for_the_password_only,
    who_has_nothing_sets_something_up_first,
    an_application_gets_the_acr_that_it_asks_for,
    what_is_set_up_is_of_one_person_in_one_browser,
);

const MFA: &str = "mfa: { methods: [passkey, totp], remember_days: 30 }";

pub(super) async fn acme<'s>(server: &'s Server, settings: &str) -> Acme<'s> {
    server.apply(&super::manifest(settings)).await;
    Acme { server, slug: "acme" }
}

/// The secret that a page shows.
fn secret(page: &Page) -> Vec<u8> {
    let text: String = page.text("#secret").split_whitespace().collect();
    let mut bits = 0_u32;
    let mut held = 0;
    let mut out = Vec::new();
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            _ => c - b'2' + 26,
        };
        bits = (bits << 5) | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 255).expect("a byte"));
        }
    }
    out
}

/// The code that an app with this secret shows now.
pub(super) fn code(server: &Server, secret: &[u8]) -> String {
    let app = totp_rs::Builder::new().with_secret(totp_rs::Secret::from(secret.to_vec()));
    let app = app.with_account_name("ada").build().expect("a secret");
    let now = u64::try_from(server.clock.now().as_secs()).expect("after 1970");
    app.generate(now).to_string()
}

/// Sets an app up in a browser that is signed in, and gives its secret and the recovery codes.
pub(super) async fn set_up(acme: &Acme<'_>, browser: &mut Browser) -> (Vec<u8>, Vec<String>) {
    let page = open(acme, browser, "/account/totp").await;
    let secret = secret(&page);
    assert_eq!(secret.len(), 20, "{}", page.text("#secret"));
    assert!(page.has("#qr svg"));
    let code = code(acme.server, &secret);
    let codes = browser.submit(page.form("#save").fill("#code", &code)).await.page();
    assert_eq!(codes.text("#done"), "It is set up.");
    let made = browser.submit(codes.form("#make")).await.page();
    let list = made.text("#codes").split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(list.len(), 10);
    (secret, list)
}

/// Signs Ada in with her password in a new browser.
async fn password(acme: &Acme<'_>, browser: &mut Browser, more: &[(&str, &str)]) -> Visit {
    let page = browser.open(&acme.authorize_url("web", more)).await.page();
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    browser.submit(form).await
}

async fn prove(browser: &mut Browser, page: &Page, code: &str) -> Visit {
    browser.submit(page.form("#prove").fill("#code", code)).await
}

/// The next 30 seconds.
async fn later(server: &Server) {
    server.advance(Duration::from_secs(30)).await;
}

async fn claims(acme: &Acme<'_>, visit: Visit) -> Value {
    let code = given(&visit.left(), "code").expect("a code");
    let tokens = acme.exchange("web", &code).await.ok();
    token_claims(&tokens["id_token"])
}

async fn an_app_is_set_up_and_asked_for(server: &Server) {
    let acme = acme(server, MFA).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let (secret, _) = set_up(&acme, &mut browser).await;
    let again = open(&acme, &mut browser, "/account/totp").await;
    assert!(again.has("#remove") && !again.has("#secret"), "a secret is shown once");
    later(server).await;
    let mut other = Browser::new(server);
    let asked = password(&acme, &mut other, &[]).await.page();
    assert_eq!(asked.text("h1"), "One more step");
    let silent = other.open(&acme.authorize_url("web", &[("prompt", "none")])).await.left();
    assert_eq!(given(&silent, "error").as_deref(), Some("interaction_required"));
    let stays_out = other.open(&format!("{}/account", acme.issuer())).await.page();
    assert!(stays_out.has("#prove"), "the account's own pages ask as well");
    let wrong = prove(&mut other, &asked, "000000").await.page();
    assert_eq!((wrong.status, wrong.has("#problem")), (401, true));
    let done = prove(&mut other, &wrong, &code(server, &secret)).await;
    let claims = claims(&acme, done).await;
    assert_eq!(claims["acr"], "2");
    assert_eq!(claims["amr"], serde_json::json!(["mfa", "otp", "pwd"]));
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind IN \
                  ('factor.added', 'session.factor_used', 'recovery_codes.created')";
    assert_eq!(server.number(events).await, 4);
    // No secret is readable in the database.
    let data = server.rows::<(String,)>("SELECT data FROM credentials WHERE kind = 'totp'").await;
    assert!(data.len() == 1 && data[0].0.len() > 80, "{data:?}");
    // Removed, the password does again.
    let page = open(&acme, &mut other, "/account/totp").await;
    let removed = other.submit(page.form("#remove")).await.page();
    assert_eq!(removed.text("#done"), "It is removed.");
    let mut third = Browser::new(server);
    assert!(matches!(password(&acme, &mut third, &[]).await, Visit::Left(_)));
}

async fn a_code_works_once_and_only_near_its_time(server: &Server) {
    let acme = acme(server, MFA).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let (secret, _) = set_up(&acme, &mut browser).await;
    let mut other = Browser::new(server);
    let asked = password(&acme, &mut other, &[]).await.page();
    let used = code(server, &secret);
    assert_eq!(prove(&mut other, &asked, &used).await.page().status, 401, "it set the app up");
    later(server).await;
    let fresh = code(server, &secret);
    // The same code in two browsers at the same time.
    let mut second = Browser::new(server);
    let asked_too = password(&acme, &mut second, &[]).await.page();
    let both =
        tokio::join!(prove(&mut other, &asked, &fresh), prove(&mut second, &asked_too, &fresh),);
    let got_in = |visit: &Visit| matches!(visit, Visit::Left(_));
    assert!(got_in(&both.0) != got_in(&both.1), "one of them gets in");
    server.advance(Duration::from_secs(120)).await;
    let mut third = Browser::new(server);
    let asked = password(&acme, &mut third, &[]).await.page();
    assert_eq!(prove(&mut third, &asked, &fresh).await.page().status, 401, "it is too old");
}

async fn recovery_codes_work_once_each(server: &Server) {
    let acme = acme(server, MFA).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let (_, codes) = set_up(&acme, &mut browser).await;
    let stored = "SELECT COUNT(*) FROM credentials WHERE data LIKE '%$argon2id$%' \
                  AND kind = 'recovery_code'";
    assert_eq!(server.number(stored).await, 10);
    let mut other = Browser::new(server);
    let asked = password(&acme, &mut other, &[]).await.page();
    let link = asked.attribute("#use-recovery_code", "href").expect("a link");
    let page = other.open(&link).await.page();
    assert!(!page.has("#remember"), "an emergency is not remembered");
    let typed = codes[3].to_uppercase().replace('-', " ");
    let mut form = page.form("#prove").fill("#code", &typed);
    form.fields.push(("remember".into(), "1".into()));
    assert!(matches!(other.submit(form).await, Visit::Left(_)));
    assert_eq!(server.number("SELECT COUNT(*) FROM remembered_browsers").await, 0);
    let mut third = Browser::new(server);
    password(&acme, &mut third, &[]).await.page();
    let page = third.open(&link).await.page();
    assert_eq!(prove(&mut third, &page, &codes[3]).await.page().status, 401);
    assert_eq!(server.number(stored).await, 9);
    // New codes take the place of the old ones.
    let page = open(&acme, &mut browser, "/account/recovery-codes").await;
    assert_eq!(page.text("#left"), "9 left");
    browser.submit(page.form("#make")).await.page();
    let page = third.open(&link).await.page();
    assert_eq!(prove(&mut third, &page, &codes[4]).await.page().status, 401);
    assert_eq!(server.number(stored).await, 10);
}

async fn guessing_codes_comes_to_an_end(server: &Server) {
    let acme = acme(server, MFA).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let (secret, _) = set_up(&acme, &mut browser).await;
    later(server).await;
    let mut thief = Browser::new(server);
    let asked = password(&acme, &mut thief, &[]).await.page();
    let mut last = 401;
    for guess in 0..30 {
        let page = prove(&mut thief, &asked, &format!("{guess:06}")).await.page();
        last = page.status;
        if last == 429 {
            assert!(page.text("#problem").contains("You can try again in"), "{}", page.html);
            break;
        }
    }
    assert_eq!(last, 429);
    let right = prove(&mut thief, &asked, &code(server, &secret)).await.page();
    assert_eq!(right.status, 429, "the right one does not count either");
}

async fn a_remembered_browser_is_asked_for_the_password_only(server: &Server) {
    let acme = acme(server, MFA).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let (secret, _) = set_up(&acme, &mut browser).await;
    later(server).await;
    let mut other = Browser::new(server);
    let asked = password(&acme, &mut other, &[]).await.page();
    let mut form = asked.form("#prove").fill("#code", &code(server, &secret));
    form.fields.push(("remember".into(), "1".into()));
    assert!(matches!(other.submit(form).await, Visit::Left(_)));
    let login = [("prompt", "login")];
    let again = password(&acme, &mut other, &login).await;
    let claims = claims(&acme, again).await;
    assert_eq!(claims["acr"], "1");
    // What an application asks for is asked for, and so is it before the account is changed.
    let step_up = other.open(&acme.authorize_url("web", &[("acr_values", "2")])).await.page();
    assert!(step_up.has("#prove"));
    let page = other.open(&format!("{}/account/totp", acme.issuer())).await.page();
    assert!(page.has("#prove"));
    // Forgotten everywhere, by the owner elsewhere.
    let page = open(&acme, &mut browser, "/account/sessions").await;
    let forgotten = browser.submit(page.form("#forget")).await.page();
    assert_eq!(forgotten.text("#done"), "Every browser will be asked again.");
    assert!(password(&acme, &mut other, &login).await.page().has("#prove"));
}

async fn who_has_nothing_sets_something_up_first(server: &Server) {
    let acme = acme(server, "mfa: { required: always, methods: [totp] }").await;
    let mut browser = Browser::new(server);
    let page = password(&acme, &mut browser, &[("state", "s1")]).await.page();
    assert_eq!(page.text("h1"), "Protect your account first");
    let nothing = browser.open(&format!("{}/account", acme.issuer())).await.page();
    assert!(nothing.has("#set-up-totp"), "nor does the account open");
    let link = page.attribute("#set-up-totp", "href").expect("a link");
    let set_up = browser.open(&link).await.page();
    let secret = secret(&set_up);
    let code = code(server, &secret);
    let codes = browser.submit(set_up.form("#save").fill("#code", &code)).await.page();
    let made = browser.submit(codes.form("#make")).await.page();
    let go_on = made.attribute("#go-on", "href").expect("a link");
    let back = browser.open(&go_on).await.left();
    assert!(given(&back, "code").is_some());
    assert_eq!(given(&back, "state").as_deref(), Some("s1"));
}

async fn an_application_gets_the_acr_that_it_asks_for(server: &Server) {
    let acme = acme(server, MFA).await;
    let mut browser = Browser::new(server);
    // Voluntary: who has nothing more goes on with what there is.
    let visit = password(&acme, &mut browser, &[("acr_values", "phr 2")]).await;
    assert_eq!(claims(&acme, visit).await["acr"], "1");
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["phr"]}}}"#;
    let page = browser.open(&acme.authorize_url("web", &[("claims", essential)])).await.page();
    assert!(page.has("#set-up-passkey") && !page.has("#set-up-totp"));
    let impossible = r#"{"id_token":{"acr":{"essential":true,"value":"9"}}}"#;
    let back = browser.open(&acme.authorize_url("web", &[("claims", impossible)])).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("unmet_authentication_requirements"));
    // An application that always wants two.
    let manifest = super::manifest(MFA)
        .replace("first_party: true,", "first_party: true, required_acr: \"2\",");
    server.apply(&manifest).await;
    let page = browser.open(&acme.authorize_url("web", &[])).await.page();
    assert!(page.has("#set-up-totp") && page.has("#set-up-passkey"));
}

async fn what_is_set_up_is_of_one_person_in_one_browser(server: &Server) {
    let acme = acme(server, MFA).await;
    let (mut ada, mut bob) = (Browser::new(server), Browser::new(server));
    sign_in(&acme, &mut ada, ADA).await;
    sign_in(&acme, &mut bob, BOB).await;
    let page = open(&acme, &mut ada, "/account/totp").await;
    let theirs = page.form("#save").fill("#code", &code(server, &secret(&page)));
    // Bob sends what Ada's page holds: with her form token, and with his.
    let refused = bob.submit(theirs.clone()).await.page();
    assert_eq!(refused.status, 403);
    let mine = open(&acme, &mut bob, "/account/totp").await.form("#save");
    let ceremony = theirs.value("ceremony").expect("a field").to_owned();
    let code = theirs.value("code").expect("a field").to_owned();
    let mixed = mine.fill("ceremony", &ceremony).fill("#code", &code);
    assert_eq!(bob.submit(mixed).await.page().status, 400);
    assert_eq!(server.number("SELECT COUNT(*) FROM credentials WHERE kind = 'totp'").await, 0);
    // And Ada, too late.
    server.advance(Duration::from_secs(11 * 60)).await;
    assert_eq!(ada.submit(theirs).await.page().status, 400);
}
