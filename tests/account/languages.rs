//! The languages of pages and mails, and who chooses.

use harness::{Browser, Page, Server, both};
use reqwest::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue};

use super::{acme, forgot, mail, portal};
use crate::oauth::support::{ADA, Acme};

both!(
    the_browser_chooses_the_language,
    the_application_goes_before_the_browser,
    the_person_goes_before_the_browser,
    mails_are_in_the_language_of_the_page,
);

/// A browser with languages of its own.
#[expect(clippy::disallowed_methods, reason = "the tests are the other people here")]
fn browser(server: &Server, languages: &str) -> Browser {
    let value = HeaderValue::from_str(languages).expect("a header");
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(HeaderMap::from_iter([(ACCEPT_LANGUAGE, value)]))
        .build()
        .expect("a client can be built");
    Browser::at(&server.base, &http)
}

fn language(page: &Page) -> String {
    page.attribute("html", "lang").expect("a page has a language")
}

async fn the_browser_chooses_the_language(server: &Server) {
    let acme = acme(server).await;
    for (languages, tag, title) in [
        ("de", "de", "Anmelden"),
        ("de-AT,en;q=0.8", "de", "Anmelden"),
        ("en;q=0.3, fr;q=0.7", "fr", "Se connecter"),
        ("de;q=0, es-MX", "es", "Iniciar sesión"),
        ("tlh, pt-BR;q=0.1", "pt", "Entrar"),
        ("ja", "ja", "サインイン"),
        ("tlh, *;q=0.5", "en", "Sign in"),
        ("tlh", "en", "Sign in"),
        ("de;q=nonsense", "en", "Sign in"),
    ] {
        let mut browser = browser(server, languages);
        let page = browser.open(&acme.authorize_url("web", &[])).await.page();
        assert_eq!((language(&page).as_str(), page.text("h1").as_str()), (tag, title));
        // And what is wrong is said in it, too.
        let wrong = page.form("#sign-in").fill("#email", ADA.0).fill("#password", "wrong");
        let page = browser.submit(wrong).await.page();
        assert_eq!((language(&page).as_str(), page.has("#problem")), (tag, true), "{languages}");
        let page = browser.open(&acme.url("/account/link?token=none")).await.page();
        assert_eq!((language(&page).as_str(), page.status), (tag, 404), "{languages}");
    }
    let page = browser(server, "de").open(&format!("{}/", server.base)).await.page();
    assert_eq!(language(&page), "de", "the platform's own pages");
}

async fn the_application_goes_before_the_browser(server: &Server) {
    let acme = acme(server).await;
    let mut browser = browser(server, "de");
    let url = |locales| acme.authorize_url("web", &[("ui_locales", locales)]);
    let page = browser.open(&url("tlh fr-CA es")).await.page();
    assert_eq!(language(&page), "fr");
    // It stays on the way to the other pages.
    let link = page.attribute("#forgot", "href").expect("a link");
    assert_eq!(language(&browser.open(&link).await.page()), "fr");
    // What is not there is no choice.
    assert_eq!(language(&browser.open(&url("tlh")).await.page()), "de");
}

async fn the_person_goes_before_the_browser(server: &Server) {
    let user = format!("email: {}", ADA.0);
    let manifest = super::manifest(super::OPEN);
    server.apply(&manifest.replace(&user, &format!("{user}, claims: {{ locale: ja-JP }}"))).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = browser(server, "de");
    let page = portal::sign_in(&acme, &mut browser, ADA).await;
    assert_eq!((language(&page).as_str(), page.text("h1").as_str()), ("ja", "アカウント"));
    // Before anybody has signed in, the browser says it.
    let mut other = self::browser(server, "de");
    let page = forgot(&acme, &mut other, ADA.0).await;
    assert_eq!(language(&page), "de");
    let (subject, link) = mail(server, ADA.0, 1).await;
    assert_eq!(subject, "Neues Passwort setzen");
    // Who is told of the change is the person.
    let page = other.open(&link).await.page();
    let done = other.submit(page.form("#save").fill("#password", "a-new-password-2026")).await;
    assert_eq!(done.page().text("#done"), "Ihr Passwort ist geändert");
    assert_eq!(mail(server, ADA.0, 2).await.0, "パスワードが変更されました");
}

async fn mails_are_in_the_language_of_the_page(server: &Server) {
    let acme = acme(server).await;
    let mut german = browser(server, "de");
    forgot(&acme, &mut german, ADA.0).await;
    assert_eq!(mail(server, ADA.0, 1).await.0, "Neues Passwort setzen");
    let asked = acme.authorize_url("web", &[("ui_locales", "fr")]);
    let page = german.open(&asked).await.page();
    let link = page.attribute("#register", "href").expect("a link");
    let page = german.open(&link).await.page();
    let form = page.form("#register").fill("#email", "carol@example.com");
    let sent = german.submit(form.fill("#password", "plain-harbour-violin-59")).await.page();
    assert_eq!((language(&sent).as_str(), sent.status), ("fr", 200), "{}", sent.html);
    assert_eq!(mail(server, "carol@example.com", 1).await.0, "Confirmez votre adresse e-mail");
    // A change in the account itself.
    let page = portal::sign_in(&acme, &mut german, ADA).await;
    assert_eq!((language(&page).as_str(), page.text("h1").as_str()), ("de", "Ihr Konto"));
    let page = portal::open(&acme, &mut german, "/account/password").await;
    let form = page.form("#save").fill("#current", ADA.1);
    let done = german.submit(form.fill("#password", "a-new-password-2026")).await.page();
    assert!(done.has("#done"), "{}", done.html);
    assert_eq!(mail(server, ADA.0, 2).await.0, "Ihr Passwort wurde geändert");
}
