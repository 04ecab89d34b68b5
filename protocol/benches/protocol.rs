//! The pure part of issuing and checking tokens: `cargo bench -p bailiwick-protocol`.

use std::hint::black_box;

use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::{ApplicationSpec, Timestamp};
use bailiwick_protocol::client_auth::{Presented, check_method};
use bailiwick_protocol::jose::{KeyRow, KeySet, KeyTimes, SigningKey};
use bailiwick_protocol::token_request::{TokenRequest, audience, client_scopes};
use bailiwick_protocol::tokens::{AccessTokenClaims, verify_access_token};
use bailiwick_protocol::{OAuthError, Params};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

const ISSUER: &str = "https://id.example/t/acme";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const ALGS: [SigningAlg; 3] = [SigningAlg::ES256, SigningAlg::RS256, SigningAlg::EdDSA];

fn keys() -> KeySet {
    let row = |alg: SigningAlg| {
        let made = SigningKey::generate(alg).expect("generates");
        KeyRow {
            kid: format!("sig_{}", alg.name()),
            alg,
            public_jwk: made.public_jwk,
            pkcs8: made.pkcs8,
            times: KeyTimes { signs_from: Timestamp::EPOCH, signs_until: None, gone_at: None },
        }
    };
    KeySet::new(ALGS.into_iter().map(row).collect())
}

fn application() -> ApplicationSpec {
    serde_json::from_value(json!({
        "client_id": "billing-worker", "name": "Billing worker", "type": "machine",
        "grant_types": ["client_credentials"], "scopes": ["invoices:read", "invoices:write"],
        "audiences": ["https://api.example"],
    }))
    .expect("an application")
}

fn claims(spec: &ApplicationSpec) -> AccessTokenClaims {
    let (aud, now) = (vec!["https://api.example".into()], NOW.as_secs());
    let jti = "AAAAAAAAAAAAAAAAAAAAAA".into();
    let claims = AccessTokenClaims::of_client(ISSUER, &spec.client_id, aud, (now, now + 600), jti);
    AccessTokenClaims { scope: spec.scopes.clone(), ..claims }
}

/// Everything that a client credentials request does but the lookup of the client and the MAC of
/// its secret.
fn token_endpoint(
    spec: &ApplicationSpec,
    keys: &KeySet,
    authorization: &str,
    body: &[u8],
) -> Result<String, OAuthError> {
    let params = Params::parse(body)?;
    let presented = Presented::read(Some(authorization), &params)?;
    check_method(spec, &presented)?;
    let TokenRequest::ClientCredentials { scope, resources } = TokenRequest::read(&params, spec)?
    else {
        unreachable!("the request is for client credentials")
    };
    let claims = AccessTokenClaims {
        aud: audience(spec, ISSUER, &resources, None, false)?,
        scope: client_scopes(spec, scope)?,
        ..claims(spec)
    };
    let key = keys.signing_key(SigningAlg::ES256, NOW).expect("a key");
    Ok(claims.sign(key).expect("signs"))
}

fn protocol(c: &mut Criterion) {
    let (keys, spec) = (keys(), application());
    let claims = claims(&spec);
    for alg in ALGS {
        let key = keys.signing_key(alg, NOW).expect("a key");
        let token = claims.sign(key).expect("signs");
        c.bench_function(&format!("sign {}", alg.name()), |b| b.iter(|| claims.sign(key)));
        c.bench_function(&format!("verify {}", alg.name()), |b| {
            b.iter(|| verify_access_token(&keys, ISSUER, black_box(&token), NOW).is_ok());
        });
    }
    // billing-worker:a-secret-of-32-random-bytes-in-base64url
    let basic =
        "Basic YmlsbGluZy13b3JrZXI6YS1zZWNyZXQtb2YtMzItcmFuZG9tLWJ5dGVzLWluLWJhc2U2NHVybA==";
    let body = b"grant_type=client_credentials&scope=invoices%3Aread+invoices%3Awrite\
        &resource=https%3A%2F%2Fapi.example";
    c.bench_function("token endpoint, client credentials", |b| {
        b.iter(|| token_endpoint(&spec, &keys, black_box(basic), black_box(body)).is_ok());
    });
}

criterion_group!(benches, protocol);
criterion_main!(benches);
