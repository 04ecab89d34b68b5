//! The change feed: what another process did is known here a second later.

use std::time::Duration;

use harness::{Server, both};
use serde_json::Value;

use crate::oauth::support::{Acme, secret};

both!(another_nodes_changes_arrive);

/// Asks until the answer is yes; the feed is read twice a second.
pub(crate) async fn soon(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..100 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} never happened");
}

async fn another_nodes_changes_arrive(server: &Server) {
    let acme = Acme::new(server).await;
    let peer = server.peer().await;
    let at_peer = async |path: &str, form: &[(&str, &str)]| {
        let request = server.http.post(format!("{}/t/acme{path}", peer.base));
        let request = request.basic_auth("web", Some(secret("web"))).form(form);
        let answer = request.send().await.expect("the peer answers");
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap_or_default()
    };
    // A refresh token and an access token, each revoked at the other node.
    let tokens = acme.tokens("web", "openid offline_access").await;
    let lone = acme.tokens("web", "openid").await;
    let token = tokens["access_token"].as_str().expect("a token");
    assert_eq!(at_peer("/oauth/introspect", &[("token", token)]).await["active"], true);
    assert!(acme.is_active("web", &tokens["access_token"]).await);
    assert!(acme.is_active("web", &lone["access_token"]).await);
    let refresh = tokens["refresh_token"].as_str().expect("a token");
    at_peer("/oauth/revoke", &[("token", refresh)]).await;
    at_peer("/oauth/revoke", &[("token", lone["access_token"].as_str().expect("a token"))]).await;
    // What the database arbitrates is refused at once.
    acme.refresh("web", refresh).await.refused(400, "invalid_grant");
    for token in [&tokens["access_token"], &lone["access_token"]] {
        soon("the revocation", async || !acme.is_active("web", token).await).await;
    }
    // Applications and tenants made at one node serve at the other.
    let add = "tenant: { slug: acme, name: Acme }\napplications:\n  - { client_id: late, name: \
         Late, type: machine, client_secret: the-secret-of-late-0123456789 }";
    server.apply(add).await;
    soon("the application", async || {
        let request = server.http.post(format!("{}/t/acme/oauth/token", peer.base));
        let request = request.basic_auth("late", Some(secret("late")));
        let request = request.form(&[("grant_type", "client_credentials")]);
        request.send().await.expect("the peer answers").status() == 200
    })
    .await;
    peer.stop().await;
}
