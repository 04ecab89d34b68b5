//! The pages of an account: who may see them, and what they do.

use std::time::Duration;

use harness::{Browser, Page, Server, Visit, both};
use serde_json::Value;

use super::factors::acme;
use super::mail;
use crate::oauth::support::{ADA, Acme, BOB, given};

both!(
    the_account_at_a_glance,
    another_password_ends_the_other_sessions,
    sessions_are_listed_and_ended_one_by_one,
    an_application_loses_its_access,
    what_gives_the_account_away_needs_a_fresh_sign_in,
    everything_kept_can_be_taken_along,
    forms_of_others_do_nothing,
    two_accounts_in_one_browser,
);

/// Signs in by way of the account's own page.
pub(super) async fn sign_in(acme: &Acme<'_>, browser: &mut Browser, who: (&str, &str)) -> Page {
    let page = browser.open(&format!("{}/account", acme.issuer())).await.page();
    let form = page.form("#sign-in").fill("#email", who.0).fill("#password", who.1);
    browser.submit(form).await.page()
}

/// A page of the account of a browser that is signed in.
pub(super) async fn open(acme: &Acme<'_>, browser: &mut Browser, path: &str) -> Page {
    let page = browser.open(&format!("{}{path}", acme.issuer())).await.page();
    assert!(page.status == 200 && page.has(".portal"), "{} {}", page.status, page.html);
    page
}

async fn the_account_at_a_glance(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    let page = sign_in(&acme, &mut browser, ADA).await;
    assert_eq!(page.text("h1"), "Your account");
    assert_eq!(page.text("#account .who"), ADA.0);
    assert!(page.has("#advice") && page.has("#menu-overview[aria-current]"));
    assert!(page.url.as_str().contains("/account?session=ses_"), "{}", page.url);
    let csp = page.headers["content-security-policy"].to_str().expect("text");
    assert!(!csp.contains("script-src") && csp.contains("frame-ancestors 'none'"), "{csp}");
    for (path, heading) in [
        ("/account/profile", "Profile"),
        ("/account/password", "Password"),
        ("/account/passkeys", "Passkeys"),
        ("/account/totp", "Authenticator app"),
        ("/account/recovery-codes", "Recovery codes"),
        ("/account/sessions", "Where you are signed in"),
        ("/account/applications", "Applications with access"),
        ("/account/events", "Recent activity"),
    ] {
        let page = open(&acme, &mut browser, path).await;
        assert_eq!(page.text("h1"), heading, "{path}");
        assert!(page.has("[aria-current]"), "{path}");
    }
    let page = open(&acme, &mut browser, "/account/profile").await;
    let saved = browser.submit(page.form("#save").fill("#name", "Ada <b>L</b>")).await.page();
    assert_eq!(saved.text("#done"), "Saved.");
    assert!(saved.text("#account").contains("Ada <b>L</b>"), "{}", saved.html);
    let long = saved.form("#save").fill("#name", &"x".repeat(300));
    assert_eq!(browser.submit(long).await.page().status, 400);
    // What was done is said by our own redirects only.
    let claimed = format!("{}/account?done=password_changed", acme.issuer());
    let request = server.http.get(claimed).header("sec-fetch-site", "cross-site");
    let cookie = &browser.cookies()[0];
    let cookie = format!("{}={}", cookie.name, cookie.value);
    let text = request.header("cookie", cookie).send().await.expect("answers").text().await;
    assert!(!text.expect("text").contains("is changed"));
}

async fn another_password_ends_the_other_sessions(server: &Server) {
    let acme = acme(server, "").await;
    let (mut here, mut there) = (Browser::new(server), Browser::new(server));
    sign_in(&acme, &mut here, ADA).await;
    sign_in(&acme, &mut there, ADA).await;
    let page = open(&acme, &mut here, "/account/password").await;
    let change = |page: &Page, old: &str, new: &str| {
        page.form("#save").fill("#current", old).fill("#password", new)
    };
    let new = "another-password-2026";
    let wrong = here.submit(change(&page, "not-it-at-all", new)).await.page();
    assert_eq!((wrong.status, wrong.has("#current[aria-invalid]")), (400, true));
    let weak = here.submit(change(&page, ADA.1, "password1")).await.page();
    assert_eq!((weak.status, weak.has("#password[aria-invalid]")), (400, true));
    let done = here.submit(change(&page, ADA.1, new)).await.page();
    assert!(done.text("#done").starts_with("Your password is changed"), "{}", done.html);
    let out = there.open(&format!("{}/account", acme.issuer())).await.page();
    assert!(out.has("#sign-in"), "the other session has ended");
    let form = out.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    assert_eq!(there.submit(form).await.page().status, 401);
    let (subject, _) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "Your password was changed");
}

async fn sessions_are_listed_and_ended_one_by_one(server: &Server) {
    let acme = acme(server, "").await;
    let mut browsers: Vec<Browser> = (0..3).map(|_| Browser::new(server)).collect();
    for browser in &mut browsers {
        sign_in(&acme, browser, ADA).await;
    }
    let mut bob = Browser::new(server);
    sign_in(&acme, &mut bob, BOB).await;
    let page = open(&acme, &mut browsers[0], "/account/sessions").await;
    assert!(page.text("#sessions li").contains("This browser"));
    let one = page.form("#end-2");
    // Bob cannot end it, whatever id he sends.
    let id = one.value("end").expect("an id").to_owned();
    let his = open(&acme, &mut bob, "/account/sessions").await;
    assert!(!his.has("#end-others"), "he has one");
    let mut form = open(&acme, &mut bob, "/account/profile").await.form("#save");
    form.action = page.form("#end-others").action;
    form.fields.retain(|(name, _)| name == "csrf");
    form.fields.push(("end".into(), id));
    bob.submit(form).await.page();
    let live = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.number(live).await, 4);
    let ended = browsers[0].submit(one).await.page();
    assert_eq!(ended.text("#done"), "Signed out there.");
    assert_eq!(server.number(live).await, 3);
    browsers[0].submit(ended.form("#end-others")).await.page();
    assert_eq!(server.number(live).await, 2);
    assert!(browsers[0].open(&format!("{}/account", acme.issuer())).await.page().has(".portal"));
    for browser in &mut browsers[1..] {
        let page = browser.open(&format!("{}/account", acme.issuer())).await.page();
        assert!(page.has("#sign-in"));
    }
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind = 'session.ended'";
    assert_eq!(server.number(events).await, 2);
}

async fn an_application_loses_its_access(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    let scope = [("scope", "openid email offline_access")];
    let code = given(&acme.sign_in(&mut browser, "web", &scope).await, "code").expect("a code");
    let tokens = acme.exchange("web", &code).await.ok();
    let page = open(&acme, &mut browser, "/account/applications").await;
    assert!(page.text("#applications").contains("The web"), "{}", page.html);
    let done = browser.submit(page.form("#revoke-1")).await.page();
    assert_eq!(done.text("#done"), "The application has no access any more.");
    assert!(done.has("#empty"));
    assert!(!acme.is_active("web", &tokens["access_token"]).await);
    let refresh = tokens["refresh_token"].as_str().expect("a token");
    acme.refresh("web", refresh).await.refused(400, "invalid_grant");
}

async fn what_gives_the_account_away_needs_a_fresh_sign_in(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let page = open(&acme, &mut browser, "/account/totp").await;
    server.advance(Duration::from_secs(16 * 60)).await;
    open(&acme, &mut browser, "/account/sessions").await;
    for path in ["password", "passkeys", "totp", "recovery-codes", "data"] {
        let page = browser.open(&format!("{}/account/{path}", acme.issuer())).await.page();
        assert!(page.has("#sign-in"), "{path}");
    }
    // Nor does a form that was open.
    assert!(browser.submit(page.form("#save")).await.page().has("#sign-in"));
    // And back to the page afterwards.
    let asked = browser.open(&format!("{}/account/password", acme.issuer())).await.page();
    let form = asked.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    assert_eq!(browser.submit(form).await.page().text("h1"), "Password");
}

async fn everything_kept_can_be_taken_along(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let page = open(&acme, &mut browser, "/account/profile").await;
    let link = page.attribute("#download", "href").expect("a link");
    let url = page.url.join(&link).expect("an address");
    let Visit::Page(file) = browser.open(url.as_str()).await else { panic!("a file") };
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"account.json\"");
    let data: Value = serde_json::from_str(&file.html).expect("JSON");
    assert_eq!(data["profile"]["email"], ADA.0);
    assert_eq!(data["sessions"].as_array().expect("a list").len(), 1);
    assert!(
        data["events"].as_array().expect("a list").iter().any(|e| e["kind"] == "session.started")
    );
    assert!(!file.html.contains("argon2") && !file.html.contains(BOB.0), "{}", file.html);
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind = 'user.data_exported'";
    assert_eq!(server.number(events).await, 1);
}

async fn forms_of_others_do_nothing(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    for (path, button) in
        [("/account/profile", "#save"), ("/account/password", "#save"), ("/account/totp", "#save")]
    {
        let form = open(&acme, &mut browser, path).await.form(button);
        let forged = browser.submit(form.clone().fill("csrf", "AAAA")).await.page();
        assert_eq!(forged.status, 403, "{path}");
        let mut stranger = Browser::new(server);
        assert_eq!(stranger.submit(form).await.page().status, 403, "{path}");
    }
    // Somebody else's session is nobody's, and no reason for an error.
    let mut bob = Browser::new(server);
    let his = sign_in(&acme, &mut bob, BOB).await.url;
    let session = given(&his, "session").expect("in the address");
    let page = browser.open(&format!("{}/account?session={session}", acme.issuer())).await.page();
    assert_eq!(page.text("#account .who"), ADA.0);
    for odd in ["ses_0", "%00", "ses_%F0%9F", "x".repeat(4_000).as_str()] {
        let page = browser.open(&format!("{}/account?session={odd}", acme.issuer())).await.page();
        assert!(page.status == 200 || page.status == 400, "{odd}: {}", page.status);
    }
}

async fn two_accounts_in_one_browser(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let page = browser.open(&format!("{}/account?switch=1", acme.issuer())).await.page();
    let another = page.attribute("#use-another-account", "href").expect("a link");
    let page = browser.open(&another).await.page();
    let form = page.form("#sign-in").fill("#email", BOB.0).fill("#password", BOB.1);
    let bob = browser.submit(form).await.page();
    assert_eq!(bob.text("#account .who"), BOB.0);
    // Without saying which, one is asked.
    let choice = browser.open(&format!("{}/account", acme.issuer())).await.page();
    assert!(choice.has("#accounts-form"), "{}", choice.html);
    let ada = browser.submit(choice.form("#account-2")).await.page();
    assert_eq!(ada.text("#account .who"), ADA.0);
    let devices = ada.attribute("#menu-sessions", "href").expect("a link");
    assert_eq!(browser.open(&devices).await.page().text("#account .who"), ADA.0);
}
