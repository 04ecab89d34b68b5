//! `grant_type=client_credentials` (RFC 6749 4.4), and the receipts that count what it gives.

use harness::{Server, both};

use super::support::{Acme, RESOURCE, claims, part};

both!(gives_a_token_for_the_application, asks_for_less_or_is_refused, counts_every_token);

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

async fn gives_a_token_for_the_application(server: &Server) {
    let acme = Acme::new(server).await;
    let before = server.row_counts().await;
    let answer = acme.token("worker", &[GRANT]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let body = answer.ok();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["scope"], "orders.read orders.write");
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
    // RFC 9068 2.2
    assert_eq!(part(&body["access_token"], 0)["typ"], "at+jwt");
    let claims = claims(&body["access_token"]);
    assert_eq!(claims["iss"], acme.issuer());
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"worker".into(), &"worker".into()));
    assert_eq!(claims["aud"], RESOURCE);
    assert_eq!(claims["scope"], "orders.read orders.write");
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|iat| iat + 600));
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 22));
    for absent in ["grant_id", "sid", "auth_time", "org_id"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    let again = acme.token("worker", &[GRANT]).await.ok();
    assert_ne!(super::support::claims(&again["access_token"])["jti"], claims["jti"]);
    assert!(acme.is_active("worker", &body["access_token"]).await);
    let mut after = server.row_counts().await;
    for counted in ["receipts", "usage_hourly"] {
        after.insert(counted.into(), before[counted]);
    }
    assert_eq!(before, after, "only receipts are written");
}

async fn asks_for_less_or_is_refused(server: &Server) {
    let acme = Acme::new(server).await;
    let less = acme.token("worker", &[GRANT, ("scope", "orders.write")]).await.ok();
    assert_eq!(less["scope"], "orders.write");
    let named = acme.token("worker", &[GRANT, ("resource", RESOURCE)]).await.ok();
    assert_eq!(claims(&named["access_token"])["aud"], RESOURCE);
    for (client, more, error) in [
        ("worker", ("scope", "orders.read admin"), "invalid_scope"),
        ("worker", ("scope", "openid"), "invalid_scope"),
        ("worker", ("scope", "a\u{e9}"), "invalid_scope"),
        ("worker", ("resource", "https://bills.example"), "invalid_target"),
        ("worker", ("resource", "orders"), "invalid_target"),
        ("web", ("scope", "notes"), "unauthorized_client"),
        ("spa", ("scope", "notes"), "unauthorized_client"),
    ] {
        acme.token(client, &[GRANT, more]).await.refused(400, error);
    }
    // No scope registered, none granted.
    let plain = acme.token("orders", &[GRANT]).await.ok();
    assert!(claims(&plain["access_token"]).get("scope").is_none_or(|s| s == ""));
}

async fn counts_every_token(server: &Server) {
    let acme = Acme::new(server).await;
    let mut requests = Vec::new();
    for n in 0..60 {
        requests.push(["worker", "orders"][n % 2]);
    }
    for client in requests {
        acme.token(client, &[GRANT]).await.ok();
    }
    // Stopping flushes.
    server.restart().await;
    let of = |client: &str, table: &str| {
        format!(
            "SELECT CAST(SUM(x.quantity) AS BIGINT) FROM {table} x JOIN applications a \
             ON a.tenant_id = x.tenant_id AND a.id = x.application_id WHERE a.client_id = '{client}'"
        )
    };
    for client in ["worker", "orders"] {
        assert_eq!(server.number(&of(client, "receipts")).await, 30, "{client}");
        assert_eq!(server.number(&of(client, "usage_hourly")).await, 30, "{client}");
    }
    // Tokens with a user are counted too.
    let tokens = acme.tokens("web", "openid offline_access").await;
    let token = tokens["refresh_token"].as_str().expect("a refresh token");
    acme.refresh("web", token).await.ok();
    server.restart().await;
    assert_eq!(server.number(&of("web", "usage_hourly")).await, 2);
    assert_eq!(server.number(&of("web", "receipts")).await, 2);
}
