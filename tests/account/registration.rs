//! Making an account: `/account/register` and the link in the mail.

use harness::{Browser, Page, Server, both};

use super::{acme, mail, mails, manifest, settled};
use crate::oauth::support::{ADA, Acme, claims, given};

both!(
    an_account_is_made_by_who_reads_the_mail,
    in_another_browser_the_password_is_asked_for,
    nobody_learns_that_there_is_one_already,
    only_where_and_for_whom_the_tenant_lets_people,
    what_is_no_good_is_asked_for_again,
);

const EVE: (&str, &str) = ("Eve@example.com", "a-password-of-eve");

async fn register(browser: &mut Browser, url: &str, form: (&str, &str, &str)) -> Page {
    let page = browser.open(url).await.page();
    let (name, email, password) = form;
    let form = page.form("#register").fill("#name", name).fill("#email", email);
    browser.submit(form.fill("#password", password)).await.page()
}

async fn users(server: &Server) -> i64 {
    server.number("SELECT COUNT(*) FROM users WHERE deleted_at IS NULL").await
}

async fn an_account_is_made_by_who_reads_the_mail(server: &Server) {
    let acme = acme(server).await;
    let before = users(server).await;
    let mut browser = Browser::new(server);
    let sign_in = browser.open(&acme.authorize_url("web", &[])).await.page();
    let link = sign_in.attribute("#register", "href").expect("a link");
    let sent = register(&mut browser, &link, ("Eve <b>", EVE.0, EVE.1)).await;
    assert_eq!((sent.status, sent.text("#done").as_str()), (200, "Look into your mail"));
    let back = sent.attribute("#back", "href").expect("a link back");
    let (subject, link) = mail(server, EVE.0, 1).await;
    assert_eq!(subject, "Confirm your e-mail address");
    assert_eq!(users(server).await, before, "not before the mail is read");
    let page = browser.open(&link).await.page();
    assert_eq!(users(server).await, before, "nor by a program that follows links");
    let form = page.form("#confirm");
    let mut other = browser.clone();
    let (one, two) = tokio::join!(browser.submit(form.clone()), other.submit(form));
    let won = [one.page(), two.page()].iter().filter(|p| p.has("#done")).count();
    assert_eq!((won, users(server).await), (1, before + 1));
    // And on with what the application had asked for.
    let sign_in = browser.open(&back).await.page();
    let form = sign_in.form("#sign-in").fill("#email", "eve@example.com").fill("#password", EVE.1);
    let code = given(&browser.submit(form).await.left(), "code").expect("a code");
    let tokens = acme.exchange("web", &code).await.ok();
    assert!(claims(&tokens["id_token"])["sub"].is_string());
    let row = "SELECT COUNT(*) FROM users u JOIN user_identifiers e ON e.id = u.id \
               WHERE u.name = 'Eve <b>' AND e.value = 'eve@example.com' \
               AND e.display = 'Eve@example.com' AND e.verified_at IS NOT NULL";
    assert_eq!(server.number(row).await, 1);
    let events = "SELECT COUNT(*) FROM audit_events WHERE kind = 'user.registered'";
    assert_eq!(server.number(events).await, 1);
}

/// Somebody else may have asked, with a password of theirs, and hope that the person confirms it.
async fn in_another_browser_the_password_is_asked_for(server: &Server) {
    let acme = acme(server).await;
    let (url, before) = (acme.url("/account/register"), users(server).await);
    register(&mut Browser::new(server), &url, ("Mallory", EVE.0, "a-password-of-mallory")).await;
    let (_, link) = mail(server, EVE.0, 1).await;
    let mut eve = Browser::new(server);
    let page = eve.open(&link).await.page();
    assert!(page.has("#password"));
    for wrong in ["", EVE.1, &"a".repeat(2_000)] {
        let page = eve.submit(page.form("#confirm").fill("#password", wrong)).await.page();
        assert!(page.has("#problem") && page.has("#confirm"), "{wrong}");
    }
    assert_eq!(users(server).await, before);
    // Whoever asked on one device and reads the mail on another knows it.
    let known = page.form("#confirm").fill("#password", "a-password-of-mallory");
    assert!(eve.submit(known).await.page().has("#done"));
    assert_eq!(users(server).await, before + 1);
}

async fn nobody_learns_that_there_is_one_already(server: &Server) {
    let acme = acme(server).await;
    let (url, before) = (acme.url("/account/register"), users(server).await);
    let mut browser = Browser::new(server);
    let taken = register(&mut browser, &url, ("Mallory", ADA.0, EVE.1)).await;
    let free = register(&mut browser, &url, ("Mallory", EVE.0, EVE.1)).await;
    let plain = |page: &Page, email: &str| page.text("main").replace(email, "somebody");
    assert_eq!(plain(&taken, ADA.0), plain(&free, EVE.0));
    let (subject, link) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "You have an account already");
    assert!(link.ends_with("/account/forgot"), "{link}");
    // Two who want the same address: the one who confirms gets it, the other one nothing.
    register(&mut browser, &url, ("Mallory", EVE.0, "a-password-of-mallory")).await;
    let (_, second) = mail(server, EVE.0, 2).await;
    let first = mails(server).await.into_iter().filter(|m| m["to"] == EVE.0).nth(1);
    let first = first.expect("two mails")["link"].as_str().expect("a link").to_owned();
    let mut confirm = async |link: &str| {
        let page = browser.open(link).await.page();
        browser.submit(page.form("#confirm")).await.page().status
    };
    assert_eq!((confirm(&first).await, confirm(&second).await), (200, 404));
    let page = browser.open(&first).await.page();
    assert!(page.attribute("#try-again", "href").expect("a way on").ends_with("/register"));
    assert_eq!(users(server).await, before + 1);
    settled(server).await;
}

async fn only_where_and_for_whom_the_tenant_lets_people(server: &Server) {
    let acme: Acme<'_> = acme(server).await;
    let url = acme.url("/account/register");
    let mut browser = Browser::new(server);
    for wrong in ["eve@example.org", "eve@sub.example.com", "eve@example.com.evil.example"] {
        let page = register(&mut browser, &url, ("Eve", wrong, EVE.1)).await;
        assert_eq!((page.status, page.has("#problem")), (400, true), "{wrong}");
    }
    register(&mut browser, &url, ("Eve", EVE.0, EVE.1)).await;
    let (_, link) = mail(server, EVE.0, 1).await;
    let confirm = browser.open(&link).await.page();
    server.apply(&manifest("accounts: { registration: closed }")).await;
    server.advance(std::time::Duration::from_secs(1)).await;
    for _ in 0..100 {
        if browser.open(&url).await.page().status == 403 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(browser.open(&url).await.page().status, 403);
    assert!(!browser.open(&acme.authorize_url("web", &[])).await.page().has("#register"));
    let before = users(server).await;
    assert_eq!(browser.submit(confirm.form("#confirm")).await.page().status, 403);
    assert_eq!(users(server).await, before);
}

async fn what_is_no_good_is_asked_for_again(server: &Server) {
    let acme = acme(server).await;
    let url = acme.url("/account/register");
    let mut browser = Browser::new(server);
    let name = "n".repeat(201);
    for (name, email, password) in [
        ("Eve", "", EVE.1),
        ("Eve", "not an address", EVE.1),
        ("Eve", EVE.0, "abc1234"),
        ("Eve", EVE.0, "eve@example.com"),
        (&name, EVE.0, EVE.1),
    ] {
        let page = register(&mut browser, &url, (name, email, password)).await;
        assert_eq!((page.status, page.has("#problem")), (400, true), "{email} {password}");
        assert_eq!(page.attribute("#email", "value").as_deref(), Some(email));
        assert!(!page.html.contains(password) || password == "eve@example.com", "kept to itself");
    }
    let form = [("email", EVE.0), ("password", EVE.1), ("name", "Eve")];
    let forged = server.http.post(&url).form(&form).send().await.expect("answers");
    assert_eq!(forged.status(), 403);
    settled(server).await;
    assert!(mails(server).await.is_empty());
}
