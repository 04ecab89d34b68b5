//! Who must sign in, choose and consent, and when (OpenID Connect Core 3.1.2.1 and 3.1.2.4).

use std::time::Duration;

use harness::{Browser, Server, both};
use serde_json::Value;
use url::Url;

use super::support::{ADA, Acme, BOB, claims, given};

both!(
    once_signed_in_no_page_is_needed,
    prompt_login_and_max_age_sign_in_again,
    an_id_token_hint_names_the_user,
    several_accounts_live_in_one_browser,
    consent_is_asked_for_and_remembered,
    sessions_end_by_themselves,
);

async fn id_token(acme: &Acme<'_>, client: &str, back: &Url) -> Value {
    let code = given(back, "code").unwrap_or_else(|| panic!("no code in {back}"));
    acme.exchange(client, &code).await.ok()["id_token"].clone()
}

async fn once_signed_in_no_page_is_needed(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let none = acme.authorize_url("web", &[("prompt", "none")]);
    let back = browser.open(&none).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("login_required"));
    let back = acme.sign_in(&mut browser, "web", &[]).await;
    let first = claims(&id_token(&acme, "web", &back).await);
    server.advance(Duration::from_secs(100)).await;
    for _ in 0..2 {
        let back = browser.open(&none).await.left();
        let again = claims(&id_token(&acme, "web", &back).await);
        for same in ["sub", "auth_time", "sid"] {
            assert_eq!(again[same], first[same], "{same}");
        }
        assert!(again["iat"].as_i64() > first["iat"].as_i64());
    }
    // Another application of the tenant, too; another tenant knows nobody.
    let back = browser.open(&acme.authorize_url("spa", &[("prompt", "none")])).await.left();
    assert!(given(&back, "code").is_some());
    let theirs = acme.other().authorize_url("web", &[("prompt", "none")]);
    let back = browser.open(&theirs).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("login_required"));
}

async fn prompt_login_and_max_age_sign_in_again(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[("max_age", "1000")]).await;
    let first = claims(&id_token(&acme, "web", &back).await);
    let auth_time = |id: &Value| id["auth_time"].as_i64().expect("auth_time");
    server.advance(Duration::from_secs(10)).await;
    // Recent enough.
    let back = browser.open(&acme.authorize_url("web", &[("max_age", "15")])).await.left();
    assert_eq!(auth_time(&claims(&id_token(&acme, "web", &back).await)), auth_time(&first));
    let silent = [("max_age", "5"), ("prompt", "none")];
    let back = browser.open(&acme.authorize_url("web", &silent)).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("login_required"));
    let mut last = auth_time(&first);
    for more in [("max_age", "5"), ("max_age", "0"), ("prompt", "login")] {
        server.advance(Duration::from_secs(10)).await;
        let url = acme.authorize_url("web", &[more]);
        let page = browser.open(&url).await.page();
        assert!(page.has("#sign-in"), "{more:?}");
        // A wrong password is no sign-in.
        let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", "wrong");
        let page = browser.submit(form).await.page();
        assert_eq!(page.status, 401);
        let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
        let back = browser.submit(form).await.left();
        let id = claims(&id_token(&acme, "web", &back).await);
        assert!(auth_time(&id) > last, "{more:?}");
        assert_eq!(id["sub"], first["sub"]);
        last = auth_time(&id);
    }
    let rows = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.number(rows).await, 1, "a renewed session replaces the old one");
}

async fn an_id_token_hint_names_the_user(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[]).await;
    let ada = id_token(&acme, "web", &back).await;
    let back = acme.sign_in_as(BOB, &mut Browser::new(server), "web", &[]).await;
    let bob = id_token(&acme, "web", &back).await;
    let hinted = |hint: &Value, more: (&'static str, &'static str)| {
        let hint = hint.as_str().expect("a token").to_owned();
        acme.authorize_url("web", &[("id_token_hint", &hint), more])
    };
    let silent = ("prompt", "none");
    // An expired one is as good.
    for seconds in [0, 700] {
        server.advance(Duration::from_secs(seconds)).await;
        let back = browser.open(&hinted(&ada, silent)).await.left();
        assert_eq!(claims(&id_token(&acme, "web", &back).await)["sub"], claims(&ada)["sub"]);
        let back = browser.open(&hinted(&bob, silent)).await.left();
        assert_eq!(given(&back, "error").as_deref(), Some("login_required"));
    }
    // Forged, or another application's: an error, not a guess.
    let spa = acme.tokens("spa", "openid").await["id_token"].clone();
    let forged = Value::from(super::support::tampered(ada.as_str().expect("a token")));
    for hint in [spa, forged] {
        let back = browser.open(&hinted(&hint, silent)).await.left();
        assert_eq!(given(&back, "error").as_deref(), Some("invalid_request"));
    }
    // With a page allowed, the right user signs in; the wrong one does not pass for it.
    let page = browser.open(&hinted(&bob, ("ui_locales", "en"))).await.page();
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    let page = browser.submit(form).await.page();
    let form = page.form("#sign-in").fill("#email", BOB.0).fill("#password", BOB.1);
    let back = browser.submit(form).await.left();
    assert_eq!(claims(&id_token(&acme, "web", &back).await)["sub"], claims(&bob)["sub"]);
}

async fn several_accounts_live_in_one_browser(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[]).await;
    let ada = claims(&id_token(&acme, "web", &back).await);
    // The chooser leads on to a sign-in form for another account.
    let choose = acme.authorize_url("web", &[("prompt", "select_account")]);
    let page = browser.open(&choose).await.page();
    assert!(page.text("#account-1").contains("Ada Lovelace"));
    let another = page.attribute("#use-another-account", "href").expect("a link");
    let back = browser.sign_in(&another, BOB.0, BOB.1).await.left();
    let bob = claims(&id_token(&acme, "web", &back).await);
    assert_ne!((&bob["sub"], &bob["sid"]), (&ada["sub"], &ada["sid"]));
    // Now both are there; without a choice nobody is guessed.
    let none = [("prompt", "none")];
    let back = browser.open(&acme.authorize_url("web", &none)).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("account_selection_required"));
    for (hint, wanted) in [("ADA@example.com", &ada), ("bob@example.com", &bob)] {
        let hinted = acme.authorize_url("web", &[("prompt", "none"), ("login_hint", hint)]);
        let back = browser.open(&hinted).await.left();
        assert_eq!(claims(&id_token(&acme, "web", &back).await)["sub"], wanted["sub"]);
        for url in [&choose, &acme.authorize_url("web", &[])] {
            let page = browser.open(url).await.page();
            let row = (1..=2)
                .map(|n| format!("#account-{n}"))
                .find(|row| page.text(row).to_lowercase().contains(&hint.to_lowercase()));
            let back = browser.submit(page.form(&row.expect("the account is listed"))).await.left();
            let id = claims(&id_token(&acme, "web", &back).await);
            assert_eq!((&id["sub"], &id["sid"]), (&wanted["sub"], &wanted["sid"]));
        }
    }
    // A session of somebody else's browser cannot be chosen.
    let page = browser.open(&choose).await.page();
    let form = page.form("#account-1").fill("account", "ses_00000000000000000000000000000000");
    let page = browser.submit(form).await.page();
    assert!(page.status == 400 || page.has("#account-1"), "{}", page.status);
}

async fn consent_is_asked_for_and_remembered(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let email = [("scope", "openid email")];
    let url = acme.authorize_url("third", &email);
    let page = browser.sign_in(&url, ADA.0, ADA.1).await.page();
    assert!(page.text("#account").contains("Ada Lovelace"));
    assert!(page.text("h1").contains("The third"));
    // Refusing tells the application, and is not remembered as a consent.
    let back = browser.submit(page.form("#refuse")).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(given(&back, "state").as_deref(), Some("the state"));
    assert_eq!((given(&back, "iss"), given(&back, "code")), (Some(acme.issuer()), None));
    assert_eq!(server.number("SELECT COUNT(*) FROM consents").await, 0);
    let silent = |scope| acme.authorize_url("third", &[("scope", scope), ("prompt", "none")]);
    let back = browser.open(&silent("openid email")).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("consent_required"));
    let page = browser.open(&url).await.page();
    let back = browser.submit(page.form("#allow")).await.left();
    id_token(&acme, "third", &back).await;
    // Remembered: the same and less pass, more is asked for, by itself only.
    for scope in ["openid email", "openid"] {
        let back = browser.open(&silent(scope)).await.left();
        assert!(given(&back, "code").is_some(), "{scope}");
    }
    let back = browser.open(&silent("openid email phone")).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("consent_required"));
    let more = acme.authorize_url("third", &[("scope", "openid email phone")]);
    let page = browser.open(&more).await.page();
    let asked = page.text("#scopes").to_lowercase();
    assert!(asked.contains("phone") && !asked.contains("e-mail"), "{asked}");
    browser.submit(page.form("#allow")).await.left();
    assert!(given(&browser.open(&silent("openid email phone")).await.left(), "code").is_some());
    // A claim asked for by itself needs the consent of its scope.
    let claim = [("claims", r#"{"userinfo":{"name":null}}"#)];
    let page = browser.open(&acme.authorize_url("third", &claim)).await.page();
    assert!(page.has("#allow"));
    let again = acme.authorize_url("third", &[("prompt", "consent"), ("scope", "openid email")]);
    let page = browser.open(&again).await.page();
    browser.submit(page.form("#allow")).await.left();
    // Another user is asked for itself; a first-party application never asks.
    let page = Browser::new(server).sign_in(&url, BOB.0, BOB.1).await.page();
    assert!(page.has("#allow"));
    let kinds =
        "SELECT COUNT(*) FROM audit_events WHERE kind IN ('consent.given', 'consent.refused')";
    assert_eq!(server.number(kinds).await, 4);
}

async fn sessions_end_by_themselves(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    acme.sign_in(&mut browser, "web", &[]).await;
    let none = acme.authorize_url("web", &[("prompt", "none")]);
    // Use keeps it alive, up to two weeks.
    for _ in 0..13 {
        server.advance(Duration::from_secs(86_000)).await;
        let back = browser.open(&none).await.left();
        assert!(given(&back, "code").is_some(), "{back}");
    }
    server.advance(Duration::from_secs(86_401)).await;
    let back = browser.open(&none).await.left();
    assert_eq!(given(&back, "error").as_deref(), Some("login_required"));
}
