//! `POST /oauth/introspect` (RFC 7662).

use std::time::Duration;

use harness::{Server, both};
use serde_json::json;

use super::support::{Acme, Answer, RESOURCE, claims, tampered};

both!(tells_what_a_token_is, tells_nothing_else);

async fn tells_what_a_token_is(server: &Server) {
    let acme = Acme::new(server).await;
    let body = acme.token("worker", &[("grant_type", "client_credentials")]).await.ok();
    let token = body["access_token"].as_str().expect("a token");
    let answer = acme.post_as("worker", "/oauth/introspect", &[("token", token)]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let inside = claims(&body["access_token"]);
    let wanted = json!({
        "active": true, "scope": "orders.read orders.write", "client_id": "worker",
        "token_type": "Bearer", "exp": inside["exp"], "iat": inside["iat"], "sub": "worker",
        "aud": RESOURCE, "iss": acme.issuer(), "jti": inside["jti"],
    });
    assert_eq!(answer.ok(), wanted);
    // The one that it is meant for sees the same; a wrong hint changes nothing.
    let hinted = [("token", token), ("token_type_hint", "refresh_token")];
    assert_eq!(acme.post_as("orders", "/oauth/introspect", &hinted).await.ok(), wanted);
    let tokens = acme.tokens("web", "openid offline_access").await;
    let token = tokens["refresh_token"].as_str().expect("a token");
    let seen = acme.post_as("web", "/oauth/introspect", &[("token", token)]).await.ok();
    assert_eq!((&seen["active"], &seen["client_id"]), (&true.into(), &"web".into()));
    assert_eq!(seen["sub"], claims(&tokens["id_token"])["sub"]);
    assert_eq!(seen["scope"], "offline_access openid");
    // A rotated refresh token is not active, and looking at it does no harm.
    let next = acme.refresh("web", token).await.ok();
    assert!(!acme.is_active("web", &tokens["refresh_token"]).await);
    assert!(acme.is_active("web", &next["refresh_token"]).await);
}

async fn tells_nothing_else(server: &Server) {
    let acme = Acme::new(server).await;
    let tokens = acme.tokens("web", "openid offline_access").await;
    let good = tokens["access_token"].as_str().expect("a token");
    // Public clients may not, nobody without authentication may.
    acme.post_as("spa", "/oauth/introspect", &[("token", good)])
        .await
        .refused(400, "unauthorized_client");
    let answer =
        Answer::of(server.post("/t/acme/oauth/introspect", &[("token", good)]).await).await;
    answer.refused(400, "invalid_request");
    acme.post_as("web", "/oauth/introspect", &[]).await.refused(400, "invalid_request");
    // Whose business it is not, gets the answer for garbage.
    for token in [&tokens["access_token"], &tokens["refresh_token"]] {
        assert!(!acme.is_active("worker", token).await);
        assert!(!acme.is_active("nograce", token).await);
        assert!(!acme.other().is_active("web", token).await);
    }
    let refresh = tokens["refresh_token"].as_str().expect("a token");
    for garbage in ["x", &tampered(good), &tampered(refresh), "a.b.c", "bwr_AA", &"x".repeat(8_000)]
    {
        assert!(!acme.is_active("web", &garbage.into()).await, "{garbage}");
    }
    assert!(!acme.is_active("web", &tokens["id_token"]).await);
    server.advance(Duration::from_secs(599)).await;
    assert!(acme.is_active("web", &tokens["access_token"]).await);
    server.advance(Duration::from_secs(1)).await;
    assert!(!acme.is_active("web", &tokens["access_token"]).await);
}
