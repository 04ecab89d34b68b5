//! `grant_type=refresh_token` (RFC 6749 6, RFC 9700 4.14).

use std::time::Duration;

use harness::{Browser, Server, both};
use serde_json::Value;

use super::support::{Acme, claims, given, tampered};

both!(
    rotates,
    a_lost_answer_is_repeated_within_the_grace,
    reuse_revokes_the_family,
    without_grace_every_repetition_is_reuse,
    another_client_is_only_refused,
    twice_at_once,
    scopes_may_only_shrink,
    lives_and_dies_with_what_it_stands_on,
);

const OFFLINE: &str = "openid offline_access";

fn refresh_token(body: &Value) -> &str {
    body["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token in {body}"))
}

async fn rotates(server: &Server) {
    let acme = Acme::new(server).await;
    for client in ["web", "spa"] {
        let mut body = acme.tokens(client, OFFLINE).await;
        let first = claims(&body["id_token"]);
        for _ in 0..3 {
            server.advance(Duration::from_secs(60)).await;
            let old = refresh_token(&body).to_owned();
            let access = body["access_token"].clone();
            body = acme.refresh(client, &old).await.ok();
            assert_ne!(refresh_token(&body), old);
            assert_ne!(body["access_token"], access);
            // Core 12.2
            let fresh = claims(&body["id_token"]);
            for same in ["iss", "sub", "aud", "azp", "auth_time", "sid"] {
                assert_eq!(fresh[same], first[same], "{same}");
            }
            assert!(fresh["iat"].as_i64() > first["iat"].as_i64());
            assert!(fresh.get("nonce").is_none());
        }
    }
    let token = acme.tokens("web", OFFLINE).await;
    let token = refresh_token(&token);
    for wrong in [tampered(token), format!("{token}A"), "bwr_".into(), "x".into()] {
        acme.refresh("web", &wrong).await.refused(400, "invalid_grant");
    }
    acme.other().refresh("web", token).await.refused(400, "invalid_grant");
    acme.refresh("web", token).await.ok();
}

async fn a_lost_answer_is_repeated_within_the_grace(server: &Server) {
    let acme = Acme::new(server).await;
    let body = acme.tokens("web", OFFLINE).await;
    let old = refresh_token(&body);
    let once = acme.refresh("web", old).await.ok();
    server.advance(Duration::from_secs(5)).await;
    let twice = acme.refresh("web", old).await.ok();
    assert_eq!(refresh_token(&once), refresh_token(&twice), "the same successor");
    let audited = "SELECT COUNT(*) FROM audit_events WHERE kind = 'token.refresh_repeated'";
    assert_eq!(server.number(audited).await, 1);
    // Once the successor is used, the old one is a copy in somebody's hands.
    let next = acme.refresh("web", refresh_token(&twice)).await.ok();
    acme.refresh("web", old).await.refused(400, "invalid_grant");
    acme.refresh("web", refresh_token(&next)).await.refused(400, "invalid_grant");
    // So it is after the grace.
    let body = acme.tokens("web", OFFLINE).await;
    let next = acme.refresh("web", refresh_token(&body)).await.ok();
    server.advance(Duration::from_secs(10)).await;
    acme.refresh("web", refresh_token(&body)).await.refused(400, "invalid_grant");
    acme.refresh("web", refresh_token(&next)).await.refused(400, "invalid_grant");
}

async fn reuse_revokes_the_family(server: &Server) {
    let acme = Acme::new(server).await;
    let first = acme.tokens("web", OFFLINE).await;
    let bystander = acme.tokens("web", OFFLINE).await;
    let second = acme.refresh("web", refresh_token(&first)).await.ok();
    let third = acme.refresh("web", refresh_token(&second)).await.ok();
    acme.refresh("web", refresh_token(&first)).await.refused(400, "invalid_grant");
    for body in [&first, &second, &third] {
        assert!(!acme.is_active("web", &body["access_token"]).await);
        assert!(!acme.is_active("web", &body["refresh_token"]).await);
    }
    acme.refresh("web", refresh_token(&third)).await.refused(400, "invalid_grant");
    assert!(acme.is_active("web", &bystander["access_token"]).await);
    acme.refresh("web", refresh_token(&bystander)).await.ok();
    let audited = "SELECT COUNT(*) FROM audit_events WHERE kind = 'token.refresh_reused'";
    assert_eq!(server.number(audited).await, 1);
}

async fn without_grace_every_repetition_is_reuse(server: &Server) {
    let acme = Acme::new(server).await;
    let body = acme.tokens("nograce", OFFLINE).await;
    let next = acme.refresh("nograce", refresh_token(&body)).await.ok();
    acme.refresh("nograce", refresh_token(&body)).await.refused(400, "invalid_grant");
    acme.refresh("nograce", refresh_token(&next)).await.refused(400, "invalid_grant");
    assert!(!acme.is_active("nograce", &next["access_token"]).await);
}

async fn another_client_is_only_refused(server: &Server) {
    let acme = Acme::new(server).await;
    let body = acme.tokens("web", OFFLINE).await;
    let next = acme.refresh("web", refresh_token(&body)).await.ok();
    for client in ["nograce", "spa"] {
        for token in [&body, &next] {
            acme.refresh(client, refresh_token(token)).await.refused(400, "invalid_grant");
        }
    }
    assert!(acme.is_active("web", &next["access_token"]).await);
    acme.refresh("web", refresh_token(&next)).await.ok();
}

async fn twice_at_once(server: &Server) {
    let acme = Acme::new(server).await;
    let body = acme.tokens("web", OFFLINE).await;
    let refresh = || acme.refresh("web", refresh_token(&body));
    let (a, b, c) = tokio::join!(refresh(), refresh(), refresh());
    let (a, b, c) = (a.ok(), b.ok(), c.ok());
    assert_eq!(refresh_token(&a), refresh_token(&b));
    assert_eq!(refresh_token(&a), refresh_token(&c));
    let body = acme.tokens("nograce", OFFLINE).await;
    let refresh = || acme.refresh("nograce", refresh_token(&body));
    let (a, b, c) = tokio::join!(refresh(), refresh(), refresh());
    let won = [a, b, c].into_iter().filter(|a| a.status == 200).count();
    assert_eq!(won, 1, "exactly one without grace");
}

async fn scopes_may_only_shrink(server: &Server) {
    let acme = Acme::new(server).await;
    let body = acme.tokens("web", "openid email notes offline_access").await;
    let with = async |body: &Value, scope: &str| {
        let token = refresh_token(body);
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        acme.token("web", &form).await
    };
    for scope in ["openid phone", "\u{1}"] {
        with(&body, scope).await.refused(400, "invalid_scope");
    }
    // A wrong request did not use the token up.
    let less = with(&body, "email openid").await.ok();
    assert_eq!(less["scope"], "email openid");
    let plain = with(&less, "notes").await.ok();
    assert_eq!(plain["scope"], "notes");
    assert!(plain.get("id_token").is_none());
    // The next one, without scope, has all that was authorized.
    let all = acme.refresh("web", refresh_token(&plain)).await.ok();
    assert_eq!(all["scope"], "email notes offline_access openid");
}

async fn lives_and_dies_with_what_it_stands_on(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[("scope", OFFLINE)]).await;
    let body = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    let hint = body["id_token"].as_str().expect("an ID token");
    browser.open(&acme.url(&format!("/oauth/logout?id_token_hint={hint}"))).await.page();
    let body = acme.refresh("web", refresh_token(&body)).await.ok();
    acme.userinfo(&body["access_token"]).await.ok();
    let spa = acme.tokens("spa", OFFLINE).await;
    // A lifetime ends, whatever is done within it.
    server.advance(Duration::from_secs(30 * 86_400)).await;
    acme.refresh("web", refresh_token(&body)).await.refused(400, "invalid_grant");
    acme.refresh("spa", refresh_token(&spa)).await.refused(400, "invalid_grant");
}
