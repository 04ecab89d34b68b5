use bailiwick_domain::Timestamp;
use bailiwick_domain::application::SigningAlg;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::*;
use crate::error::ErrorCode;
use crate::jose::SigningKey;

fn params(text: &str) -> Params {
    Params::parse(text.as_bytes()).expect("well-formed")
}

fn read(header: Option<&str>, body: &str) -> Result<Presented, OAuthError> {
    Presented::read(header, &params(body))
}

fn header(id: &str, secret: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

fn refused(header: Option<&str>, body: &str) -> ErrorCode {
    read(header, body).expect_err("must be refused").code
}

fn secret(presented: &Presented) -> &str {
    match presented {
        Presented::Basic { secret, .. } | Presented::Post { secret, .. } => secret.expose_secret(),
        _ => panic!("has no secret"),
    }
}

#[test]
fn each_way_alone() {
    let none = read(None, "client_id=app").expect("accepted");
    assert_eq!((none.method(), none.client_id()), (AuthMethod::None, "app"));
    let post = read(None, "client_id=app&client_secret=s%2B1").expect("accepted");
    assert_eq!((post.method(), secret(&post)), (AuthMethod::ClientSecretPost, "s+1"));
    let basic = read(Some(&header("app", "a:b+c%/\u{e9}")), "client_id=app").expect("accepted");
    assert_eq!((basic.client_id(), secret(&basic)), ("app", "a:b+c%/\u{e9}"));
    assert!(basic.used_basic() && !post.used_basic());
    // RFC 6749 2.3.1, and a scheme in another case.
    let example = read(Some("bASIC czZCaGRSa3F0MzpnWDFmQmF0M2JW"), "").expect("accepted");
    assert_eq!((example.client_id(), secret(&example)), ("s6BhdRkqt3", "gX1fBat3bV"));
    // A colon in the secret that was not encoded.
    let colon = read(Some(&format!("Basic {}", STANDARD.encode("app:a:b"))), "").expect("accepted");
    assert_eq!(secret(&colon), "a:b");
}

#[test]
fn ways_do_not_mix() {
    let basic = header("app", "s");
    let assertion = format!("client_assertion=x&client_assertion_type={JWT_BEARER}");
    for (header, body) in [
        (Some(basic.as_str()), "client_secret=s".to_owned()),
        (Some(basic.as_str()), assertion.clone()),
        (None, format!("client_id=app&client_secret=s&{assertion}")),
        (Some(basic.as_str()), "client_id=other".to_owned()),
        (None, "client_id=app&client_id=app".to_owned()),
        (None, "client_id=app&client_secret=a&client_secret=a".to_owned()),
        (None, "client_id=app&client_assertion=x".to_owned()),
        (None, "client_id=app&client_assertion=x&client_assertion_type=saml".to_owned()),
        (None, format!("client_id=app&client_assertion_type={JWT_BEARER}")),
        (None, "client_secret=s".to_owned()),
        (None, String::new()),
    ] {
        assert_eq!(refused(header, &body), ErrorCode::InvalidRequest, "{header:?} {body}");
    }
}

#[test]
fn malformed_headers() {
    let encoded = |text: &[u8]| format!("Basic {}", STANDARD.encode(text));
    for header in [
        "",
        "Basic",
        "Basic !",
        "Basic YQ",
        &encoded(b"no colon"),
        &encoded(b"a:%zz"),
        &encoded(b"a:\xff"),
        &encoded(b"a:%ff"),
        &encoded(b"a%00:b"),
        &encoded(b"a:b\0"),
        &format!("Basic {}", "A".repeat(5_000)),
    ] {
        assert_eq!(refused(Some(header), ""), ErrorCode::InvalidRequest, "{header}");
    }
    for header in [
        "Bearer abc",
        &encoded(b":secret"),
        &encoded(&[b"a:".as_slice(), &[b's'; 1025]].concat()),
        &encoded(&[[b'a'; 101].as_slice(), b":s"].concat()),
        &encoded(b"a%0A:s"),
    ] {
        assert_eq!(refused(Some(header), ""), ErrorCode::InvalidClient, "{header}");
    }
    let long = format!("client_id={}", "a".repeat(101));
    assert_eq!(refused(None, &long), ErrorCode::InvalidClient);
}

#[test]
fn only_the_registered_method() {
    let spec = |method: &str| -> ApplicationSpec {
        serde_json::from_value(json!({"client_id": "app", "name": "A", "type": "web",
            "token_endpoint_auth_method": method}))
        .expect("an application")
    };
    let assertion = format!("client_id=app&client_assertion=x&client_assertion_type={JWT_BEARER}");
    let all = [
        ("none", read(None, "client_id=app")),
        ("client_secret_basic", read(Some(&header("app", "s")), "")),
        ("client_secret_post", read(None, "client_id=app&client_secret=s")),
        ("private_key_jwt", read(None, &assertion)),
    ];
    for (registered, _) in &all {
        for (used, presented) in &all {
            let presented = presented.as_ref().expect("accepted");
            let fine = check_method(&spec(registered), presented).is_ok();
            assert_eq!(fine, registered == used, "{registered} {used}");
        }
    }
}

#[test]
fn secrets_stay_out_of_the_debug_form() {
    let text = format!("{:?}", read(Some(&header("app", "hush")), "").expect("accepted"));
    assert_eq!(text, r#"Presented { method: ClientSecretBasic, client_id: "app", .. }"#);
}

// Assertions

const NOW: i64 = 1_700_000_000;
const ENDPOINT: &str = "https://id.example/t/acme/oauth/token";
const ISSUER: &str = "https://id.example/t/acme";

struct Client {
    key: EncodingKey,
    jwk: Value,
    alg: Algorithm,
}

fn client(alg: SigningAlg) -> Client {
    let made = SigningKey::generate(alg).expect("generates");
    let (key, name) = match alg {
        SigningAlg::ES256 => (EncodingKey::from_ec_der(&made.pkcs8), Algorithm::ES256),
        SigningAlg::EdDSA => (EncodingKey::from_ed_der(&made.pkcs8), Algorithm::EdDSA),
        SigningAlg::RS256 => (rsa(&made.pkcs8), Algorithm::RS256),
        SigningAlg::PS256 => (rsa(&made.pkcs8), Algorithm::PS256),
    };
    Client { key, jwk: made.public_jwk, alg: name }
}

/// The stock library wants the bare RSA key, which ends a PKCS#8 document.
fn rsa(pkcs8: &[u8]) -> EncodingKey {
    EncodingKey::from_rsa_der(pkcs8.get(26..).expect("a key"))
}

impl Client {
    fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let mut header = jsonwebtoken::Header::new(self.alg);
        header.kid = kid.map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &self.key).expect("signs")
    }
    fn jwks(&self, kid: Option<&str>) -> Value {
        let mut jwk = self.jwk.clone();
        if let Some(kid) = kid {
            jwk["kid"] = kid.into();
        }
        json!({"keys": [jwk]})
    }
}

fn claims() -> Value {
    json!({"iss": "app", "sub": "app", "aud": ENDPOINT, "exp": NOW + 300, "iat": NOW, "jti": "j"})
}

fn rules() -> AssertionRules<'static> {
    AssertionRules {
        client_id: "app",
        audiences: &[ENDPOINT, ISSUER],
        now: Timestamp::from_secs(NOW),
        leeway: 60,
    }
}

fn check(assertion: &str, jwks: &Value) -> Option<Assertion> {
    match verify_assertion(assertion, jwks, &rules()) {
        Ok(assertion) => Some(assertion),
        Err(error) => {
            assert_eq!(error, OAuthError::invalid_client());
            None
        }
    }
}

#[test]
fn every_algorithm_and_a_key_with_or_without_kid() {
    for alg in SigningAlg::ALL {
        let client = client(alg);
        for (in_header, in_jwks, fine) in [
            (Some("k"), Some("k"), true),
            (None, None, true),
            (None, Some("k"), true),
            (Some("k"), None, true),
            (Some("k"), Some("other"), false),
        ] {
            let assertion = client.sign(in_header, &claims());
            let accepted = check(&assertion, &client.jwks(in_jwks));
            let expected = fine.then(|| Assertion {
                jti: "j".into(),
                expires_at: Timestamp::from_secs(NOW + 360),
            });
            assert_eq!(accepted, expected, "{alg:?} {in_header:?} {in_jwks:?}");
        }
    }
}

#[test]
fn every_claim_is_checked() {
    let client = client(SigningAlg::EdDSA);
    let jwks = client.jwks(None);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        check(&client.sign(None, &claims), &jwks).is_some()
    };
    for (name, value) in [
        ("aud", json!(ISSUER)),
        ("aud", json!(["https://other.example", ENDPOINT])),
        ("exp", json!(NOW - 59)),
        ("exp", json!(NOW + 3_660)),
        ("exp", json!(NOW as f64 + 10.5)),
        ("iat", json!(NOW + 60)),
        ("iat", Value::Null),
        ("nbf", json!(NOW + 60)),
        ("jti", json!("j".repeat(256))),
        ("unknown", json!({"a": 1})),
    ] {
        assert!(with(name, value.clone()), "{name} {value}");
    }
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("sub", json!("other")),
        ("aud", json!("https://other.example")),
        ("aud", json!(format!("{ENDPOINT}/"))),
        ("aud", json!([])),
        ("aud", json!({"a": ENDPOINT})),
        ("exp", json!(NOW - 60)),
        ("exp", json!(NOW + 3_661)),
        ("exp", json!("1700000300")),
        ("exp", Value::Null),
        ("exp", json!(-1)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("iat", json!(NOW + 61)),
        ("iat", json!("now")),
        ("nbf", json!(NOW + 61)),
        ("nbf", json!(i64::MAX)),
        ("jti", json!("")),
        ("jti", json!("j".repeat(257))),
        ("jti", Value::Null),
        ("jti", json!(5)),
    ] {
        assert!(!with(name, value.clone()), "{name} {value}");
    }
}

#[test]
fn only_a_fitting_key_of_the_client() {
    let mine = client(SigningAlg::EdDSA);
    let assertion = mine.sign(Some("k"), &claims());
    let jwks = |key: Value| json!({"keys": [key]});
    let changed = |name: &str, value: Value| {
        let mut key = mine.jwk.clone();
        key[name] = value;
        jwks(key)
    };
    assert!(check(&assertion, &changed("use", json!("sig"))).is_some());
    assert!(check(&assertion, &changed("alg", json!("EdDSA"))).is_some());
    assert!(check(&assertion, &changed("key_ops", json!(["verify"]))).is_some());
    let strange = json!({"keys": [{"kty": "new"}, 5, {"kty": "oct", "k": "AAAA"}, mine.jwks(Some("k"))["keys"][0]]});
    assert!(check(&assertion, &strange).is_some());

    let other = client(SigningAlg::EdDSA);
    for wrong in [
        json!({}),
        json!({"keys": []}),
        json!({"keys": "x"}),
        json!(null),
        changed("use", json!("enc")),
        changed("alg", json!("ES256")),
        changed("key_ops", json!(["sign"])),
        changed("crv", json!("P-256")),
        changed("x", json!("AAAA")),
        changed("x", json!("")),
        jwks(other.jwk.clone()),
    ] {
        assert!(check(&assertion, &wrong).is_none(), "{wrong}");
    }
    // Without a kid: good with one key that fits, not with two to choose from.
    let unnamed = mine.sign(None, &claims());
    let ec = client(SigningAlg::ES256);
    assert!(check(&unnamed, &json!({"keys": [ec.jwk, mine.jwk]})).is_some());
    assert!(check(&unnamed, &json!({"keys": [mine.jwk, other.jwk]})).is_none());
}

#[test]
fn symmetric_and_absent_algorithms() {
    let mine = client(SigningAlg::RS256);
    let jwks = mine.jwks(None);
    let n = mine.jwk["n"].as_str().expect("n");
    for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for secret in [n.as_bytes(), &URL_SAFE_NO_PAD.decode(n).expect("base64url")] {
            let key = EncodingKey::from_secret(secret);
            let header = jsonwebtoken::Header::new(alg);
            let forged = jsonwebtoken::encode(&header, &claims(), &key).expect("signs");
            assert!(check(&forged, &jwks).is_none());
            let oct = json!({"keys": [{"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret)}]});
            assert!(check(&forged, &oct).is_none(), "a symmetric key is never taken");
        }
    }
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    for forged in [format!("{none}.{payload}."), format!("{none}.{payload}.AAAA")] {
        assert!(check(&forged, &jwks).is_none());
    }
    // RS384 with the right key is still not one of ours.
    let header = jsonwebtoken::Header::new(Algorithm::RS384);
    let forged = jsonwebtoken::encode(&header, &claims(), &mine.key).expect("signs");
    assert!(check(&forged, &jwks).is_none());
}

#[test]
fn the_client_is_found_by_what_the_assertion_claims() {
    let mine = client(SigningAlg::EdDSA);
    let assertion = mine.sign(None, &claims());
    let body = format!("client_assertion={assertion}&client_assertion_type={JWT_BEARER}");
    assert_eq!(read(None, &body).expect("accepted").client_id(), "app");
    let with_id = format!("{body}&client_id=other");
    assert_eq!(read(None, &with_id).expect("accepted").client_id(), "other");
    let other = AssertionRules { client_id: "other", ..rules() };
    assert!(verify_assertion(&assertion, &mine.jwks(None), &other).is_err());
    for sub in [json!("a\0b"), json!(""), json!("a".repeat(101)), json!(1)] {
        let assertion = mine.sign(None, &json!({"sub": sub}));
        let body = format!("client_assertion={assertion}&client_assertion_type={JWT_BEARER}");
        assert_eq!(refused(None, &body), ErrorCode::InvalidClient);
    }
}

proptest! {
    #[test]
    fn reading_never_panics(
        header in proptest::option::of("(Basic )?[ -~]{0,40}"),
        body in "((client_id|client_secret|client_assertion)=[a-z0-9.%]{0,6}&){0,4}",
    ) {
        if let Ok(params) = Params::parse(body.as_bytes()) {
            let _ = Presented::read(header.as_deref(), &params);
        }
    }

    #[test]
    fn basic_round_trips(id in "[A-Za-z0-9._~-]{1,100}", hush in "[^\0]{0,60}") {
        let presented = read(Some(&header(&id, &hush)), "").expect("accepted");
        prop_assert_eq!(presented.client_id(), id);
        prop_assert_eq!(secret(&presented), hush);
    }

    #[test]
    fn assertions_never_panic(
        token in "[A-Za-z0-9_.-]{0,80}",
        x in "[A-Za-z0-9_-]{0,50}",
        kty in "EC|RSA|OKP|oct",
        crv in "P-256|P-384|P-521|Ed25519",
        alg in "ES256|ES384|RS256|PS256|EdDSA|HS256",
    ) {
        let jwks = json!({"keys": [
            {"kty": kty, "crv": crv, "x": x, "y": x, "n": x, "e": x, "k": x}
        ]});
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg}).to_string());
        prop_assert_eq!(check(&token, &jwks), None);
        prop_assert_eq!(check(&format!("{header}.{token}"), &jwks), None);
        prop_assert_eq!(check(&format!("{header}.e30.{x}"), &jwks), None);
    }
}
