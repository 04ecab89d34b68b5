//! Forgotten passwords: `/account/forgot` and the link in the mail.

use std::time::Duration;

use harness::{Browser, Page, Server, both};

use super::{acme, forgot, mail, mails, settled};
use crate::oauth::support::{ADA, Acme, given};

both!(
    a_new_password_ends_what_the_old_one_opened,
    nobody_learns_who_has_an_account,
    a_link_works_once_for_an_hour_and_only_the_last_one,
    links_of_others_and_edited_ones_do_nothing,
    an_address_that_was_given_up_opens_nothing,
    a_password_that_is_no_good_is_not_set,
    no_mailbox_is_filled,
);

const NEW: &str = "a-new-password-2026";

async fn is_signed_in(acme: &Acme<'_>, browser: &mut Browser) -> bool {
    let back = browser.open(&acme.authorize_url("web", &[("prompt", "none")])).await.left();
    given(&back, "code").is_some()
}

async fn set(browser: &mut Browser, link: &str, password: &str) -> Page {
    let page = browser.open(link).await.page();
    browser.submit(page.form("#save").fill("#password", password)).await.page()
}

/// Whether Ada can sign in with this password, in a new browser.
async fn opens(acme: &Acme<'_>, password: &str) -> bool {
    let mut browser = Browser::new(acme.server);
    let page = browser.open(&acme.authorize_url("web", &[])).await.page();
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", password);
    !matches!(browser.submit(form).await, harness::Visit::Page(_))
}

async fn a_new_password_ends_what_the_old_one_opened(server: &Server) {
    let acme = acme(server).await;
    let mut thief = Browser::new(server);
    let scope = [("scope", "openid email offline_access")];
    let code = given(&acme.sign_in(&mut thief, "web", &scope).await, "code").expect("a code");
    let stolen = acme.exchange("web", &code).await.ok();
    // From the sign-in page, and back to it.
    let mut browser = Browser::new(server);
    let sign_in = browser.open(&acme.authorize_url("web", &[])).await.page();
    let link = sign_in.attribute("#forgot", "href").expect("a link");
    let page = browser.open(&link).await.page();
    let sent = browser.submit(page.form("#send").fill("#email", "ADA@example.com")).await.page();
    assert_eq!(sent.status, 200);
    assert_eq!(sent.text("#done"), "Look into your mail");
    let back = sent.attribute("#back", "href").expect("a link back");
    assert!(browser.open(&back).await.page().has("#sign-in"));
    // In whatever browser the mail is read.
    let (subject, link) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "Set a new password");
    let mut reader = Browser::new(server);
    let page = reader.open(&link).await.page();
    assert_eq!(page.attribute("#email", "value").as_deref(), Some(ADA.0));
    assert!(opens(&acme, ADA.1).await, "following the link changes nothing");
    let done = reader.submit(page.form("#save").fill("#password", NEW)).await.page();
    assert_eq!(done.text("#done"), "Your password is changed");
    // The account is its owner's again.
    assert!(!is_signed_in(&acme, &mut thief).await);
    assert!(!acme.is_active("web", &stolen["access_token"]).await);
    let refresh = stolen["refresh_token"].as_str().expect("a token");
    acme.refresh("web", refresh).await.refused(400, "invalid_grant");
    assert!(!opens(&acme, ADA.1).await && opens(&acme, NEW).await);
    // The person is told, and the address is known to be theirs.
    let (subject, _) = mail(server, ADA.0, 2).await;
    assert_eq!(subject, "Your password was changed");
    let verified = "SELECT COUNT(*) FROM user_identifiers WHERE verified_at IS NOT NULL";
    assert_eq!(server.number(verified).await, 1);
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind IN \
                  ('recovery.requested', 'password.reset')";
    assert_eq!(server.number(events).await, 2);
}

async fn nobody_learns_who_has_an_account(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    let known = forgot(&acme, &mut browser, ADA.0).await;
    let unknown = forgot(&acme, &mut browser, "eve@example.com").await;
    let plain = |page: &Page, email: &str| page.text("main").replace(email, "somebody");
    assert_eq!(plain(&known, ADA.0), plain(&unknown, "eve@example.com"));
    assert_eq!(known.status, unknown.status);
    mail(server, ADA.0, 1).await;
    settled(server).await;
    assert_eq!(mails(server).await.len(), 1, "nobody else gets a mail");
    // What a page leaves behind names nobody who could read the database.
    let readable = "SELECT COUNT(*) FROM jobs WHERE CAST(payload AS text) LIKE '%example.com%'";
    assert_eq!(server.number(readable).await, 0);
    // A person who was put out gets none.
    let manifest = super::manifest(super::OPEN).replace("bob@example.com", "carol@example.com");
    server.apply(&manifest).await;
    let inactive = "UPDATE users SET active = false WHERE id = (SELECT user_id FROM \
                    user_identifiers WHERE value = 'carol@example.com')";
    server.rows::<(i64,)>(&format!("{inactive} RETURNING version")).await;
    forgot(&acme, &mut browser, "carol@example.com").await;
    settled(server).await;
    assert_eq!(mails(server).await.len(), 1);
}

async fn a_link_works_once_for_an_hour_and_only_the_last_one(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    forgot(&acme, &mut browser, ADA.0).await;
    let (_, first) = mail(server, ADA.0, 1).await;
    forgot(&acme, &mut browser, ADA.0).await;
    let (_, second) = mail(server, ADA.0, 2).await;
    let over = async |browser: &mut Browser, link: &str| {
        let page = browser.open(link).await.page();
        assert_eq!(page.status, 404);
        assert_eq!(page.text("h1"), "This link no longer works");
        assert!(page.attribute("#try-again", "href").expect("a way on").ends_with("/forgot"));
    };
    over(&mut browser, &first).await;
    // Sent twice at the same time, it sets one password.
    let page = browser.open(&second).await.page();
    let mut other = browser.clone();
    let (one, two) = (page.form("#save"), page.form("#save"));
    let (one, two) = tokio::join!(
        browser.submit(one.fill("#password", NEW)),
        other.submit(two.fill("#password", "another-password-2026")),
    );
    let won = [one.page(), two.page()].iter().filter(|p| p.status == 200).count();
    assert_eq!(won, 1);
    over(&mut browser, &second).await;
    forgot(&acme, &mut browser, ADA.0).await;
    let (_, third) = mail(server, ADA.0, 4).await;
    let page = browser.open(&third).await.page();
    server.advance(Duration::from_secs(3_600)).await;
    let late = browser.submit(page.form("#save").fill("#password", NEW)).await.page();
    assert_eq!(late.status, 404);
    over(&mut browser, &third).await;
}

async fn links_of_others_and_edited_ones_do_nothing(server: &Server) {
    let acme = acme(server).await;
    server.apply(&super::manifest(super::OPEN).replace("slug: acme", "slug: other")).await;
    let mut browser = Browser::new(server);
    forgot(&acme, &mut browser, ADA.0).await;
    let (_, link) = mail(server, ADA.0, 1).await;
    let (base, token) = link.split_once("?token=").expect("a secret");
    assert_eq!(token.len(), 43);
    let foreign = link.replace("/t/acme/", "/t/other/");
    let edited = format!("{base}?token={}A", &token[..42]);
    let edited = if edited == link { format!("{base}?token={}Q", &token[..42]) } else { edited };
    let long = format!("{base}?token={}", "a".repeat(10_000));
    let nul = format!("{base}?token=%00{token}");
    let none = base.to_owned();
    for wrong in [foreign, edited, long, nul, none] {
        let page = browser.open(&wrong).await.page();
        assert!((400..500).contains(&page.status), "{wrong}");
        assert!(!page.has("#save"), "{wrong}");
    }
    // A form of another site.
    let page = browser.open(&link).await.page();
    let form = page.form("#save").fill("#password", NEW);
    let forged = server.http.post(form.action.clone()).form(&form.fields);
    assert_eq!(forged.send().await.expect("answers").status(), 403);
    let page = browser.open(&link).await.page();
    let strange = page.form("#save").fill("#password", NEW).fill("csrf", "wrong");
    assert_eq!(browser.submit(strange).await.page().status, 403);
    assert!(opens(&acme, ADA.1).await);
    assert_eq!(set(&mut browser, &link, NEW).await.status, 200, "and it still works");
}

async fn an_address_that_was_given_up_opens_nothing(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    forgot(&acme, &mut browser, ADA.0).await;
    let (_, link) = mail(server, ADA.0, 1).await;
    let moved = "UPDATE user_identifiers SET value = 'ada@new.example' \
                 WHERE value = 'ada@example.com' RETURNING created_at";
    server.rows::<(i64,)>(moved).await;
    assert_eq!(set(&mut browser, &link, NEW).await.status, 404);
    let changed = "SELECT COUNT(*) FROM audit_events WHERE kind = 'password.reset'";
    assert_eq!(server.number(changed).await, 0);
}

async fn a_password_that_is_no_good_is_not_set(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    forgot(&acme, &mut browser, ADA.0).await;
    let (_, link) = mail(server, ADA.0, 1).await;
    let long = "a".repeat(1_025);
    for wrong in ["", "short", ADA.0, "password1234", "adaexample", &long] {
        let page = set(&mut browser, &link, wrong).await;
        assert_eq!(page.status, 400, "{wrong}");
        assert!(page.has("#problem") && page.has("#save"), "{wrong}");
        assert!(!page.html.contains(&format!("value=\"{wrong}\"")) || wrong == ADA.0);
    }
    assert!(opens(&acme, ADA.1).await);
    assert_eq!(set(&mut browser, &link, NEW).await.status, 200);
    let wrong = forgot(&acme, &mut browser, "no address").await;
    assert_eq!((wrong.status, wrong.has("#problem")), (400, true));
}

async fn no_mailbox_is_filled(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    for _ in 0..5 {
        assert_eq!(forgot(&acme, &mut browser, ADA.0).await.status, 200);
    }
    let limited = forgot(&acme, &mut browser, ADA.0).await;
    assert_eq!(limited.status, 429);
    assert!(limited.headers.contains_key("retry-after"));
    // Whoever asked for too many mails can still sign in.
    assert!(opens(&acme, ADA.1).await);
    settled(server).await;
    assert_eq!(mails(server).await.len(), 5);
}
