//! `GET` and `POST /oauth/userinfo` (OpenID Connect Core 5.3, RFC 6750).

use std::time::Duration;

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::{Acme, Answer, claims, tampered};

both!(scopes_release_claims, claims_one_by_one, every_way_to_send_a_token, refuses);

async fn scopes_release_claims(server: &Server) {
    let acme = Acme::new(server).await;
    let tokens = acme.tokens("web", "openid").await;
    let me = acme.userinfo(&tokens["access_token"]).await.ok();
    assert_eq!(me, json!({ "sub": claims(&tokens["id_token"])["sub"] }));
    let tokens = acme.tokens("web", "openid profile email phone address").await;
    let answer = acme.userinfo(&tokens["access_token"]).await;
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let me = answer.ok();
    let updated_at = me["updated_at"].as_i64().expect("a number");
    assert_eq!(
        me,
        json!({
            "sub": claims(&tokens["id_token"])["sub"],
            "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
            "locale": "en", "zoneinfo": "Europe/London", "updated_at": updated_at,
            "email": "Ada@example.com", "email_verified": true,
            "phone_number": "+441234567890", "phone_number_verified": true,
            "address": { "street_address": "12 St James's Square", "locality": "London" },
        })
    );
    // Nothing of it in the ID token of the code flow.
    let id = claims(&tokens["id_token"]);
    for absent in ["name", "email", "phone_number", "address"] {
        assert!(id.get(absent).is_none(), "{absent}");
    }
}

async fn claims_one_by_one(server: &Server) {
    let acme = Acme::new(server).await;
    let asked = r#"{"userinfo":{"name":{"essential":true},"nickname":null},"id_token":{"email":null,"auth_time":{"essential":true}},"other":{}}"#;
    let code = acme.code("web", &[("claims", asked)]).await;
    let tokens = acme.exchange("web", &code).await.ok();
    let id = claims(&tokens["id_token"]);
    assert_eq!(id["email"], "Ada@example.com");
    assert!(id.get("name").is_none() && id["auth_time"].is_number());
    let me = acme.userinfo(&tokens["access_token"]).await.ok();
    assert_eq!(me["name"], "Ada Lovelace");
    assert!(me.get("email").is_none() && me.get("nickname").is_none());
}

async fn every_way_to_send_a_token(server: &Server) {
    let acme = Acme::new(server).await;
    let token = acme.tokens("web", "openid email").await["access_token"].clone();
    let token = token.as_str().expect("a token");
    let (http, url) = (&server.http, acme.url("/oauth/userinfo"));
    let good = [
        http.post(&url).bearer_auth(token),
        http.get(&url).header("authorization", format!("bearer {token}")),
        http.post(&url).form(&[("access_token", token)]),
        http.post(&url).form(&[("access_token", token), ("unknown", "x")]),
    ];
    for request in good {
        let me = Answer::of(request.send().await.expect("answers")).await.ok();
        assert_eq!(me["email"], "Ada@example.com");
    }
    let in_query = http.get(format!("{url}?access_token={token}"));
    let answer = Answer::of(in_query.send().await.expect("answers")).await;
    answer.refused(401, "invalid_token");
    assert_eq!(answer.header("www-authenticate"), "Bearer", "RFC 6750 3.1: no error code");
    let bad = [
        http.post(&url).bearer_auth(token).form(&[("access_token", token)]),
        http.post(&url).form(&[("access_token", token), ("access_token", token)]),
        http.get(&url).header("authorization", format!("Basic {token}")),
    ];
    for request in bad {
        let answer = Answer::of(request.send().await.expect("answers")).await;
        answer.refused(400, "invalid_request");
    }
}

async fn refuses(server: &Server) {
    let acme = Acme::new(server).await;
    let tokens = acme.tokens("web", "openid offline_access").await;
    let good = tokens["access_token"].as_str().expect("a token").to_owned();
    let mut parts: Vec<&str> = good.split('.').collect();
    parts[0] = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let unsigned = [parts[0], parts[1], ""].join(".");
    for wrong in [
        Value::from("x"),
        unsigned.into(),
        tampered(&good).into(),
        tokens["id_token"].clone(),
        tokens["refresh_token"].clone(),
    ] {
        let answer = acme.userinfo(&wrong).await;
        answer.refused(401, "invalid_token");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
    }
    // Another tenant's endpoint does not take it.
    acme.other().userinfo(&tokens["access_token"]).await.refused(401, "invalid_token");
    for (client, form) in [("worker", vec![("grant_type", "client_credentials")]), ("web", vec![])]
    {
        let token = match form.as_slice() {
            [] => acme.tokens(client, "notes").await,
            form => acme.token(client, form).await.ok(),
        };
        let answer = acme.userinfo(&token["access_token"]).await;
        answer.refused(403, "insufficient_scope");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    }
    acme.userinfo(&tokens["access_token"]).await.ok();
    server.advance(Duration::from_secs(600)).await;
    acme.userinfo(&tokens["access_token"]).await.refused(401, "invalid_token");
}
