//! Passkeys: as a second factor and in place of a password, right and wrong.

use harness::{Authenticator, Browser, Form, Options, Page, Server, Visit, both};

use super::factors::acme;
use super::portal::{open, sign_in};
use crate::oauth::support::{ADA, Acme, BOB, claims, given};

both!(Options::localhost() =>
    a_passkey_signs_in_alone_and_after_a_password,
    an_assertion_that_does_not_fit_opens_nothing,
    a_passkey_is_registered_once_and_removed,
    no_passkey_where_the_tenant_has_none,
);

fn answer(page: &Page, key: &mut Authenticator) -> Form {
    let options = page.attribute("#passkey-form", "data-options").expect("options");
    let form = page.form("#passkey");
    form.fill("answer", &key.get(&options))
}

async fn add(acme: &Acme<'_>, browser: &mut Browser, key: &mut Authenticator) -> Page {
    let page = open(acme, browser, "/account/passkeys").await;
    let options = page.attribute("#passkey-form", "data-options").expect("options");
    let form = page.form("#passkey").fill("answer", &key.create(&options));
    let page = browser.submit(form.fill("#name", "My phone")).await.page();
    if page.has(".portal") {
        return page;
    }
    // From now on it is asked for, which shows that it works.
    assert_eq!(page.text("h1"), "One more step");
    browser.submit(answer(&page, key)).await.page()
}

async fn a_passkey_signs_in_alone_and_after_a_password(server: &Server) {
    let acme = acme(server, "").await;
    let mut browser = Browser::new(server);
    sign_in(&acme, &mut browser, ADA).await;
    let mut key = Authenticator::at(&server.base);
    let page = add(&acme, &mut browser, &mut key).await;
    assert_eq!(page.text("h1"), "Recovery codes");
    let list = open(&acme, &mut browser, "/account/passkeys").await;
    assert!(list.text("#passkeys").contains("My phone"), "{}", list.html);
    // Without a password, without a name.
    let mut other = Browser::new(server);
    let page = other.open(&acme.authorize_url("web", &[])).await.page();
    assert!(page.has("#email[autocomplete='username webauthn']"));
    let csp = page.headers["content-security-policy"].to_str().expect("text");
    assert!(csp.contains("script-src 'sha256-") && !csp.contains("unsafe"), "{csp}");
    let back = other.submit(answer(&page, &mut key)).await.left();
    let tokens = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    let claims = claims(&tokens["id_token"]);
    assert_eq!(claims["acr"], "phr");
    assert_eq!(claims["amr"], serde_json::json!(["hwk", "mfa", "user"]));
    // After the password, because it is set up.
    let mut third = Browser::new(server);
    let page = third.open(&acme.authorize_url("web", &[])).await.page();
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    let asked = third.submit(form).await.page();
    assert_eq!(asked.text("h1"), "One more step");
    assert!(matches!(third.submit(answer(&asked, &mut key)).await, Visit::Left(_)));
}

async fn an_assertion_that_does_not_fit_opens_nothing(server: &Server) {
    let acme = acme(server, "").await;
    let (mut browser, mut bobs) = (Browser::new(server), Browser::new(server));
    sign_in(&acme, &mut browser, ADA).await;
    sign_in(&acme, &mut bobs, BOB).await;
    let (mut key, mut his) = (Authenticator::at(&server.base), Authenticator::at(&server.base));
    add(&acme, &mut browser, &mut key).await;
    add(&acme, &mut bobs, &mut his).await;
    let mut thief = Browser::new(server);
    let page = thief.open(&acme.authorize_url("web", &[])).await.page();
    let right = (key.origin.clone(), key.rp_id.clone());
    let mut refused = Vec::new();
    key.origin = "http://localhost.evil.example".into();
    refused.push(("origin", answer(&page, &mut key)));
    (key.origin, key.rp_id) = (right.0.clone(), "evil.example".into());
    refused.push(("relying party", answer(&page, &mut key)));
    (key.rp_id, key.verifies) = (right.1.clone(), false);
    refused.push(("nobody in front of it", answer(&page, &mut key)));
    key.verifies = true;
    // The challenge of another page, and that of another browser.
    let another = thief.open(&acme.authorize_url("web", &[])).await.page();
    let options = another.attribute("#passkey-form", "data-options").expect("options");
    refused.push(("challenge", page.form("#passkey").fill("answer", &key.get(&options))));
    let theirs = Browser::new(server).open(&acme.authorize_url("web", &[])).await.page();
    let mixed = answer(&theirs, &mut key);
    let (ceremony, given) = (mixed.value("ceremony"), mixed.value("answer"));
    let form = page.form("#passkey").fill("ceremony", ceremony.expect("a field"));
    refused.push(("browser", form.fill("answer", given.expect("a field"))));
    // Bob's key under Ada's name, Ada's id with Bob's key, and what nobody has.
    let user = std::mem::replace(&mut his.user, key.user.clone());
    refused.push(("another's name", answer(&page, &mut his)));
    (his.user, his.id) = (user, std::mem::take(&mut his.id));
    let id = std::mem::replace(&mut his.id, key.id.clone());
    his.user.clone_from(&key.user);
    refused.push(("another's id", answer(&page, &mut his)));
    his.id = id;
    refused.push(("unknown", answer(&page, &mut Authenticator::at(&server.base))));
    for text in ["", "{}", "null", "\u{0}", "[1]", &"x".repeat(30_000)] {
        refused.push(("no answer", page.form("#passkey").fill("answer", text)));
    }
    for (what, form) in refused {
        let page = thief.submit(form).await.page();
        assert!(matches!(page.status, 400 | 401 | 413), "{what}: {}", page.status);
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM sessions").await, 2);
    // The right one opens it, once; and a counter that goes back is a copy of the key.
    let page = thief.open(&acme.authorize_url("web", &[])).await.page();
    let form = answer(&page, &mut key);
    let cookies = thief.cookies().to_vec();
    assert!(matches!(thief.submit(form.clone()).await, Visit::Left(_)));
    assert_ne!(cookies[0].value, thief.cookies()[0].value, "the browser has a new secret");
    assert_eq!(thief.submit(form).await.page().status, 403);
    key.counter = 0;
    let mut copy = Browser::new(server);
    let page = copy.open(&acme.authorize_url("web", &[])).await.page();
    assert_eq!(copy.submit(answer(&page, &mut key)).await.page().status, 401);
}

async fn a_passkey_is_registered_once_and_removed(server: &Server) {
    let acme = acme(server, "").await;
    let (mut browser, mut bobs) = (Browser::new(server), Browser::new(server));
    sign_in(&acme, &mut browser, ADA).await;
    sign_in(&acme, &mut bobs, BOB).await;
    let mut key = Authenticator::at(&server.base);
    add(&acme, &mut browser, &mut key).await;
    // Not a second time, nor for somebody else: it would open the other account.
    assert_eq!(add(&acme, &mut browser, &mut key).await.status, 400);
    assert_eq!(add(&acme, &mut bobs, &mut key).await.status, 400);
    let page = open(&acme, &mut bobs, "/account/passkeys").await;
    let mine = open(&acme, &mut browser, "/account/passkeys").await;
    assert!(!page.has("#passkeys"));
    // The form of another page is not good for another browser.
    assert_eq!(bobs.submit(mine.form("#remove-1")).await.page().status, 403);
    let id = mine.form("#remove-1").value("remove").expect("an id").to_owned();
    let mut form = page.form("#passkey");
    form.fields.push(("remove".into(), id));
    bobs.submit(form).await.page();
    let keys = "SELECT COUNT(*) FROM credentials WHERE kind = 'passkey'";
    assert_eq!(server.number(keys).await, 1);
    let page = browser.submit(mine.form("#remove-1")).await.page();
    assert_eq!(page.text("#done"), "It is removed.");
    assert_eq!(server.number(keys).await, 0);
}

async fn no_passkey_where_the_tenant_has_none(server: &Server) {
    let acme = acme(server, "mfa: { methods: [totp] }").await;
    let mut browser = Browser::new(server);
    let page = browser.open(&acme.authorize_url("web", &[])).await.page();
    assert!(!page.has("#passkey") && !page.has("script"));
    sign_in(&acme, &mut browser, ADA).await;
    let page = open(&acme, &mut browser, "/account/passkeys").await;
    assert!(page.has("#no-more") && !page.has("#passkey"));
}
