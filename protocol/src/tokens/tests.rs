use bailiwick_domain::application::SigningAlg;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::jose::{Compact, KeyRow, KeyTimes, half_hash};

const ISSUER: &str = "https://id.example/t/acme";
const NOW: Timestamp = Timestamp::from_secs(1_000);

fn keys() -> KeySet {
    let made = SigningKey::generate(SigningAlg::ES256).expect("generates");
    KeySet::new(vec![KeyRow {
        kid: "k".into(),
        alg: SigningAlg::ES256,
        public_jwk: made.public_jwk,
        pkcs8: made.pkcs8,
        times: KeyTimes { signs_from: Timestamp::EPOCH, signs_until: None, gone_at: None },
    }])
}

fn signer(keys: &KeySet) -> &SigningKey {
    keys.signing_key(SigningAlg::ES256, NOW).expect("a key")
}

fn claims() -> AccessTokenClaims {
    let aud = vec!["https://api.example".into()];
    AccessTokenClaims::of_client(ISSUER, "app", aud, (1_000, 1_600), "j".into())
}

fn id_token<'a>(extra: &'a Map<String, Value>) -> IdToken<'a> {
    IdToken {
        iss: ISSUER,
        sub: "u",
        client_id: "app",
        exp: 1_600,
        iat: 1_000,
        auth_time: None,
        nonce: None,
        acr: None,
        amr: &[],
        sid: None,
        org_id: None,
        access_token: None,
        code: None,
        extra,
    }
}

fn payload(token: &str) -> Value {
    Compact::split(token).expect("three parts").unverified_claims().expect("claims")
}

#[test]
fn an_access_token_says_no_more_than_it_has() {
    let keys = keys();
    let token = claims().sign(signer(&keys)).expect("signs");
    assert_eq!(
        payload(&token),
        json!({"iss": ISSUER, "sub": "app", "aud": "https://api.example", "exp": 1_600,
            "iat": 1_000, "jti": "j", "client_id": "app"})
    );
    assert_eq!(verify_access_token(&keys, ISSUER, &token, NOW), Ok(claims()));
}

#[test]
fn everything_in_an_access_token_round_trips() {
    let keys = keys();
    let full = AccessTokenClaims {
        aud: vec!["https://api.example".into(), ISSUER.into()],
        scope: ScopeSet::parse("openid read").expect("valid"),
        auth_time: Some(900),
        acr: Some("1".into()),
        amr: vec!["pwd".into()],
        org_id: Some(OrganizationId(Uuid::from_u128(1))),
        sid: Some(SessionId(Uuid::from_u128(2))),
        grant_id: Some(GrantId(Uuid::from_u128(3))),
        claims: None,
        ..claims()
    };
    let token = full.sign(signer(&keys)).expect("signs");
    let said = payload(&token);
    assert_eq!(said["aud"], json!(["https://api.example", ISSUER]));
    assert_eq!(said["scope"], "openid read");
    assert_eq!(said["sid"], "ses_00000000000000000000000000000002");
    assert_eq!(verify_access_token(&keys, ISSUER, &token, NOW), Ok(full));
}

#[test]
fn an_access_token_is_refused() {
    let keys = keys();
    let check = |token: &str, at: i64| {
        verify_access_token(&keys, ISSUER, token, Timestamp::from_secs(at)).map(|_| ())
    };
    let token = claims().sign(signer(&keys)).expect("signs");
    assert_eq!(check(&token, 1_599), Ok(()));
    assert_eq!(check(&token, 1_600), Err(TokenRefusal::Expired));

    let mut foreign = claims();
    foreign.iss = "https://id.example/t/other".into();
    let foreign = foreign.sign(signer(&keys)).expect("signs");
    assert_eq!(check(&foreign, 1_000), Err(TokenRefusal::WrongIssuer));

    let other_tenant = claims().sign(signer(&self::keys())).expect("signs");
    assert_eq!(check(&other_tenant, 1_000), Err(VerifyError::BadSignature.into()));

    let extra = Map::new();
    let id_token = id_token(&extra).sign(signer(&keys)).expect("signs");
    assert_eq!(check(&id_token, 1_000), Err(TokenRefusal::WrongType));

    let half = signer(&keys).sign(Typ::AccessToken, &json!({"iss": ISSUER})).expect("signs");
    assert_eq!(check(&half, 1_000), Err(VerifyError::Malformed.into()));
    assert_eq!(check("", 1_000), Err(VerifyError::Malformed.into()));
    assert_eq!(OAuthError::from(TokenRefusal::Expired).code, ErrorCode::InvalidToken);
}

#[test]
fn an_id_token_says_what_belongs_there() {
    let keys = keys();
    let extra = json!({"email": "a@b.example", "email_verified": true, "name": null,
        "iss": "https://evil.example", "aud": "evil", "groups": ["x"]});
    let Value::Object(extra) = extra else { unreachable!("an object") };
    let amr = ["pwd".to_owned()];
    let token = IdToken {
        auth_time: Some(900),
        nonce: Some("n"),
        acr: Some("1"),
        amr: &amr,
        sid: Some(SessionId(Uuid::from_u128(2))),
        access_token: Some("the-access-token"),
        code: Some("the-code"),
        ..id_token(&extra)
    }
    .sign(signer(&keys))
    .expect("signs");
    assert_eq!(
        payload(&token),
        json!({
            "iss": ISSUER, "sub": "u", "aud": "app", "azp": "app", "exp": 1_600, "iat": 1_000,
            "auth_time": 900, "nonce": "n", "acr": "1", "amr": ["pwd"],
            "sid": "ses_00000000000000000000000000000002",
            "at_hash": half_hash(SigningAlg::ES256, "the-access-token"),
            "c_hash": half_hash(SigningAlg::ES256, "the-code"),
            "email": "a@b.example", "email_verified": true, "groups": ["x"],
        })
    );
    let text = String::from_utf8(
        base64::Engine::decode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            token.split('.').nth(1).expect("a payload"),
        )
        .expect("base64url"),
    )
    .expect("UTF-8");
    assert_eq!(text.matches("\"iss\"").count(), 1);
}

#[test]
fn an_id_token_without_anything_optional() {
    let keys = keys();
    let extra = Map::new();
    let token = id_token(&extra).sign(signer(&keys)).expect("signs");
    let said = payload(&token);
    let mut names: Vec<_> = said.as_object().expect("an object").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "azp", "exp", "iat", "iss", "sub"]);
}

#[test]
fn a_hint_may_be_expired_but_not_forged() {
    let keys = keys();
    let extra = Map::new();
    let token = id_token(&extra).sign(signer(&keys)).expect("signs");
    let later = Timestamp::from_secs(1_000_000);
    let hint = verify_id_token_hint(&keys, ISSUER, &token, later).expect("accepted");
    assert_eq!((hint.sub.as_str(), hint.aud.as_slice()), ("u", ["app".to_owned()].as_slice()));
    let refused = |token: &str, issuer| {
        verify_id_token_hint(&keys, issuer, token, NOW).expect_err("must be refused")
    };
    assert_eq!(refused(&token, "https://id.example/t/other"), TokenRefusal::WrongIssuer);
    let access = claims().sign(signer(&keys)).expect("signs");
    assert_eq!(refused(&access, ISSUER), TokenRefusal::WrongType);
    let payload = token.split('.').nth(1).expect("a payload");
    // {"alg":"none","kid":"k","typ":"JWT"}
    let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiayIsInR5cCI6IkpXVCJ9.{payload}.AAAA");
    assert_eq!(refused(&none, ISSUER), VerifyError::WrongAlgorithm.into());
    // {"alg":"none"}
    let unnamed = format!("eyJhbGciOiJub25lIn0.{payload}.AAAA");
    assert_eq!(refused(&unnamed, ISSUER), VerifyError::UnknownKey.into());
}
