//! Codes that are sent: sign-in by mail, and second factors by mail and text message.

use std::time::Duration;

use harness::receiver::Receiver;
use harness::{Browser, Options, Page, Server, Visit, both, free_port};

use super::factors::acme;
use super::portal::{open, sign_in};
use super::{mails, settled};
use crate::oauth::support::{ADA, Acme, BOB, claims as token_claims, given};

both!(
    a_code_in_a_mail_signs_in,
    a_link_signs_in_where_it_was_asked_for_and_nowhere_else,
    nobody_learns_whom_a_code_was_sent_to,
    codes_come_to_an_end,
    a_code_by_mail_is_a_second_factor,
    a_number_is_set_up_and_asked_for,
    without_the_setting_there_is_no_code,
);

both!(with_provider() => text_messages_go_through_the_provider);

const TOKEN: &str = "the-token-of-the-provider";

fn with_provider() -> Options {
    let url = format!("http://127.0.0.1:{}/messages", free_port());
    Options::default().with("BAILIWICK_TEXTS__URL", url).with("BAILIWICK_TEXTS__TOKEN", TOKEN)
}

const CODES: &str = "accounts: { email_codes: true }";

/// The last message to somebody, and the code in it.
async fn code(server: &Server, to: &str, n: usize) -> (String, String) {
    for _ in 0..200 {
        let all = mails(server).await;
        let theirs: Vec<_> = all.iter().filter(|m| m["to"] == to).collect();
        if theirs.len() >= n {
            let text = theirs[0]["text"].as_str().expect("text").to_owned();
            let is_code = |at: &usize| {
                let part = text.get(*at..at + 9).map(str::as_bytes);
                part.is_some_and(|p| {
                    let digits = |r: std::ops::Range<usize>| p[r].iter().all(u8::is_ascii_digit);
                    digits(0..4) && p[4] == b' ' && digits(5..9)
                })
            };
            let at = (0..text.len()).find(is_code).expect("a code");
            return (text[at..at + 9].to_owned(), text);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no message {n} to {to}: {:?}", mails(server).await);
}

async fn link(server: &Server, to: &str) -> String {
    code(server, to, 1).await;
    let all = mails(server).await;
    let mail = all.iter().find(|m| m["to"] == to).expect("a mail");
    mail["link"].as_str().expect("a link").to_owned()
}

/// Asks for a code to sign in with, for an application.
async fn ask(acme: &Acme<'_>, browser: &mut Browser, email: &str) -> Page {
    let scope = [("scope", "openid")];
    let page = browser.open(&acme.authorize_url("web", &scope)).await.page();
    browser.submit(page.form("#email-code").fill("#email", email)).await.page()
}

async fn tokens(acme: &Acme<'_>, visit: Visit) -> serde_json::Value {
    let code = given(&visit.left(), "code").expect("a code");
    token_claims(&acme.exchange("web", &code).await.ok()["id_token"])
}

async fn a_code_in_a_mail_signs_in(server: &Server) {
    let acme = acme(server, CODES).await;
    let mut browser = Browser::new(server);
    let page = ask(&acme, &mut browser, " ADA@example.com ").await;
    assert_eq!((page.status, page.text("h1").as_str()), (200, "Look into your mail"));
    let (code, text) = code(server, ADA.0, 1).await;
    assert!(text.contains("/account/link?token="), "{text}");
    let wrong = browser.submit(page.form("#sign-in").fill("#code", "1234 5678")).await.page();
    assert_eq!((wrong.status, wrong.has("#code[aria-invalid]")), (401, true));
    let typed = code.replace(' ', "-");
    let done = browser.submit(wrong.form("#sign-in").fill("#code", &typed)).await;
    let claims = tokens(&acme, done).await;
    assert_eq!((&claims["acr"], &claims["amr"]), (&"1".into(), &serde_json::json!(["otp"])));
    assert!(claims["sub"].is_string());
    let verified = "SELECT COUNT(*) FROM user_identifiers WHERE verified_at IS NOT NULL";
    assert_eq!(server.number(verified).await, 1, "whoever reads the mail has the address");
    // The same code a second time.
    let again = browser.submit(wrong.form("#sign-in").fill("#code", &typed)).await.page();
    assert!(again.status >= 400, "{}", again.html);
}

async fn a_link_signs_in_where_it_was_asked_for_and_nowhere_else(server: &Server) {
    let acme = acme(server, CODES).await;
    let mut browser = Browser::new(server);
    ask(&acme, &mut browser, ADA.0).await;
    let link = link(server, ADA.0).await;
    // A scanner of mails, or somebody who was sent the link.
    let mut other = Browser::new(server);
    let page = other.open(&link).await.page();
    assert!(!page.has("form") && page.has("#code"), "{}", page.html);
    let shown = page.text("#code");
    let page = browser.open(&link).await.page();
    assert_eq!(page.text("h1"), "Sign in?");
    assert_eq!(page.attribute("[name=code]", "value").as_deref(), Some(shown.as_str()));
    // What the form sends is of no use elsewhere.
    let mut form = page.form("#confirm");
    let stolen = other.open(&acme.authorize_url("web", &[])).await.page().form("#sign-in");
    for (name, value) in &mut form.fields {
        if name == "csrf" {
            *value = stolen.value("csrf").expect("a token").to_owned();
        }
    }
    assert!(matches!(other.submit(form).await, Visit::Page(p) if p.has("#sign-in")));
    // Its form is for the sign-in: the link itself does nothing.
    let mut elsewhere = page.form("#confirm");
    elsewhere.action.set_path("/t/acme/account/link");
    let token = link.split("token=").nth(1).expect("a token");
    elsewhere.fields.push(("token".into(), token.to_owned()));
    assert_eq!(browser.submit(elsewhere).await.page().status, 404);
    let claims = tokens(&acme, browser.submit(page.form("#confirm")).await).await;
    assert!(claims["sub"].is_string());
}

async fn nobody_learns_whom_a_code_was_sent_to(server: &Server) {
    let acme = acme(server, CODES).await;
    let mut browser = Browser::new(server);
    let known = ask(&acme, &mut browser, ADA.0).await;
    let unknown = ask(&acme, &mut browser, "eve@example.com").await;
    let plain = |page: &Page, email: &str| page.text("main").replace(email, "somebody");
    assert_eq!(plain(&known, ADA.0), plain(&unknown, "eve@example.com"));
    settled(server).await;
    assert!(mails(server).await.iter().all(|m| m["to"] == ADA.0));
    // Nor by the codes: nobody has that of an account that is not there.
    let wrong = browser.submit(unknown.form("#sign-in").fill("#code", "0000 0000")).await.page();
    assert_eq!(wrong.status, 401);
    let bad = ask(&acme, &mut browser, "no address").await;
    assert_eq!((bad.status, bad.has("#email[aria-invalid]")), (400, true));
}

async fn codes_come_to_an_end(server: &Server) {
    let acme = acme(server, CODES).await;
    let mut browser = Browser::new(server);
    let page = ask(&acme, &mut browser, ADA.0).await;
    let (first, _) = code(server, ADA.0, 1).await;
    for _ in 0..5 {
        let form = page.form("#sign-in").fill("#code", "1111 1111");
        assert_eq!(browser.submit(form).await.page().status, 401);
    }
    let form = || page.form("#sign-in").fill("#code", &first);
    let limited = browser.submit(form()).await.page();
    assert_eq!(limited.status, 429, "five tries, whatever the sixth is");
    server.advance(Duration::from_secs(11 * 60)).await;
    let late = browser.submit(form()).await.page();
    assert!(late.has("#password") && late.status == 403, "{}", late.html);
    // Nobody's mailbox is filled.
    let mut last = 200;
    for _ in 0..7 {
        last = ask(&acme, &mut browser, BOB.0).await.status;
    }
    assert_eq!(last, 429);
}

async fn a_code_by_mail_is_a_second_factor(server: &Server) {
    let acme = acme(server, "mfa: { required: always, methods: [email_code] }").await;
    let mut browser = Browser::new(server);
    let visit = browser.sign_in(&acme.authorize_url("web", &[]), ADA.0, ADA.1).await;
    let page = visit.page();
    assert!(page.has("#send") && !page.has("#code"), "nothing is sent unasked: {}", page.html);
    let page = browser.submit(page.form("#send")).await.page();
    let (code, _) = code(server, ADA.0, 1).await;
    let wrong = browser.submit(page.form("#prove").fill("#code", "00000000")).await.page();
    assert_eq!(wrong.status, 401);
    let done = browser.submit(wrong.form("#prove").fill("#code", &code)).await;
    let claims = tokens(&acme, done).await;
    assert_eq!(claims["acr"], "2");
    assert_eq!(claims["amr"], serde_json::json!(["mfa", "otp", "pwd"]));
    // Of another person, or in another browser, it is worth nothing.
    let mut bob = Browser::new(server);
    let theirs = bob.sign_in(&acme.authorize_url("web", &[]), BOB.0, BOB.1).await.page();
    let theirs = bob.submit(theirs.form("#send")).await.page();
    let mut form = theirs.form("#prove").fill("#code", &code);
    for (name, value) in &mut form.fields {
        if name == "ceremony" {
            *value = wrong.attribute("[name=ceremony]", "value").expect("sealed");
        }
    }
    assert_eq!(bob.submit(form).await.page().status, 401);
    // Two codes to one mailbox are one factor.
    server
        .apply(&super::manifest(
            "accounts: { email_codes: true }, mfa: { required: always, methods: [email_code] }",
        ))
        .await;
    let mut twice = Browser::new(server);
    let page = ask(&acme, &mut twice, ADA.0).await;
    let (code, _) = self::code(server, ADA.0, 2).await;
    let back = twice.submit(page.form("#sign-in").fill("#code", &code)).await.left();
    let error = given(&back, "error");
    assert_eq!(error.as_deref(), Some("unmet_authentication_requirements"), "{back}");
}

const SMS: &str = "mfa: { methods: [totp, sms_code] }";

async fn set_up(acme: &Acme<'_>, browser: &mut Browser) -> String {
    let page = open(acme, browser, "/account/phone").await;
    let bad = browser.submit(page.form("#send").fill("#number", "0151 123")).await.page();
    assert_eq!((bad.status, bad.has("#number[aria-invalid]")), (400, true));
    let page = browser.submit(bad.form("#send").fill("#number", "+49 151 1234-5678")).await.page();
    assert!(page.text("#sent").contains("+4915112345678"), "{}", page.html);
    let (code, _) = code(acme.server, "+4915112345678", 1).await;
    let wrong = browser.submit(page.form("#save").fill("#code", "0")).await.page();
    assert_eq!(wrong.status, 400);
    let done = browser.submit(wrong.form("#save").fill("#code", &code)).await.page();
    assert_eq!(done.text("#done"), "It is set up.");
    code
}

async fn a_number_is_set_up_and_asked_for(server: &Server) {
    let acme = acme(server, SMS).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let first = set_up(&acme, &mut browser).await;
    let page = open(&acme, &mut browser, "/account/phone").await;
    assert!(page.text("#phone").contains("ends in 678"), "{}", page.html);
    let clear = "SELECT COUNT(*) FROM credentials WHERE data LIKE '%4915112345678%'";
    assert_eq!(server.number(clear).await, 0, "numbers are sealed");
    let (_, told) = super::mail(server, ADA.0, 1).await;
    assert!(told.ends_with("/account"), "{told}");
    let mut other = Browser::new(server);
    let page = other.sign_in(&acme.authorize_url("web", &[]), ADA.0, ADA.1).await.page();
    assert!(page.text("#explanation").contains("678"), "{}", page.html);
    let page = other.submit(page.form("#send")).await.page();
    let (code, text) = code(server, "+4915112345678", 2).await;
    assert!(text.contains("Tenant acme"), "{text}");
    let wrong = other.submit(page.form("#prove").fill("#code", &first)).await.page();
    assert_eq!(wrong.status, 401, "the code of another time");
    let claims = tokens(&acme, other.submit(page.form("#prove").fill("#code", &code)).await).await;
    assert_eq!(claims["amr"], serde_json::json!(["mfa", "otp", "pwd", "sms"]));
    let page = open(&acme, &mut browser, "/account/phone").await;
    let gone = browser.submit(page.form("#remove")).await.page();
    assert_eq!(gone.text("#done"), "It is removed.");
    assert!(gone.has("#number"));
}

async fn without_the_setting_there_is_no_code(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    let page = browser.open(&acme.authorize_url("web", &[])).await.page();
    assert!(!page.has("#email-code"));
    let mut form = page.form("#sign-in").fill("#email", ADA.0);
    form.action.set_path("/t/acme/login/email");
    assert_eq!(browser.submit(form).await.page().status, 403);
    sign_in(&acme, &mut browser, ADA).await;
    let page = browser.open(&format!("{}/account/phone", acme.issuer())).await.page();
    assert_eq!(page.status, 403);
    settled(server).await;
    assert!(mails(server).await.is_empty());
}

async fn text_messages_go_through_the_provider(server: &Server) {
    let port = server.config()["BAILIWICK_TEXTS__URL"].split(['/', ':']).nth(4);
    let port = port.and_then(|p| p.parse().ok()).expect("a port");
    let provider = Receiver::at(port).await;
    let acme = acme(server, SMS).await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    provider.answer(Some(503));
    let page = open(&acme, &mut browser, "/account/phone").await;
    let page = browser.submit(page.form("#send").fill("#number", "+4915112345678")).await.page();
    assert!(page.has("#code"), "a provider that is away is nothing to the page");
    let asked = provider.wait_for(1).await;
    assert!(asked[0].head.contains(&format!("authorization: bearer {TOKEN}")));
    let failed = "SELECT COUNT(*) FROM jobs WHERE last_error IS NOT NULL";
    while server.number(failed).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    provider.answer(Some(202));
    server.advance(Duration::from_secs(10)).await;
    let (code, _) = code(server, "+4915112345678", 1).await;
    let requests = provider.wait_for(2).await;
    let sent: serde_json::Value = serde_json::from_str(&requests[1].body).expect("JSON");
    assert_eq!(sent["to"], "+4915112345678");
    assert!(sent["text"].as_str().expect("text").contains(&code), "{sent}");
    let done = browser.submit(page.form("#save").fill("#code", &code)).await.page();
    assert_eq!(done.text("#done"), "It is set up.");
}
