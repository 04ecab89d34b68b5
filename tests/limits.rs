//! Rate limits and failure limits, as applications and people meet them.

mod cluster;
mod support;

use std::time::Duration;

use futures_util::future::join_all;
use harness::{Options, Server, both};

use support::{Caller, PASSWORD, SignIn, manifest};

/// Callers say where they come from.
fn options() -> Options {
    Options::default().with("BAILIWICK_TRUSTED_PROXIES", "127.0.0.1/32")
}

both!(options() =>
    a_client_has_its_minute,
    an_address_has_its_burst,
    a_flood_stays_in_its_tenant,
    a_change_holds_for_the_next_request,
    without_limits_only_the_whole_counts,
    keys_of_the_management_api_have_their_minute,
    failed_passwords_are_limited_whoever_it_is,
    whoever_goes_on_failing_waits_ever_longer,
    tries_at_once_do_not_slip_through,
    a_stranger_locks_nobody_out_at_home,
    failed_clients_are_limited,
    an_attack_tightens_addresses_and_no_clients,
);
both!(options()
    .with("BAILIWICK_LIMITS__CLIENT_PER_MINUTE", "3")
    .with("BAILIWICK_LIMITS__GLOBAL_PER_SECOND", "20") => the_platform_has_the_last_word);

const AT: &str = "192.0.2.1";

async fn a_client_has_its_minute(server: &Server) {
    server.apply(&manifest("acme", "client_per_minute: 10")).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    for left in (0..10).rev() {
        let answer = caller.token("worker").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), r#""client";q=10;w=60"#);
        assert_eq!(answer.header("ratelimit"), format!(r#""client";r={left};t=60"#));
    }
    let refused = caller.token("worker").await;
    assert_eq!((refused.status, refused.str("error")), (429, "slow_down"), "{refused:?}");
    assert!(refused.str("error_description").contains("66 s"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "66");
    assert_eq!(refused.header("ratelimit"), r#""client";r=0;t=66"#);
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(caller.at("198.51.100.7").token("worker").await.status, 429, "wherever it is");
    assert_eq!(caller.token("other").await.status, 200, "another application");
    server.advance(Duration::from_secs(66)).await;
    assert_eq!(caller.tokens("worker", 3).await, 1, "one came back");
    server.advance(Duration::from_secs(180)).await;
    assert_eq!(caller.tokens("worker", 20).await, 10);
}

async fn an_address_has_its_burst(server: &Server) {
    server.apply(&manifest("acme", "address_per_minute: 60, address_burst: 5")).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    assert_eq!(caller.authorizations(5).await, 5);
    let refused = caller.authorize().await;
    assert_eq!(refused.status(), 429);
    let header = |name: &str| refused.headers()[name].to_str().expect("ASCII").to_owned();
    assert_eq!(header("retry-after"), "1");
    assert_eq!(header("ratelimit-policy"), r#""address";q=60;w=60"#);
    let html = refused.text().await.expect("a page");
    assert!(html.contains("You can try again in 2 seconds."), "{html}");
    // Whoever proves who it is counts on its own, and takes nothing from the address.
    assert_eq!(caller.tokens("worker", 20).await, 20);
    // The whole network of IPv6, and no other.
    assert_eq!(caller.at("2001:db8:1:2::1").authorizations(9).await, 5);
    assert_eq!(caller.at("2001:db8:1:2:ffff::9").authorizations(9).await, 0);
    assert_eq!(caller.at("2001:db8:1:3::1").authorizations(9).await, 5);
    server.advance(Duration::from_secs(2)).await;
    assert_eq!(caller.authorizations(9).await, 2);
    // Without a token nobody knows who asks.
    let token = caller.token("worker").await.str("access_token").to_owned();
    let asked = [caller.userinfo("none").await.status, caller.userinfo(&token).await.status];
    assert_eq!(asked, [401, 403]);
    for _ in 0..4 {
        caller.userinfo("none").await;
    }
    assert_eq!(caller.userinfo("none").await.status, 429);
}

async fn a_flood_stays_in_its_tenant(server: &Server) {
    let acme = manifest("acme", "tenant_per_second: 5");
    server.apply(&format!("{acme}---\n{}", manifest("globex", ""))).await;
    let caller = |slug| Caller::new(server, &server.base, slug, AT);
    assert_eq!(caller("acme").tokens("worker", 15).await, 10, "two seconds' worth");
    let refused = caller("acme").at("198.51.100.7").token("other").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert_eq!(refused.header("ratelimit"), "", "not the caller's own limit");
    assert_eq!(caller("globex").tokens("worker", 15).await, 15);
    server.advance(Duration::from_secs(1)).await;
    assert_eq!(caller("acme").tokens("other", 15).await, 5);
}

async fn a_change_holds_for_the_next_request(server: &Server) {
    server.apply(&manifest("acme", "client_per_minute: 2")).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    assert_eq!(caller.tokens("worker", 5).await, 2);
    server.apply(&manifest("acme", "client_per_minute: 6")).await;
    assert_eq!(caller.tokens("worker", 9).await, 4, "what was used stays used");
    server.apply(&manifest("acme", "enabled: false")).await;
    assert_eq!(caller.tokens("worker", 9).await, 9);
}

async fn without_limits_only_the_whole_counts(server: &Server) {
    let off = "enabled: false, client_per_minute: 1, address_burst: 1, tenant_per_second: 1";
    server.apply(&manifest("acme", off)).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    let answer = caller.token("worker").await;
    assert_eq!((answer.status, answer.header("ratelimit")), (200, ""));
    assert_eq!(caller.tokens("worker", 20).await, 20);
    assert_eq!(caller.authorizations(20).await, 20);
    let form = SignIn::open(server, "acme").await;
    assert_eq!(form.wrong(AT, "ada@example.com", 8).await, [401; 8]);
}

async fn keys_of_the_management_api_have_their_minute(server: &Server) {
    server.apply(&manifest("acme", "client_per_minute: 3, address_burst: 4")).await;
    let key = server.api_key("acme", &["viewer"]).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    for _ in 0..3 {
        caller.users(&key).await.expect(200);
    }
    let refused = caller.users(&key).await;
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("ratelimit-policy"), r#""client";q=3;w=60"#);
    assert_eq!(refused.header("retry-after"), "80");
    let other = server.api_key("acme", &["viewer"]).await;
    caller.users(&other).await.expect(200);
    for _ in 0..4 {
        caller.at("192.0.2.9").users("nobody's").await.problem(401, "unauthenticated");
    }
    caller.at("192.0.2.9").users("nobody's").await.problem(429, "too-many-requests");
}

async fn failed_passwords_are_limited_whoever_it_is(server: &Server) {
    server.apply(&manifest("acme", "")).await;
    let form = SignIn::open(server, "acme").await;
    let mut pages = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let tries = form.wrong(AT, email, 7).await;
        assert_eq!(tries, [401, 401, 401, 401, 401, 429, 429], "{email}");
        // Spelled otherwise it is the same account; and the right password is not looked at.
        let shouted = email.to_uppercase();
        let refused = form.send(AT, &shouted, PASSWORD).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
        assert_eq!(refused.header("ratelimit-policy"), r#""sign_in";q=5;w=60"#);
        assert!(refused.text.contains("You can try again in 60 seconds."), "{}", refused.text);
        pages.push(refused.text.replace(&shouted, "EMAIL").len());
    }
    assert_eq!(pages[0].abs_diff(pages[1]), 0, "nothing tells them apart");
    assert_eq!(form.send("198.51.100.7", "ada@example.com", PASSWORD).await.status, 303);
    server.advance(Duration::from_secs(59)).await;
    assert_eq!(form.send(AT, "ada@example.com", PASSWORD).await.status, 429);
    server.advance(Duration::from_secs(1)).await;
    let form = SignIn::open(server, "acme").await;
    assert_eq!(form.wrong(AT, "ada@example.com", 4).await, [401; 4]);
    assert_eq!(form.send(AT, "ada@example.com", PASSWORD).await.status, 303);
    let form = SignIn::open(server, "acme").await;
    let tries = form.wrong(AT, "ada@example.com", 6).await;
    assert_eq!(tries, [401, 401, 401, 401, 401, 429], "a success begins anew");
}

async fn whoever_goes_on_failing_waits_ever_longer(server: &Server) {
    server.apply(&manifest("acme", "")).await;
    let mut waits = Vec::new();
    for _ in 0..7 {
        let form = SignIn::open(server, "acme").await;
        assert_eq!(form.wrong(AT, "ada@example.com", 5).await, [401; 5], "{waits:?}");
        let refused = form.send(AT, "ada@example.com", PASSWORD).await;
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        waits.push(wait);
        if wait > 3_600 {
            break;
        }
        server.advance(Duration::from_secs(wait)).await;
    }
    // A minute, then until a quarter of an hour is over, then until a day is.
    assert_eq!(waits, [60, 840, 60, 840, 60, 84_540], "after five failures each");
    // Elsewhere the person is not kept waiting, and what they do there counts for itself.
    let form = SignIn::open(server, "acme").await;
    assert_eq!(form.send("198.51.100.9", "ada@example.com", PASSWORD).await.status, 303);
}

async fn tries_at_once_do_not_slip_through(server: &Server) {
    server.apply(&manifest("acme", "")).await;
    let form = SignIn::open(server, "acme").await;
    let tries = (0..50).map(|n| {
        let (form, wrong) = (&form, format!("wrong password {n}"));
        async move { form.send(AT, "ada@example.com", &wrong).await.status }
    });
    let answers = join_all(tries).await;
    let checked = answers.iter().filter(|status| **status == 401).count();
    let refused = answers.iter().filter(|status| **status == 429).count();
    assert_eq!((checked, refused), (5, 45), "{answers:?}");
}

async fn a_stranger_locks_nobody_out_at_home(server: &Server) {
    server.apply(&manifest("acme", "")).await;
    let form = SignIn::open(server, "acme").await;
    assert_eq!(form.send(AT, "ada@example.com", PASSWORD).await.status, 303);
    let form = SignIn::open(server, "acme").await;
    let mut answers = Vec::new();
    for n in 0..11 {
        answers.extend(form.wrong(&format!("203.0.113.{n}"), "ada@example.com", 5).await);
    }
    let checked = answers.iter().filter(|status| **status == 401).count();
    assert_eq!((checked, answers.len()), (50, 55), "many networks together are slowed down");
    let elsewhere = form.send("203.0.113.99", "ada@example.com", PASSWORD).await;
    assert_eq!((elsewhere.status, elsewhere.header("retry-after")), (429, "300"));
    assert_eq!(form.send(AT, "ada@example.com", PASSWORD).await.status, 303, "at home");
    server.advance(Duration::from_secs(300)).await;
    let form = SignIn::open(server, "acme").await;
    assert_eq!(form.send("203.0.113.99", "ada@example.com", PASSWORD).await.status, 303);
}

async fn failed_clients_are_limited(server: &Server) {
    server.apply(&manifest("acme", "")).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    for client in ["worker", "nobody"] {
        for _ in 0..20 {
            assert_eq!(caller.token_with(client, "a-wrong-secret").await.status, 401);
        }
        let refused = caller.token(client).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "300"), "{client}");
        assert_eq!(refused.header("ratelimit-policy"), r#""client_auth";q=20;w=300"#);
    }
    assert_eq!(caller.token("other").await.status, 200, "another application");
    assert_eq!(caller.at("192.0.2.2").token("worker").await.status, 200, "another address");
    server.advance(Duration::from_secs(300)).await;
    assert_eq!(caller.tokens("worker", 40).await, 40, "successes do not count");
}

async fn an_attack_tightens_addresses_and_no_clients(server: &Server) {
    server.apply(&manifest("acme", "address_burst: 40, client_per_minute: 100")).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    assert_eq!(caller.authorizations(50).await, 40);
    for n in 0..2 {
        for _ in 0..15 {
            let from = caller.at(&format!("203.0.113.{n}"));
            assert_eq!(from.token_with("worker", "a-wrong-secret").await.status, 401);
        }
    }
    assert_eq!(caller.at("192.0.2.2").authorizations(50).await, 20, "half of it");
    assert_eq!(caller.at("192.0.2.3").tokens("other", 120).await, 100, "who proved who it is");
}

async fn the_platform_has_the_last_word(server: &Server) {
    let wanted = "client_per_minute: 1000";
    let off = manifest("globex", "enabled: false");
    server.apply(&format!("{}---\n{off}", manifest("acme", wanted))).await;
    let caller = Caller::new(server, &server.base, "acme", AT);
    assert_eq!(caller.tokens("worker", 10).await, 3, "the ceiling");
    server.advance(Duration::from_secs(10)).await;
    let everybody = Caller::new(server, &server.base, "globex", AT);
    for _ in 0..40 {
        assert_eq!(everybody.token("worker").await.status, 200, "two seconds' worth");
    }
    let refused = everybody.token("worker").await;
    assert_eq!(refused.status, 503, "not its fault");
    assert_eq!(refused.str("error"), "temporarily_unavailable");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", ""));
}
