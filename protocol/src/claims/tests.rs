use bailiwick_domain::{Timestamp, UserId};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn user() -> User {
    let Value::Object(claims) = json!({
        "given_name": "Ada", "family_name": "", "nickname": null, "website": ["not", "text"],
        "phone_number": "+44 20", "phone_number_verified": true,
        "address": {"country": "GB", "region": "", "formatted": null},
        "department": "engines", "level": 3, "empty": {}, "openid": "x", "phone": "y",
    }) else {
        unreachable!()
    };
    User {
        id: UserId(uuid::Uuid::nil()),
        sub: "own-sub".into(),
        email: Some("Ada@example.com".into()),
        email_verified: false,
        name: Some("Ada L".into()),
        claims,
        active: true,
        version: 1,
        created_at: Timestamp::EPOCH,
        delete_at: None,
        updated_at: Timestamp(1_700_000_000_500_000),
    }
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("valid")
}

fn request(value: &Value) -> ClaimsRequest {
    ClaimsRequest::parse(&value.to_string()).expect("well-formed")
}

fn at_userinfo(granted: &str, asked: &Value) -> Value {
    userinfo(&user(), "s", &scopes(granted), &request(asked)).into()
}

#[test]
fn scopes_release_their_claims_and_nothing_else() {
    for (granted, expected) in [
        ("openid", json!({"sub": "s"})),
        ("openid email", json!({"sub": "s", "email": "Ada@example.com", "email_verified": false})),
        (
            "openid phone",
            json!({"sub": "s", "phone_number": "+44 20", "phone_number_verified": true}),
        ),
        ("openid address", json!({"sub": "s", "address": {"country": "GB"}})),
        (
            "openid profile",
            json!({"sub": "s", "name": "Ada L", "given_name": "Ada", "updated_at": 1_700_000_000}),
        ),
        ("openid department", json!({"sub": "s", "department": "engines"})),
        ("openid level empty missing", json!({"sub": "s", "level": 3})),
    ] {
        assert_eq!(at_userinfo(granted, &json!({})), expected, "{granted}");
    }
}

#[test]
fn a_verified_flag_needs_what_it_is_about() {
    let mut user = user();
    user.email = None;
    user.email_verified = true;
    user.claims.remove("phone_number");
    let all = userinfo(&user, "s", &scopes("openid email phone"), &ClaimsRequest::default());
    assert_eq!(Value::from(all), json!({"sub": "s"}));
}

#[test]
fn shapes_are_those_of_core() {
    let mut user = user();
    user.name = None;
    user.claims.insert("name".into(), "from claims".into());
    user.claims.insert("address".into(), "1 Street".into());
    user.claims.insert("phone_number_verified".into(), "true".into());
    let all = userinfo(&user, "s", &scopes("profile address phone"), &ClaimsRequest::default());
    assert_eq!(all.get("name"), Some(&json!("from claims")));
    assert_eq!(all.get("address"), None, "not an object");
    assert_eq!(all.get("phone_number_verified"), None, "not a boolean");
}

#[test]
fn platform_claims_cannot_come_from_the_user() {
    let mut user = user();
    for name in RESERVED_CLAIMS {
        user.claims.insert(name.into(), "forged".into());
    }
    let everything = scopes(&RESERVED_CLAIMS.join(" ")).union(&scopes("openid email profile"));
    let wishes: Map<_, _> =
        RESERVED_CLAIMS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let asked = request(&json!({"userinfo": wishes, "id_token": wishes}));
    let info = userinfo(&user, "s", &everything, &asked);
    let token = id_token_claims(&user, &everything, &asked, ResponseType::IdToken);
    assert!(
        info.values().chain(token.values()).all(|value| value != "forged"),
        "{info:?} {token:?}"
    );
    assert!(!token.contains_key("sub"));
}

#[test]
fn the_id_token_has_scope_claims_only_without_an_access_token() {
    let all = |response_type, asked: Value| {
        Value::from(id_token_claims(
            &user(),
            &scopes("openid email"),
            &request(&asked),
            response_type,
        ))
    };
    let email = json!({"email": "Ada@example.com", "email_verified": false});
    for response_type in ResponseType::ALL {
        let expected =
            if response_type == ResponseType::IdToken { email.clone() } else { json!({}) };
        assert_eq!(all(response_type, json!({})), expected, "{}", response_type.name());
    }
    let asked =
        json!({"userinfo": {"name": {"essential": true}}, "id_token": {"given_name": null}});
    assert_eq!(all(ResponseType::Code, asked), json!({"given_name": "Ada"}));
}

#[test]
fn the_claims_parameter_asks_one_by_one() {
    let name = json!({"sub": "s", "name": "Ada L"});
    let alone = json!({"sub": "s"});
    for (asked, expected) in [
        (json!({"userinfo": {"name": {"essential": true}}}), &name),
        (json!({"userinfo": {"name": null, "nickname": {"essential": true}}}), &name),
        (json!({"userinfo": {"name": {"value": "Ada L"}}}), &name),
        (json!({"userinfo": {"name": {"values": ["Bob", "Ada L"]}}}), &name),
        (json!({"userinfo": {"name": {"value": "Bob"}}}), &alone),
        (json!({"id_token": {"name": null}}), &alone),
        (json!({"userinfo": {"sub": {"value": "forged"}}}), &alone),
        (json!({"userinfo": null, "unknown": 1}), &alone),
    ] {
        assert_eq!(&at_userinfo("openid", &asked), expected, "{asked}");
    }
}

#[test]
fn what_is_asked_is_bounded_by_the_registered_scopes() {
    let asked = json!({
        "userinfo": {"name": null, "email": null, "department": null, "sub": null, "phone": null},
        "id_token": {"phone_number": null, "sub": {"value": "x"}, "acr": null, "auth_time": null},
    });
    let kept = request(&asked).within(&scopes("openid profile department"));
    assert_eq!(kept.userinfo.keys().collect::<Vec<_>>(), ["department", "name"]);
    assert_eq!(kept.id_token.keys().collect::<Vec<_>>(), ["acr", "sub"]);
    assert_eq!(kept.scopes(), scopes("profile department"));
}

#[test]
fn malformed_requests() {
    let many: Map<_, _> = (0..51).map(|i| (format!("c{i}"), Value::Null)).collect();
    for text in [
        "",
        "{",
        "[]",
        "null",
        r#"{"userinfo": []}"#,
        r#"{"userinfo": {"name": true}}"#,
        r#"{"userinfo": {"name": {"essential": "yes"}}}"#,
        r#"{"id_token": {"acr": {"values": "1"}}}"#,
        r#"{"id_token": {"acr": {"value": "1", "values": ["1"]}}}"#,
        &json!({"userinfo": many}).to_string(),
        &json!({"userinfo": {"n".repeat(101): null}}).to_string(),
        &"[".repeat(10_000),
    ] {
        assert!(ClaimsRequest::parse(text).is_err(), "{text:.80}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in r#"[{}\[\]":, a-z0-9]{0,60}"#) {
        let _ = ClaimsRequest::parse(&text);
    }

    #[test]
    fn what_is_sealed_is_what_was_asked(
        names in proptest::collection::btree_set("[a-z_]{1,12}", 0..20),
        essential: bool,
    ) {
        let side: Map<_, _> =
            names.into_iter().map(|n| (n, json!({"essential": essential}))).collect();
        let asked = request(&json!({"userinfo": side, "id_token": side}));
        let sealed = serde_json::to_string(&asked).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<ClaimsRequest>(&sealed).expect("reads"), asked);
    }
}
