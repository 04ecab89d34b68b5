//! `private_key_jwt` (RFC 7523, OpenID Connect Core 9).

use std::time::Duration;

use aws_lc_rs::hmac;
use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::env::Clock as _;
use bailiwick_protocol::jose::{Generated, SigningKey, Typ};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::{Server, both};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::{Acme, Answer};

both!(an_assertion_is_good_once, what_does_not_agree_is_refused, keys_are_fetched);

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that signs.
struct Signer<'s> {
    acme: Acme<'s>,
    key: SigningKey,
    jwk: Value,
}

impl<'s> Signer<'s> {
    async fn new(server: &'s Server, jwks_uri: Option<&str>) -> Self {
        let acme = Acme::new(server).await;
        let (key, jwk) = generate(SigningAlg::ES256, "k1");
        let keys = match jwks_uri {
            Some(uri) => format!("jwks_uri: \"{uri}\""),
            None => format!("jwks: {}", json!({ "keys": [jwk] })),
        };
        let more =
            format!("token_endpoint_auth_method: private_key_jwt, scopes: [orders.read], {keys}");
        server.apply(&super::support::tenant("acme", &[("signer", "machine", &more)], "")).await;
        Self { acme, key, jwk }
    }

    fn now(&self) -> i64 {
        self.acme.server.clock.now().as_secs()
    }

    fn claims(&self, jti: &str) -> Value {
        json!({
            "iss": "signer", "sub": "signer", "aud": self.acme.url("/oauth/token"),
            "iat": self.now(), "exp": self.now() + 60, "jti": jti,
        })
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign(Typ::IdToken, claims).expect("signs")
    }

    async fn send(&self, assertion: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion),
        ];
        Answer::of(self.acme.server.post("/t/acme/oauth/token", &form).await).await
    }
}

fn generate(alg: SigningAlg, kid: &str) -> (SigningKey, Value) {
    let Generated { pkcs8, mut public_jwk } = SigningKey::generate(alg).expect("a key");
    public_jwk["kid"] = kid.into();
    (SigningKey::from_pkcs8(kid, alg, &pkcs8).expect("parses"), public_jwk)
}

async fn an_assertion_is_good_once(server: &Server) {
    let signer = Signer::new(server, None).await;
    let assertion = signer.sign(&signer.claims("one"));
    signer.send(&assertion).await.ok();
    signer.send(&assertion).await.refused(401, "invalid_client");
    // The jti counts, not the bytes.
    signer.send(&signer.sign(&signer.claims("one"))).await.refused(401, "invalid_client");
    signer.send(&signer.sign(&signer.claims("two"))).await.ok();
    // Ten at once: exactly one wins.
    let assertion = signer.sign(&signer.claims("race"));
    let mut won = 0;
    let sends: Vec<_> = (0..10)
        .map(|_| {
            let request = server.http.post(signer.acme.url("/oauth/token")).form(&[
                ("grant_type", "client_credentials"),
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", assertion.as_str()),
            ]);
            tokio::spawn(request.send())
        })
        .collect();
    for sent in sends {
        let answer = sent.await.expect("joins").expect("answers");
        won += usize::from(answer.status() == 200);
    }
    assert_eq!(won, 1);
    // The issuer is an audience, too, and a list is one.
    let mut claims = signer.claims("three");
    claims["aud"] = json!([signer.acme.issuer(), "https://elsewhere.example"]);
    signer.send(&signer.sign(&claims)).await.ok();
}

async fn what_does_not_agree_is_refused(server: &Server) {
    let signer = Signer::new(server, None).await;
    let now = signer.now();
    let cases: [(&str, Value, bool); 17] = [
        ("iss", json!("worker"), false),
        ("sub", json!("worker"), false),
        ("aud", json!("https://elsewhere.example"), false),
        ("aud", json!(server.issuer("other")), false),
        ("aud", Value::Null, false),
        ("exp", json!(now + 3_601 + 60), false),
        ("exp", Value::Null, false),
        ("exp", json!("soon"), false),
        ("jti", Value::Null, false),
        ("jti", json!(""), false),
        ("jti", json!("j".repeat(300)), false),
        // Other people's clocks may be 60 s wrong, and no more.
        ("exp", json!(now - 50), true),
        ("exp", json!(now - 61), false),
        ("nbf", json!(now + 50), true),
        ("nbf", json!(now + 70), false),
        ("iat", json!(now + 50), true),
        ("iat", json!(now + 70), false),
    ];
    for (n, (name, value, good)) in cases.into_iter().enumerate() {
        let mut claims = signer.claims(&format!("case-{n}"));
        claims[name] = value.clone();
        let answer = signer.send(&signer.sign(&claims)).await;
        let why = format!("{name} {value}: {answer:?}");
        assert_eq!(answer.status == 200, good, "{why}");
        if !good {
            answer.refused(401, "invalid_client");
        }
    }
    let good = signer.sign(&signer.claims("good"));
    let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    let header = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
    // "none" without and with a signature; the public key as a secret; another key.
    let unsigned = header(json!({ "alg": "none" }));
    let x = URL_SAFE_NO_PAD.decode(signer.jwk["x"].as_str().expect("x")).expect("base64url");
    let forged_header = header(json!({ "alg": "HS256", "kid": "k1" }));
    let forged = [signer.jwk.to_string().into_bytes(), x].map(|secret| {
        let input = format!("{forged_header}.{}", parts[1]);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
    });
    let (stranger, _) = generate(SigningAlg::ES256, "k1");
    let (rsa, _) = generate(SigningAlg::RS256, "k1");
    let claims = signer.claims("other-key");
    let mut bad = vec![
        format!("{unsigned}.{}.", parts[1]),
        format!("{unsigned}.{}.{}", parts[1], parts[2]),
        stranger.sign(Typ::IdToken, &claims).expect("signs"),
        rsa.sign(Typ::IdToken, &claims).expect("signs"),
        super::support::tampered(&good),
        "a.b.c".into(),
        "..".into(),
        "x".repeat(15_000),
        good.replacen('.', "", 1),
    ];
    bad.extend(forged);
    for assertion in bad {
        signer.send(&assertion).await.refused(401, "invalid_client");
    }
    for kind in ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", good.as_str()),
        ];
        let answer = Answer::of(server.post("/t/acme/oauth/token", &form).await).await;
        assert!(matches!(answer.status, 400 | 401), "{answer:?}");
    }
    // With a secret, without anything, and at another tenant: never.
    parts.clear();
    let form = [("grant_type", "client_credentials"), ("client_id", "signer")];
    Answer::of(server.post("/t/acme/oauth/token", &form).await)
        .await
        .refused(401, "invalid_client");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", good.as_str()),
    ];
    Answer::of(server.post("/t/other/oauth/token", &form).await)
        .await
        .refused(401, "invalid_client");
    // Nothing of this used the good one up.
    signer.send(&good).await.ok();
    server.advance(Duration::from_secs(200)).await;
    signer.send(&good).await.refused(401, "invalid_client");
}

async fn keys_are_fetched(server: &Server) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("bound").port();
    let signer = Signer::new(server, Some(&format!("http://127.0.0.1:{port}/jwks.json"))).await;
    let document = json!({ "keys": [signer.jwk] }).to_string();
    tokio::spawn(async move {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else { return };
            let mut request = [0; 2_048];
            let _ = socket.read(&mut request).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{document}",
                document.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    signer.send(&signer.sign(&signer.claims("one"))).await.ok();
    let (stranger, _) = generate(SigningAlg::ES256, "k2");
    let forged = stranger.sign(Typ::IdToken, &signer.claims("two")).expect("signs");
    signer.send(&forged).await.refused(401, "invalid_client");
}
