//! The hosted pages as strangers meet them: forged forms, planted cookies, stale requests, headers.

use std::time::Duration;

use harness::{Browser, Page, Server, both};

use super::support::{ADA, Acme, BOB, given};

both!(
    forms_work_only_in_the_browser_that_has_them,
    signing_in_changes_the_cookie,
    a_pending_request_is_sealed_and_short_lived,
    what_was_done_in_one_browser_counts_only_there,
    every_page_is_guarded_by_headers,
    nobody_learns_who_is_a_user,
);

async fn sign_in_page(acme: &Acme<'_>, browser: &mut Browser) -> Page {
    browser.open(&acme.authorize_url("web", &[])).await.page()
}

async fn forms_work_only_in_the_browser_that_has_them(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let page = sign_in_page(&acme, &mut browser).await;
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    let before = server.row_counts().await;
    for csrf in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let page = browser.submit(form.clone().fill("csrf", csrf)).await.page();
        assert_eq!(page.status, 403, "{csrf}");
    }
    let mut without = form.clone();
    without.fields.retain(|(name, _)| name != "csrf");
    assert_eq!(browser.submit(without).await.page().status, 403);
    // A browser without our cookie, and one with another.
    assert_eq!(Browser::new(server).submit(form.clone()).await.page().status, 403);
    let mut other = Browser::new(server);
    sign_in_page(&acme, &mut other).await;
    assert_eq!(other.submit(form.clone()).await.page().status, 403);
    // A page of another site posts, and the browser says so.
    let cookie = &browser.cookies()[0];
    let request = server
        .http
        .post(form.action.clone())
        .header("cookie", format!("{}={}", cookie.name, cookie.value))
        .header("sec-fetch-site", "cross-site")
        .form(&form.fields);
    assert_eq!(request.send().await.expect("answers").status(), 403);
    let mut after = server.row_counts().await;
    after.insert("refusals".into(), before["refusals"]);
    assert_eq!(before, after);
    // Unharmed by all that, the form works.
    assert!(given(&browser.submit(form).await.left(), "code").is_some());
}

async fn signing_in_changes_the_cookie(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let page = sign_in_page(&acme, &mut browser).await;
    let planted = browser.cookies().to_vec();
    assert_eq!(planted.len(), 1);
    for wanted in ["httponly", "samesite=lax"] {
        assert!(planted[0].attributes.iter().any(|a| a == wanted), "{planted:?}");
    }
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    browser.submit(form).await.left();
    let fresh = browser.cookies().to_vec();
    assert_eq!(fresh.len(), 2, "the browser, and the state that scripts may read");
    assert_ne!(fresh[0].value, planted[0].value);
    let none = acme.authorize_url("web", &[("prompt", "none")]);
    for (cookie, signed_in) in [(&planted[0], false), (&fresh[0], true)] {
        let request = server.http.get(&none);
        let request = request.header("cookie", format!("{}={}", cookie.name, cookie.value));
        let answer = request.send().await.expect("answers");
        let location = answer.headers()["location"].to_str().expect("ASCII");
        assert_eq!(location.contains("code="), signed_in, "{location}");
    }
    // Again at the next sign-in, when the old value stops working.
    acme.sign_in(&mut browser, "web", &[("prompt", "login")]).await;
    assert_ne!(browser.cookies()[0].value, fresh[0].value);
    let old = format!("{}={}", fresh[0].name, fresh[0].value);
    let answer = server.http.get(&none).header("cookie", old).send().await.expect("answers");
    let location = answer.headers()["location"].to_str().expect("ASCII").to_owned();
    assert!(location.contains("error=login_required"), "{location}");
    // Garbage is a new browser, not an error.
    for garbage in ["", "x", &"A".repeat(43), &"A".repeat(5_000)] {
        let cookie = format!("{}={garbage}", fresh[0].name);
        let answer = server.http.get(&none).header("cookie", cookie).send().await.expect("answers");
        assert_eq!(answer.status(), 303);
    }
}

async fn a_pending_request_is_sealed_and_short_lived(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let page = sign_in_page(&acme, &mut browser).await;
    let form = page.form("#sign-in");
    let sealed = form.value("request").expect("a sealed request").to_owned();
    let theirs = acme.other();
    for (wrong, at) in [
        (String::new(), &acme),
        ("x".to_owned(), &acme),
        (super::support::tampered(&sealed), &acme),
        (format!("{sealed}AAAA"), &acme),
        ("A".repeat(9_000), &acme),
        (sealed.clone(), &theirs),
    ] {
        for place in ["/login", "/login/accounts", "/login/consent", "/login/resume"] {
            let page = browser.open(&at.url(&format!("{place}?request={wrong}"))).await.page();
            assert_eq!(page.status, 400, "{place}: {wrong:.20}");
        }
    }
    assert_eq!(browser.open(&acme.url("/login")).await.page().status, 400);
    let url = acme.url(&format!("/login?request={sealed}"));
    assert!(browser.open(&url).await.page().has("#sign-in"));
    server.advance(Duration::from_secs(1_800)).await;
    let page = browser.open(&url).await.page();
    assert_eq!((page.status, page.text("#error-code").as_str()), (400, "request_expired"));
    let late = form.fill("#email", ADA.0).fill("#password", ADA.1);
    assert_eq!(browser.submit(late).await.page().status, 400);
}

async fn what_was_done_in_one_browser_counts_only_there(server: &Server) {
    let acme = Acme::new(server).await;
    let mut bobs = Browser::new(server);
    acme.sign_in_as(BOB, &mut bobs, "web", &[]).await;
    // Ada signs in again, as the application asks, and stops at the way back.
    let mut browser = Browser::new(server);
    let page = browser.open(&acme.authorize_url("web", &[("prompt", "login")])).await.page();
    let form = page.form("#sign-in").fill("#email", ADA.0).fill("#password", ADA.1);
    let cookie = &browser.cookies()[0];
    let request = server.http.post(form.action).form(&form.fields);
    let request = request.header("cookie", format!("{}={}", cookie.name, cookie.value));
    let answer = request.send().await.expect("answers");
    let resume = answer.headers()["location"].to_str().expect("ASCII").to_owned();
    // Bob is signed in in the other browser, but did not sign in again for this request.
    assert!(bobs.open(&resume).await.page().has("#sign-in"));
    assert!(Browser::new(server).open(&resume).await.page().has("#sign-in"));
}

async fn every_page_is_guarded_by_headers(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let mut pages = vec![sign_in_page(&acme, &mut browser).await];
    let url = acme.authorize_url("third", &[]);
    pages.push(browser.sign_in(&url, ADA.0, ADA.1).await.page());
    pages.push(
        browser.open(&acme.authorize_url("web", &[("prompt", "select_account")])).await.page(),
    );
    pages.push(browser.open(&acme.authorize_url("nobody", &[])).await.page());
    pages.push(browser.open(&acme.url("/oauth/logout")).await.page());
    pages.push(browser.open(&acme.url("/")).await.page());
    pages.push(browser.open(&server.url("/")).await.page());
    for page in pages {
        let header = |name: &str| {
            page.headers.get(name).map_or("", |v| v.to_str().expect("ASCII")).to_owned()
        };
        let policy = header("content-security-policy");
        for wanted in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(wanted), "{}: {policy}", page.url);
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains('*'), "{policy}");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("x-request-id").len(), 32);
        assert!(!page.has("[onclick]") && !page.has("[style]"));
    }
    // Browsers apply form-action to the redirects after a post: the application's origin is in it.
    let page = Browser::new(server).open(&acme.authorize_url("web", &[])).await.page();
    let policy = page.headers["content-security-policy"].to_str().expect("ASCII");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:3999;"), "{policy}");
}

async fn nobody_learns_who_is_a_user(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let mut texts = Vec::new();
    for (email, password) in
        [(ADA.0, "wrong"), ("nobody@example.com", "wrong"), ("nobody@example.com", ADA.1)]
    {
        let form = sign_in_page(&acme, &mut browser).await.form("#sign-in");
        let page = browser.submit(form.fill("#email", email).fill("#password", password)).await;
        let page = page.page();
        assert_eq!(page.status, 401);
        assert_eq!(page.attribute("#password", "value"), None, "a password never comes back");
        assert_eq!(page.attribute("#email", "value").as_deref(), Some(email));
        texts.push(page.text("#problem"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
    for (email, password, status) in [
        ("", ADA.1, 400),
        ("not an address", ADA.1, 400),
        (ADA.0, "", 400),
        (ADA.0, &"p".repeat(1_025), 401),
        (" ADA@Example.COM ", ADA.1, 303),
    ] {
        let mut browser = Browser::new(server);
        let form = sign_in_page(&acme, &mut browser).await.form("#sign-in");
        let visit = browser.submit(form.fill("#email", email).fill("#password", password)).await;
        match visit {
            harness::Visit::Left(_) => assert_eq!(status, 303, "{email}"),
            harness::Visit::Page(page) => assert_eq!(page.status, status, "{email}"),
        }
    }
}
