//! `grant_type=authorization_code` (RFC 6749 4.1.3, OpenID Connect Core 3.1.3).

use std::time::Duration;

use harness::{Browser, Server, both};

use super::support::{Acme, BOB, REDIRECT, VERIFIER, claims, given};

both!(
    gives_what_was_asked_for,
    what_does_not_fit_is_refused,
    a_replay_revokes_everything,
    another_client_is_only_refused,
    a_code_is_good_once_however_many_try,
    a_code_dies_with_time_and_session,
    resources_choose_the_audience,
);

async fn gives_what_was_asked_for(server: &Server) {
    let acme = Acme::new(server).await;
    let code = acme.code("web", &[("scope", "openid email offline_access notes")]).await;
    assert!(code.len() >= 43);
    let answer = acme.exchange("web", &code).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.ok();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["scope"], "email notes offline_access openid");
    let (id, access) = (claims(&body["id_token"]), claims(&body["access_token"]));
    assert_eq!(id["iss"], acme.issuer());
    assert_eq!((&id["aud"], &id["azp"]), (&"web".into(), &"web".into()));
    assert_eq!(id["nonce"], "the nonce");
    assert_eq!(id["sub"], access["sub"]);
    assert_eq!(id["amr"][0], "pwd");
    assert!(id["sid"].is_string() && id["at_hash"].is_string() && id["acr"].is_string());
    let (auth, iat) = (id["auth_time"].as_i64(), id["iat"].as_i64());
    assert!(auth.is_some() && auth <= iat && id["exp"].as_i64() > iat);
    // With an access token to ask at userinfo, claims are there and not here (Core 5.4).
    assert!(id.get("email").is_none() && id.get("name").is_none());
    assert_eq!(access["aud"], acme.issuer(), "userinfo is for the issuer");
    assert!(access.get("email").is_none());
    // Without openid no ID token, without offline_access no refresh token, without nonce none.
    let plain = acme.tokens("web", "notes").await;
    assert!(plain.get("id_token").is_none() && plain.get("refresh_token").is_none());
    let code = acme.code("web", &[("nonce", "")]).await;
    let body = acme.exchange("web", &code).await.ok();
    assert!(claims(&body["id_token"]).get("nonce").is_none());
    assert!(body.get("refresh_token").is_none());
    // A confidential client needs no PKCE, and then must not bring a verifier.
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    let form = |code: String| {
        [
            ("grant_type", "authorization_code".into()),
            ("redirect_uri", REDIRECT.into()),
            ("code", code),
        ]
    };
    let code = acme.code("web", &bare).await;
    let form_ = form(code);
    let pairs: Vec<_> = form_.iter().map(|(n, v): &(&str, String)| (*n, v.as_str())).collect();
    acme.token("web", &pairs).await.ok();
    let code = acme.code("web", &bare).await;
    acme.exchange("web", &code).await.refused(400, "invalid_grant");
    // A public client does it all without a secret; pairwise subjects differ from public ones.
    let spa = acme.tokens("spa", "openid").await;
    assert_eq!(claims(&spa["id_token"])["sub"], id["sub"]);
    let pairwise = acme.tokens("pairwise", "openid").await;
    assert_ne!(claims(&pairwise["id_token"])["sub"], id["sub"]);
    let info = acme.userinfo(&pairwise["access_token"]).await.ok();
    assert_eq!(info["sub"], claims(&pairwise["id_token"])["sub"]);
}

async fn what_does_not_fit_is_refused(server: &Server) {
    let acme = Acme::new(server).await;
    let code = acme.code("spa", &[]).await;
    let other = VERIFIER.replace('d', "e");
    let cases: [(&str, &str, &str); 11] = [
        ("code_verifier", "", "invalid_grant"),
        ("code_verifier", &other, "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", super::support::CHALLENGE, "invalid_grant"),
        ("redirect_uri", "", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:3999/callback/", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:4000/callback", "invalid_grant"),
        ("code", "", "invalid_request"),
        ("code", "unknown", "invalid_grant"),
        ("grant_type", "", "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
    ];
    for (name, value, error) in cases {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(n, _)| *n != name);
        form.push((name, value));
        acme.token("spa", &form).await.refused(400, error);
    }
    // A code of this tenant is nothing at another.
    let web = acme.code("web", &[]).await;
    acme.other().exchange("web", &web).await.refused(400, "invalid_grant");
    // None of this used them up.
    acme.exchange("spa", &code).await.ok();
    acme.exchange("web", &web).await.ok();
}

async fn a_replay_revokes_everything(server: &Server) {
    let acme = Acme::new(server).await;
    let code = acme.code("web", &[("scope", "openid offline_access")]).await;
    let given = acme.exchange("web", &code).await.ok();
    let first = given["refresh_token"].as_str().expect("a refresh token");
    let rotated = acme.refresh("web", first).await.ok();
    let bystander = acme.tokens("web", "openid offline_access").await;
    acme.exchange("web", &code).await.refused(400, "invalid_grant");
    for token in [&given["access_token"], &rotated["access_token"], &rotated["refresh_token"]] {
        assert!(!acme.is_active("web", token).await);
    }
    acme.userinfo(&given["access_token"]).await.refused(401, "invalid_token");
    let token = rotated["refresh_token"].as_str().expect("a refresh token");
    acme.refresh("web", token).await.refused(400, "invalid_grant");
    // Later as well, and only what this code gave is gone.
    server.advance(Duration::from_secs(3_600)).await;
    acme.exchange("web", &code).await.refused(400, "invalid_grant");
    let token = bystander["refresh_token"].as_str().expect("a refresh token");
    acme.refresh("web", token).await.ok();
    let audit = "SELECT COUNT(*) FROM audit_events WHERE kind = 'grant.code_replayed'";
    assert!(server.number(audit).await >= 1);
}

async fn another_client_is_only_refused(server: &Server) {
    let acme = Acme::new(server).await;
    let code = acme.code("web", &[("scope", "openid offline_access")]).await;
    acme.exchange("nograce", &code).await.refused(400, "invalid_grant");
    let given = acme.exchange("web", &code).await.ok();
    acme.exchange("nograce", &code).await.refused(400, "invalid_grant");
    acme.exchange("spa", &code).await.refused(400, "invalid_grant");
    assert!(acme.is_active("web", &given["access_token"]).await);
    acme.refresh("web", given["refresh_token"].as_str().expect("one")).await.ok();
}

async fn a_code_is_good_once_however_many_try(server: &Server) {
    let acme = Acme::new(server).await;
    let code = acme.code("web", &[]).await;
    let code = code.as_str();
    let exchange = || acme.exchange("web", code);
    let (a, b, c, d) = tokio::join!(exchange(), exchange(), exchange(), exchange());
    let won: Vec<_> = [&a, &b, &c, &d].into_iter().filter(|a| a.status == 200).collect();
    assert_eq!(won.len(), 1);
    // The others were replays.
    assert!(!acme.is_active("web", &won[0].body["access_token"]).await);
}

async fn a_code_dies_with_time_and_session(server: &Server) {
    let acme = Acme::new(server).await;
    let code = acme.code("web", &[]).await;
    server.advance(Duration::from_secs(61)).await;
    acme.exchange("web", &code).await.refused(400, "invalid_grant");
    // Bob signs out between code and token.
    let mut browser = Browser::new(server);
    let offline = [("scope", "openid offline_access")];
    let first = acme.sign_in_as(BOB, &mut browser, "web", &offline).await;
    let tokens = acme.exchange("web", &given(&first, "code").expect("a code")).await.ok();
    let second = acme.sign_in_as(BOB, &mut browser, "web", &[]).await;
    let hint = tokens["id_token"].as_str().expect("an ID token");
    browser.open(&acme.url(&format!("/oauth/logout?id_token_hint={hint}"))).await.page();
    let code = given(&second, "code").expect("a code");
    acme.exchange("web", &code).await.refused(400, "invalid_grant");
    // What was given for offline use goes on.
    assert!(acme.is_active("web", &tokens["access_token"]).await);
    acme.refresh("web", tokens["refresh_token"].as_str().expect("one")).await.ok();
}

async fn resources_choose_the_audience(server: &Server) {
    let acme = Acme::new(server).await;
    let (orders, bills) = ("https://orders.example", "https://bills.example");
    let asked = [("scope", "openid offline_access"), ("resource", orders)];
    let code = acme.code("resources", &asked).await;
    let body = acme.exchange("resources", &code).await.ok();
    let aud = &claims(&body["access_token"])["aud"];
    assert_eq!(aud, &serde_json::json!([orders, acme.issuer()]));
    let form = |resource| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", body["refresh_token"].as_str().expect("one")),
            ("resource", resource),
        ]
    };
    acme.token("resources", &form(bills)).await.refused(400, "invalid_target");
    acme.token("resources", &form(orders)).await.ok();
    // The resource may look at what is meant for it.
    assert!(acme.is_active("orders", &body["access_token"]).await);
    let code = acme.code("resources", &[("scope", "notes")]).await;
    let body = acme.exchange("resources", &code).await.ok();
    assert_eq!(claims(&body["access_token"])["aud"], acme.issuer(), "two, and none named");
    assert!(!acme.is_active("orders", &body["access_token"]).await);
}
