use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jose::{Compact, Typ, verify_compact};

fn times(signs_from: i64, signs_until: Option<i64>, gone_at: Option<i64>) -> KeyTimes {
    KeyTimes {
        signs_from: Timestamp(signs_from),
        signs_until: signs_until.map(Timestamp),
        gone_at: gone_at.map(Timestamp),
    }
}

fn row(kid: &str, times: KeyTimes) -> KeyRow {
    let made = SigningKey::generate(SigningAlg::EdDSA).expect("generates");
    let mut public_jwk = made.public_jwk;
    // A member that must never be published, should it ever be stored there.
    public_jwk["d"] = "secret".into();
    public_jwk["alg"] = "none".into();
    KeyRow { kid: kid.into(), alg: SigningAlg::EdDSA, public_jwk, pkcs8: made.pkcs8, times }
}

fn kids(set: &KeySet, now: i64) -> Vec<String> {
    let jwks: Value = serde_json::from_slice(&set.jwks(Timestamp(now))).expect("JSON");
    let list = jwks["keys"].as_array().expect("an array").clone();
    list.iter().map(|k| k["kid"].as_str().expect("a kid").to_owned()).collect()
}

#[test]
fn a_key_goes_from_state_to_state_at_its_times() {
    use KeyState::{Active, Gone, Next, Retired};
    let whole = times(10, Some(20), Some(30));
    let at = |key: KeyTimes, moments: &[i64]| {
        moments.iter().map(|now| key.state(Timestamp(*now))).collect::<Vec<_>>()
    };
    let moments = [0, 9, 10, 19, 20, 29, 30, 99];
    assert_eq!(at(whole, &moments), [Next, Next, Active, Active, Retired, Retired, Gone, Gone]);
    assert_eq!(at(times(10, None, None), &[9, 10, i64::MAX]), [Next, Active, Active]);
    // One that is gone before it ever signed.
    assert_eq!(at(times(10, Some(10), Some(5)), &[4, 5, 10]), [Next, Gone, Gone]);
}

#[test]
fn one_key_signs_and_all_that_are_not_gone_are_published() {
    let set = KeySet::new(vec![
        row("old", times(10, Some(30), Some(40))),
        row("new", times(30, None, None)),
    ]);
    let signer = |now| {
        let key = set.signing_key(SigningAlg::EdDSA, Timestamp(now))?;
        let token = key.sign(Typ::IdToken, &json!({})).expect("signs");
        let kid = Compact::split(&token).expect("three parts").header.kid;
        let verified = verify_compact(&token, |h| set.verifying(h.kid.as_deref()?, Timestamp(now)));
        assert!(verified.is_ok());
        kid
    };
    assert_eq!(signer(9), None);
    for (now, kid) in [(10, "old"), (29, "old"), (30, "new"), (40, "new")] {
        assert_eq!(signer(now).as_deref(), Some(kid), "{now}");
    }
    assert_eq!(kids(&set, 9), ["new", "old"]);
    assert_eq!(kids(&set, 39), ["new", "old"]);
    assert_eq!(kids(&set, 40), ["new"]);
    assert_eq!(kids(&set, 9), ["new", "old"], "of an earlier stretch again");
    assert!(set.verifying("old", Timestamp(39)).is_some());
    assert!(set.verifying("old", Timestamp(40)).is_none());
    assert!(set.verifying("new", Timestamp(9)).is_some(), "another node's clock is ahead");
    assert!(set.signing_key(SigningAlg::ES256, Timestamp(20)).is_none());
    let alone = KeySet::new(vec![row("old", times(10, Some(30), Some(40)))]);
    assert!(alone.signing_key(SigningAlg::EdDSA, Timestamp(29)).is_some());
    assert!(alone.signing_key(SigningAlg::EdDSA, Timestamp(30)).is_none());
}

#[test]
fn the_document_is_built_once_for_a_stretch_of_time() {
    let set = KeySet::new(vec![
        row("a", times(0, Some(10), Some(20))),
        row("b", times(10, Some(15), Some(20))),
        row("c", times(15, None, None)),
    ]);
    let document = |now| set.jwks(Timestamp(now));
    assert!(Arc::ptr_eq(&document(0), &document(19)));
    assert!(Arc::ptr_eq(&document(20), &document(1_000)));
    assert_eq!((kids(&set, 19).len(), kids(&set, 20).len()), (3, 1));
    assert_eq!(&*KeySet::new(Vec::new()).jwks(Timestamp(0)), br#"{"keys":[]}"#);
}

#[test]
fn only_public_members_are_published() {
    let set = KeySet::new(vec![row("a", times(0, None, None))]);
    let jwks: Value = serde_json::from_slice(&set.jwks(Timestamp(0))).expect("JSON");
    let key = jwks["keys"][0].as_object().expect("an object");
    let mut members: Vec<_> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!((&key["use"], &key["alg"]), (&"sig".into(), &"EdDSA".into()));
}

#[test]
fn a_damaged_key_neither_signs_nor_lets_an_older_one_sign() {
    let mut damaged = row("damaged", times(1, None, None));
    damaged.pkcs8.truncate(10);
    let set = KeySet::new(vec![row("fine", times(0, None, None)), damaged]);
    assert!(set.signing_key(SigningAlg::EdDSA, Timestamp(0)).is_some());
    assert!(set.signing_key(SigningAlg::EdDSA, Timestamp(1)).is_none());
}

#[test]
fn the_windows_are_longer_than_what_they_cover() {
    assert!(PUBLISHED_AHEAD >= JWKS_MAX_AGE + Duration::from_secs(300));
    assert!(PUBLISHED_AFTER > Duration::from_secs(u64::from(LONGEST_TOKEN)));
}

proptest! {
    #[test]
    fn a_key_signs_for_its_days_less_a_tenth_at_most(days in 0_u32..=365, jitter in any::<u16>()) {
        let from = Timestamp::from_secs(1_000_000);
        let Some(due) = rotates_at(from, days, jitter) else {
            prop_assert_eq!(days, 0);
            return Ok(());
        };
        // What is published when it is due takes over that much later.
        let signs_for = due.plus(PUBLISHED_AHEAD).since(from);
        let period = Duration::from_secs(86_400) * days;
        prop_assert!(signs_for <= period && signs_for >= period / 10 * 9);
        prop_assert_eq!(jitter == 0, signs_for == period);
    }
}
