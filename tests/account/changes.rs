//! Another address, the end of an account, invitations, and what administrators take away.

use std::time::Duration;

use harness::{Browser, Page, Server, both};
use reqwest::Method;
use serde_json::json;

use super::factors::{acme, set_up};
use super::portal::{open, sign_in};
use super::{mail, mails, settled};
use crate::admin::support::{Answer, Api};
use crate::oauth::support::{ADA, Acme, BOB, given};

both!(
    another_address_is_confirmed_at_both,
    an_address_of_somebody_else_is_told_to_them,
    an_account_can_be_kept_and_goes_when_it_is_not,
    who_is_invited_chooses_a_password,
    administrators_remove_what_was_lost,
    a_tenant_may_refuse_one_session_too_many,
);

const NEW: &str = "ada.king@example.com";

async fn confirm(browser: &mut Browser, link: &str) -> Page {
    let page = browser.open(link).await.page();
    browser.submit(page.form("#confirm")).await.page()
}

async fn ask(acme: &Acme<'_>, browser: &mut Browser, new: &str) -> Page {
    let page = open(acme, browser, "/account/email").await;
    browser.submit(page.form("#save").fill("#email", new)).await.page()
}

async fn another_address_is_confirmed_at_both(server: &Server) {
    let user = format!("email: {}", ADA.0);
    let known = format!("{user}, email_verified: true");
    server.apply(&super::manifest("").replace(&user, &known)).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    for (bad, status) in [("no address", 400), ("ADA@example.com", 400)] {
        assert_eq!(ask(&acme, &mut browser, bad).await.status, status, "{bad}");
    }
    let asked = ask(&acme, &mut browser, NEW).await;
    assert!(asked.text("#done").starts_with("Look into your mail"), "{}", asked.html);
    let (subject, old) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "Change your e-mail address?");
    settled(server).await;
    assert!(mails(server).await.iter().all(|m| m["to"] == ADA.0), "the present one comes first");
    let mut reader = Browser::new(server);
    let page = reader.open(&old).await.page();
    assert!(page.text("main").contains(NEW), "{}", page.html);
    let agreed = confirm(&mut reader, &old).await;
    assert_eq!(agreed.text("#done"), "One more mail");
    assert_eq!(reader.open(&old).await.page().status, 404, "once");
    let (_, new) = mail(server, NEW, 1).await;
    let still = open(&acme, &mut browser, "/account/profile").await;
    assert!(still.text("#email").contains(ADA.0));
    let done = confirm(&mut reader, &new).await;
    assert_eq!(done.text("#done"), "Your e-mail address is changed");
    let (subject, _) = mail(server, ADA.0, 2).await;
    assert_eq!(subject, "Your e-mail address was changed");
    let profile = open(&acme, &mut browser, "/account/profile").await;
    assert!(profile.text("#email").contains(NEW) && profile.text("#email").contains("confirmed"));
    let mut other = Browser::new(server);
    assert_eq!(sign_in(&acme, &mut other, (NEW, ADA.1)).await.text("h1"), "Your account");
    assert!(sign_in(&acme, &mut Browser::new(server), ADA).await.has("#sign-in"));
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind LIKE 'email.change%'";
    assert_eq!(server.number(events).await, 2);
}

async fn an_address_of_somebody_else_is_told_to_them(server: &Server) {
    let acme = acme(server, "accounts: { email_domains: [example.com] }").await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let asked = ask(&acme, &mut browser, BOB.0).await;
    assert!(asked.has("#done"), "the page is the same: {}", asked.html);
    let (subject, _) = mail(server, BOB.0, 1).await;
    assert_eq!(subject, "You have an account already");
    let elsewhere = ask(&acme, &mut browser, "ada@elsewhere.example").await;
    assert_eq!(elsewhere.status, 400, "people keep to the domains of the tenant");
    // A link of a change that was overtaken does nothing.
    ask(&acme, &mut browser, "one@example.com").await;
    let (_, one) = mail(server, "one@example.com", 1).await;
    ask(&acme, &mut browser, "two@example.com").await;
    let (_, two) = mail(server, "two@example.com", 1).await;
    assert_eq!(browser.open(&one).await.page().status, 404);
    let mut edited = two.clone();
    edited.replace_range(two.len() - 3.., "AAA");
    assert_eq!(browser.open(&edited).await.page().status, 404);
    server.advance(Duration::from_secs(3_601)).await;
    assert_eq!(browser.open(&two).await.page().status, 404, "for an hour");
}

async fn an_account_can_be_kept_and_goes_when_it_is_not(server: &Server) {
    let acme = acme(server, "accounts: { deletion_days: 2 }").await;
    let mut browser = Browser::new(server);
    let scope = [("scope", "openid offline_access")];
    let code = given(&acme.sign_in(&mut browser, "web", &scope).await, "code").expect("a code");
    let tokens = acme.exchange("web", &code).await.ok();
    let page = open(&acme, &mut browser, "/account/delete").await;
    assert!(page.text("#days").contains("2 days"), "{}", page.html);
    let planned = browser.submit(page.form("#delete")).await.page();
    assert_eq!(planned.text("#done"), "Your account will be deleted");
    assert!(!acme.is_active("web", &tokens["access_token"]).await, "access ends at once");
    let (subject, link) = mail(server, ADA.0, 1).await;
    assert!(subject == "Your account will be deleted" && link.ends_with("/account/delete"));
    // Kept after all.
    let home = sign_in(&acme, &mut browser, ADA).await;
    assert!(home.has("#ending"), "{}", home.html);
    let page = open(&acme, &mut browser, "/account/delete").await;
    let kept = browser.submit(page.form("#keep")).await.page();
    assert_eq!(kept.text("#done"), "Your account stays.");
    server.advance(Duration::from_secs(86_400)).await;
    // Planned a second time: the first plan's day does nothing.
    sign_in(&acme, &mut browser, ADA).await;
    let page = open(&acme, &mut browser, "/account/delete").await;
    browser.submit(page.form("#delete")).await.page();
    server.advance(Duration::from_secs(86_401)).await;
    settle_due(server).await;
    let alive = "SELECT COUNT(*) FROM users WHERE deleted_at IS NULL";
    assert_eq!(server.number(alive).await, 2);
    server.advance(Duration::from_secs(86_400)).await;
    settle_due(server).await;
    assert_eq!(server.number(alive).await, 1);
    let gone = sign_in(&acme, &mut Browser::new(server), ADA).await;
    assert_eq!(gone.status, 401);
    settled(server).await;
    let left = "SELECT COUNT(*) FROM user_identifiers WHERE value = 'ada@example.com'";
    assert_eq!(server.number(left).await, 0);
}

/// Waits until what is due is done.
async fn settle_due(server: &Server) {
    use bailiwick_domain::env::Clock as _;
    let now = server.clock.now().0;
    let due = format!("SELECT COUNT(*) FROM jobs WHERE finished_at IS NULL AND run_at <= {now}");
    for _ in 0..200 {
        if server.number(&due).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("jobs are left undone");
}

async fn who_is_invited_chooses_a_password(server: &Server) {
    let acme = acme(server, "accounts: { registration: invite_only }").await;
    let api = Api::new(server, "acme", &["owner"]).await;
    let mut browser = Browser::new(server);
    let page = browser.open(&acme.authorize_url("web", &[])).await.page();
    assert!(!page.has("#register"));
    assert_eq!(browser.open(&acme.url("/account/register")).await.page().status, 403);
    let user = api.post("/users", &json!({ "email": "carol@example.com" })).await.expect(201);
    let invite = format!("/users/{}/invite", user["id"].as_str().expect("an id"));
    Answer::of(api.request(Method::POST, &invite)).await.expect(202);
    let (subject, link) = mail(server, "carol@example.com", 1).await;
    assert_eq!(subject, "You are invited");
    server.advance(Duration::from_secs(6 * 86_400)).await;
    let page = browser.open(&link).await.page();
    assert_eq!(page.text("h1"), "Choose a password");
    let weak = browser.submit(page.form("#save").fill("#password", "short")).await.page();
    assert_eq!(weak.status, 400);
    let form = weak.form("#save").fill("#password", "plain-harbour-violin-59");
    let done = browser.submit(form).await.page();
    assert_eq!(done.text("#done"), "Your account is ready");
    let home = sign_in(&acme, &mut browser, ("carol@example.com", "plain-harbour-violin-59")).await;
    assert_eq!(home.text("h1"), "Your account");
    assert_eq!(browser.open(&link).await.page().status, 404, "once");
    // Whom there is no address of, and who may not sign in.
    let nameless = api.post("/users", &json!({ "name": "Nobody" })).await.expect(201);
    let invite_them = format!("/users/{}/invite", nameless["id"].as_str().expect("an id"));
    Answer::of(api.request(Method::POST, &invite_them)).await.problem(400, "invalid-request");
    server.apply(&super::manifest("accounts: { registration: closed }")).await;
    Answer::of(api.request(Method::POST, &invite)).await.problem(409, "registration-closed");
}

async fn administrators_remove_what_was_lost(server: &Server) {
    let acme = acme(server, "").await;
    let api = Api::new(server, "acme", &["owner"]).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    set_up(&acme, &mut browser).await;
    let users = api.get("/users").await.expect(200);
    let of = |email: &str| {
        let all = users["items"].as_array().expect("a list").iter();
        let user = all.clone().find(|u| u["email"] == email).expect("the user");
        user["id"].as_str().expect("an id").to_owned()
    };
    let (ada, bob) = (of(ADA.0), of(BOB.0));
    let answer = api.get(&format!("/users/{ada}/factors")).await;
    let list = answer.expect(200);
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 11, "an app and ten codes: {list}");
    assert!(items.iter().all(|i| i.get("data").is_none()));
    let totp = items.iter().find(|i| i["factor"] == "totp").expect("the app");
    let path =
        |user: &str| format!("/users/{user}/factors/{}", totp["id"].as_str().expect("an id"));
    Answer::of(api.request(Method::DELETE, &path(&bob))).await.problem(404, "not-found");
    Answer::of(api.request(Method::DELETE, &path(&ada))).await.expect(204);
    Answer::of(api.request(Method::DELETE, &path(&ada))).await.problem(404, "not-found");
    let (subject, _) = mail(server, ADA.0, 2).await;
    assert_eq!(subject, "A way to sign in is gone");
    let home = sign_in(&acme, &mut Browser::new(server), ADA).await;
    assert_eq!(home.text("h1"), "Your account", "the password is enough again");
    // The password is none of them.
    let password = ada.replace("usr_", "crd_");
    let path = format!("/users/{ada}/factors/{password}");
    Answer::of(api.request(Method::DELETE, &path)).await.problem(404, "not-found");
}

async fn a_tenant_may_refuse_one_session_too_many(server: &Server) {
    let acme = acme(server, "sessions: { max_per_user: 2, when_full: refuse }").await;
    let mut browsers: Vec<Browser> = (0..3).map(|_| Browser::new(server)).collect();
    for browser in &mut browsers[..2] {
        assert_eq!(sign_in(&acme, browser, ADA).await.text("h1"), "Your account");
    }
    let refused = sign_in(&acme, &mut browsers[2], ADA).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text("#problem").contains("as many places"), "{}", refused.html);
    // Again where the person is already, and elsewhere once one has ended.
    assert_eq!(sign_in_again(&acme, &mut browsers[0]).await, 200);
    let page = open(&acme, &mut browsers[0], "/account/sessions").await;
    browsers[0].submit(page.form("#end-2")).await.page();
    assert_eq!(sign_in(&acme, &mut browsers[2], ADA).await.text("h1"), "Your account");
    assert_eq!(sign_in(&acme, &mut browsers[1], BOB).await.text("h1"), "Your account");
}

async fn sign_in_again(acme: &Acme<'_>, browser: &mut Browser) -> u16 {
    let url = acme.authorize_url("web", &[("prompt", "login")]);
    let page = browser.open(&url).await.page();
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    browser.submit(form).await.left();
    open(acme, browser, "/account").await.status
}
