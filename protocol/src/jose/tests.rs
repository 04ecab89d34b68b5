use bailiwick_domain::application::SigningAlg;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn b64(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A signing key and its public counterpart.
fn pair(kid: &str, alg: SigningAlg) -> (SigningKey, VerifyingKey) {
    let made = SigningKey::generate(alg).expect("generates");
    let signing = SigningKey::from_pkcs8(kid, alg, &made.pkcs8).expect("parses");
    (signing, VerifyingKey::from_jwk(alg, &made.public_jwk).expect("parses"))
}

fn refusal(token: &str, key: &VerifyingKey) -> VerifyError {
    verify_compact(token, |_| Some(key)).expect_err("must be refused")
}

#[test]
fn every_algorithm_round_trips_and_stock_libraries_agree() {
    for alg in SigningAlg::ALL {
        let made = SigningKey::generate(alg).expect("generates");
        let signing = SigningKey::from_pkcs8("k1", alg, &made.pkcs8).expect("parses");
        let token = signing.sign(Typ::AccessToken, &json!({"a": "\u{e9}"})).expect("signs");
        let verifying = VerifyingKey::from_jwk(alg, &made.public_jwk).expect("parses");
        let verified = verify_compact(&token, |header| {
            assert_eq!(header.kid.as_deref(), Some("k1"));
            Some(&verifying)
        })
        .expect("verifies");
        assert_eq!(verified.header().alg, alg.name());
        assert_eq!(verified.header().typ.as_deref(), Some("at+jwt"));
        assert_eq!(verified.claims::<Value>(), Ok(json!({"a": "\u{e9}"})));
        let (_, other) = pair("k1", alg);
        assert_eq!(refusal(&token, &other), VerifyError::BadSignature);

        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let jwk = serde_json::from_value(made.public_jwk).expect("a JWK");
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).expect("a key");
        let alg = alg.name().parse().expect("an algorithm");
        let stock = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, alg);
        assert!(stock.expect("verifies"));
    }
}

#[test]
fn the_key_decides_about_the_algorithm() {
    let made = SigningKey::generate(SigningAlg::RS256).expect("generates");
    let key = VerifyingKey::from_jwk(SigningAlg::RS256, &made.public_jwk).expect("parses");
    let claims = b64(r#"{"sub":"root"}"#);
    for alg in ["none", "None", "NONE", "", "HS256", "RS384", "PS256", "rs256"] {
        let header = b64(&json!({"alg": alg, "kid": "k"}).to_string());
        assert_eq!(refusal(&format!("{header}.{claims}.AAAA"), &key), VerifyError::WrongAlgorithm);
        let empty = format!("{header}.{claims}.");
        assert_eq!(refusal(&empty, &key), VerifyError::Malformed, "{alg}");
    }
    // HMAC with the public key as its secret.
    let message = format!("{}.{claims}", b64(r#"{"alg":"HS256"}"#));
    let public = made.public_jwk.to_string();
    for secret in [public.as_bytes(), made.public_jwk["n"].as_str().expect("n").as_bytes()] {
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = aws_lc_rs::hmac::sign(&mac, message.as_bytes());
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(refusal(&forged, &key), VerifyError::WrongAlgorithm);
    }
    // One RSA key, the other padding.
    let signing =
        SigningKey::from_pkcs8("k", SigningAlg::PS256, &made.pkcs8).expect("the same key");
    let token = signing.sign(Typ::IdToken, &json!({})).expect("signs");
    assert_eq!(refusal(&token, &key), VerifyError::WrongAlgorithm);
}

#[test]
fn the_form_is_strict() {
    let (signing, key) = pair("k", SigningAlg::ES256);
    let token = signing.sign(Typ::IdToken, &json!({"a": 1})).expect("signs");
    let parts: Vec<&str> = token.split('.').collect();
    let [h, p, s] = parts[..] else { panic!("three parts") };
    for wrong in [
        String::new(),
        "..".into(),
        format!("{h}.{p}"),
        format!("{h}.{p}.{s}.{s}"),
        format!(".{p}.{s}"),
        format!("{h}.{p}.{s}="),
        format!("{h}.{p}. {s}"),
        format!("{}.{p}.{s}", b64("[]")),
        format!("{}.{p}.{s}", b64("{}")),
        format!("{}.{p}.{s}", b64(r#"{"alg":"ES256","alg":"ES256"}"#)),
        format!("{}.{p}.{s}", b64(r#"{"alg":["ES256"]}"#)),
        format!("{}.{p}.{s}", URL_SAFE_NO_PAD.encode(b"{\"alg\":\"\xff\"}")),
    ] {
        assert_eq!(refusal(&wrong, &key), VerifyError::Malformed, "{wrong}");
    }
    assert_eq!(refusal(&format!("{h}.{p}x.{s}"), &key), VerifyError::BadSignature);
    assert_eq!(refusal(&format!("{h}.{p}.{}", b64("short")), &key), VerifyError::BadSignature);
    for crit in ["[\"b64\"]", "[]", "null"] {
        let header = b64(&format!(r#"{{"alg":"ES256","crit":{crit}}}"#));
        assert_eq!(refusal(&format!("{header}.{p}.{s}"), &key), VerifyError::Critical);
    }
    let long = b64(&json!({"alg": "ES256", "x": "y".repeat(MAX_HEADER)}).to_string());
    assert_eq!(refusal(&format!("{long}.{p}.{s}"), &key), VerifyError::TooLong);
    assert_eq!(refusal(&"a".repeat(MAX_TOKEN + 1), &key), VerifyError::TooLong);
    assert_eq!(verify_compact(&token, |_| None).expect_err("no key"), VerifyError::UnknownKey);
}

#[test]
fn damaged_and_foreign_keys_are_rejected() {
    let es = SigningKey::generate(SigningAlg::ES256).expect("generates");
    let ed = SigningKey::generate(SigningAlg::EdDSA).expect("generates");
    let rejected =
        |alg, pkcs8: &[u8]| SigningKey::from_pkcs8("k", alg, pkcs8).expect_err("must be rejected");
    assert_eq!(rejected(SigningAlg::EdDSA, &es.pkcs8), JoseError::KeyRejected);
    assert_eq!(rejected(SigningAlg::RS256, &es.pkcs8), JoseError::KeyRejected);
    assert_eq!(rejected(SigningAlg::ES256, &ed.pkcs8), JoseError::KeyRejected);
    assert_eq!(rejected(SigningAlg::ES256, &[]), JoseError::KeyRejected);
    let x = &ed.public_jwk["x"];
    for (alg, jwk) in [
        (SigningAlg::ES256, json!({})),
        (SigningAlg::ES256, json!(null)),
        (SigningAlg::ES256, json!({"kty": "oct", "k": "AAAA"})),
        (SigningAlg::ES256, json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"})),
        (SigningAlg::ES256, json!({"kty": "EC", "crv": "P-384", "x": x, "y": x})),
        (SigningAlg::RS256, json!({"kty": "RSA", "n": "", "e": ""})),
        (SigningAlg::PS256, json!({"kty": "RSA", "n": "AQAB", "e": 3})),
        (SigningAlg::RS256, es.public_jwk.clone()),
        (SigningAlg::EdDSA, json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})),
        (SigningAlg::EdDSA, json!({"kty": "OKP", "crv": "X25519", "x": x})),
        (SigningAlg::EdDSA, es.public_jwk),
    ] {
        assert!(VerifyingKey::from_jwk(alg, &jwk).is_err(), "{jwk}");
    }
}

/// The ES256 example of RFC 7515 A.3.
#[test]
fn verifies_the_example_of_rfc_7515() {
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let key = VerifyingKey::from_jwk(SigningAlg::ES256, &jwk).expect("parses");
    let token = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let verified = verify_compact(token, |_| Some(&key)).expect("verifies");
    assert_eq!(verified.claims::<Value>().expect("claims")["iss"], "joe");
}

/// The `at_hash` of Core A.3 and the `c_hash` of Core A.4.
#[test]
fn half_hashes_of_openid_connect_core() {
    let hash = |token| half_hash(SigningAlg::RS256, token);
    assert_eq!(hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(
        hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
        "LDktKdoQak3Pk0cnXxCltA"
    );
    // SHA-512 of "abc" (FIPS 180-2 C.1), its first 32 bytes.
    let half = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a";
    let bytes: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&half[2 * i..2 * i + 2], 16).expect("hexadecimal"))
        .collect();
    assert_eq!(half_hash(SigningAlg::EdDSA, "abc"), URL_SAFE_NO_PAD.encode(bytes));
}

proptest! {
    #[test]
    fn splitting_never_panics(token in "\\PC{0,60}|[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        if let Ok(compact) = Compact::split(&token) {
            let _ = compact.unverified_claims::<Value>();
        }
    }

    #[test]
    fn any_header_is_handled(json in "\\{\"alg\":\"(ES256|none)\"(,\"(kid|typ|crit|x)\":(null|1|\"a\"|\\[\\])){0,3}\\}") {
        let _ = Compact::split(&format!("{}.e30.AAAA", b64(&json)));
    }
}
