//! `POST /oauth/revoke` (RFC 7009).

use harness::{Server, both};

use super::support::{Acme, Answer, tampered};

both!(takes_everything_of_the_grant_along, only_the_owner);

async fn takes_everything_of_the_grant_along(server: &Server) {
    let acme = Acme::new(server).await;
    for client in ["web", "spa"] {
        let tokens = acme.tokens(client, "openid offline_access").await;
        let refresh = tokens["refresh_token"].as_str().expect("a token");
        let next = acme.refresh(client, refresh).await.ok();
        let newest = next["refresh_token"].as_str().expect("a token");
        let answer = acme.post_as(client, "/oauth/revoke", &[("token", newest)]).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        acme.refresh(client, newest).await.refused(400, "invalid_grant");
        for token in [&tokens["access_token"], &next["access_token"]] {
            acme.userinfo(token).await.refused(401, "invalid_token");
        }
        // Again, and unknown ones: the same answer (2.2).
        for token in [newest, "unknown", &tampered(newest)] {
            let form = [("token", token), ("token_type_hint", "no_such_hint")];
            assert_eq!(acme.post_as(client, "/oauth/revoke", &form).await.status, 200);
        }
    }
    // An access token goes; what its grant gave besides stays usable.
    let tokens = acme.tokens("web", "openid offline_access").await;
    let access = tokens["access_token"].as_str().expect("a token");
    assert_eq!(acme.post_as("web", "/oauth/revoke", &[("token", access)]).await.status, 200);
    assert!(!acme.is_active("web", &tokens["access_token"]).await);
    let machine = acme.token("worker", &[("grant_type", "client_credentials")]).await.ok();
    let access = machine["access_token"].as_str().expect("a token");
    assert_eq!(acme.post_as("worker", "/oauth/revoke", &[("token", access)]).await.status, 200);
    assert!(!acme.is_active("worker", &machine["access_token"]).await);
    assert!(!acme.is_active("orders", &machine["access_token"]).await);
}

async fn only_the_owner(server: &Server) {
    let acme = Acme::new(server).await;
    let tokens = acme.tokens("web", "openid offline_access").await;
    for name in ["access_token", "refresh_token"] {
        let token = tokens[name].as_str().expect("a token");
        for client in ["nograce", "spa"] {
            let answer = acme.post_as(client, "/oauth/revoke", &[("token", token)]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let theirs = acme.other();
        assert_eq!(theirs.post_as("web", "/oauth/revoke", &[("token", token)]).await.status, 200);
        let answer = Answer::of(server.post("/t/acme/oauth/revoke", &[("token", token)]).await);
        answer.await.refused(400, "invalid_request");
        assert!(acme.is_active("web", &tokens[name]).await);
    }
    acme.post_as("web", "/oauth/revoke", &[]).await.refused(400, "invalid_request");
    acme.refresh("web", tokens["refresh_token"].as_str().expect("one")).await.ok();
}
