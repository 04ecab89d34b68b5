//! `grant_type=client_credentials` (RFC 6749 4.4).

use harness::{Server, both};

both!(gives_a_token);

const MANIFEST: &str = r#"
tenant: { slug: acme, name: Acme, settings: { limits: { enabled: false } } }
applications:
  - { client_id: worker, name: Worker, type: machine, client_secret: a-secret-of-24-characters, scopes: [orders.read, orders.write] }
"#;

async fn gives_a_token(server: &Server) {
    server.apply(MANIFEST).await;
    let answer = server.http.post(server.url("/t/acme/oauth/token"))
        .basic_auth("worker", Some("a-secret-of-24-characters"))
        .form(&[("grant_type", "client_credentials")])
        .send().await.expect("answers");
    let status = answer.status();
    let body = answer.text().await.expect("text");
    assert_eq!(status, 200, "{body}");
    println!("{body}");
}
