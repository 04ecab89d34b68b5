//! Client authentication with secrets (RFC 6749 2.3).

use harness::{Server, both};

use super::support::{Acme, Answer, secret};

both!(
    the_registered_method_works,
    everything_else_is_refused,
    rotated_applications_are_seen_at_once
);

/// Fields of a form, and how it is refused.
type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

async fn the_registered_method_works(server: &Server) {
    let acme = Acme::new(server).await;
    acme.token("worker", &[GRANT]).await.ok();
    // The body says who it is as well, and agrees.
    acme.token("worker", &[GRANT, ("client_id", "worker")]).await.ok();
    // RFC 6749 2.3.1: form-encoded before Basic.
    let odd = "two words+%:ü";
    server
        .apply(&format!(
            "tenant: {{ slug: acme, name: Acme }}\napplications:\n  - {{ client_id: odd, name: \
             Odd, type: machine, client_secret: \"{odd} {odd}\" }}"
        ))
        .await;
    let encoded: String =
        url::form_urlencoded::byte_serialize(format!("{odd} {odd}").as_bytes()).collect();
    let url = acme.url("/oauth/token");
    for (password, status) in [(encoded.as_str(), 200), (&format!("{odd} {odd}"), 400)] {
        let request = server.http.post(&url).basic_auth("odd", Some(password)).form(&[GRANT]);
        let answer = Answer::of(request.send().await.expect("answers")).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // client_secret_post: it is known, only its grant is not.
    let form = [GRANT, ("client_id", "post"), ("client_secret", &secret("post"))];
    let answer = Answer::of(server.post("/t/acme/oauth/token", &form).await).await;
    answer.refused(400, "unauthorized_client");
    assert_eq!(answer.header("www-authenticate"), "");
}

async fn everything_else_is_refused(server: &Server) {
    let acme = Acme::new(server).await;
    let url = acme.url("/oauth/token");
    let worker = secret("worker");
    let basic = [
        ("worker", "wrong", "of the wrong secret"),
        ("worker", "", "of no secret"),
        ("nobody", worker.as_str(), "of nobody"),
        ("theirs", &secret("theirs"), "of another tenant's"),
        ("post", &secret("post"), "of another method"),
        ("spa", "", "of a public client's method"),
        ("Worker", &worker, "of another case"),
        (&"w".repeat(2_000), &worker, "of a long name"),
        ("worker", &"s".repeat(3_000), "of a long secret"),
    ];
    for (client, password, why) in basic {
        let request = server.http.post(&url).basic_auth(client, Some(password)).form(&[GRANT]);
        let answer = Answer::of(request.send().await.expect("answers")).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{why}");
    }
    let forms: [Case<'_>; 9] = [
        (&[("client_id", "worker"), ("client_secret", &worker)], 401, "invalid_client"),
        (&[("client_id", "post"), ("client_secret", "wrong")], 401, "invalid_client"),
        (&[("client_id", "worker")], 401, "invalid_client"),
        (&[("client_id", "nobody")], 401, "invalid_client"),
        (&[("client_id", "spa"), ("client_secret", "x")], 401, "invalid_client"),
        (&[("client_secret", &worker)], 400, "invalid_request"),
        (&[], 400, "invalid_request"),
        (&[("client_id", "")], 400, "invalid_request"),
        (&[("client_id", "post"), ("client_id", "post")], 400, "invalid_request"),
    ];
    for (form, status, error) in forms {
        let form = [&[GRANT], form].concat();
        let answer = Answer::of(server.post("/t/acme/oauth/token", &form).await).await;
        answer.refused(status, error);
        assert_eq!(answer.header("www-authenticate"), "");
    }
    // In two ways at once (RFC 6749 2.3), and one that does not agree with the body.
    for more in [("client_secret", worker.as_str()), ("client_id", "web")] {
        acme.token("worker", &[GRANT, more]).await.refused(400, "invalid_request");
    }
    for header in ["Basic", "Basic !!!", "Basic d29ya2Vy", "Bearer x", "Digest a=b", "Basic  "] {
        let request = server.http.post(&url).header("authorization", header).form(&[GRANT]);
        let answer = Answer::of(request.send().await.expect("answers")).await;
        assert!(matches!(answer.status, 400 | 401), "{header}: {answer:?}");
    }
    // One secret of a name in two tenants is that tenant's only.
    let theirs = acme.other();
    theirs.token("web", &[GRANT]).await.refused(400, "unauthorized_client");
    theirs.token("worker", &[GRANT]).await.refused(401, "invalid_client");
}

async fn rotated_applications_are_seen_at_once(server: &Server) {
    let acme = Acme::new(server).await;
    let tokens = acme.tokens("web", "openid offline_access").await;
    assert!(acme.is_active("web", &tokens["access_token"]).await);
    // Applying the file again changes nothing, secrets least of all.
    Acme::new(server).await;
    assert!(acme.is_active("web", &tokens["access_token"]).await);
    server
        .apply(
            "tenant: { slug: acme, name: Acme }\napplications:\n  - { client_id: web, name: Web, \
             type: web, redirect_uris: [\"http://127.0.0.1:3999/callback\"], grant_types: \
             [authorization_code] }",
        )
        .await;
    let token = tokens["refresh_token"].as_str().expect("a refresh token");
    acme.refresh("web", token).await.refused(400, "unauthorized_client");
}
