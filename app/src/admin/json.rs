//! JSON bodies, strictly: one media type, no repeated member, no NUL, and every mistake with its
//! path.

use std::fmt;

use actix_web::{HttpRequest, web};
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::problem::{Problem, Reason};
use crate::crypto::sha256;
use crate::http::body::{self, BodyError, MAX_JSON};

/// The media type of documents.
pub const JSON: &str = "application/json";
/// The media type of patches (RFC 7396 4).
pub const MERGE_PATCH: &str = "application/merge-patch+json";

/// A body that was read.
pub struct Body {
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// What it says.
    pub value: Value,
}

/// Reads a body of at most 512 KiB.
///
/// # Errors
/// The problem that it has.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    media: &str,
) -> Result<Body, Problem> {
    if !body::is_media(request, media) {
        return Err(Problem::new(Reason::MediaType, format!("the body must be {media}")));
    }
    let read = body::read(request, &mut payload.into_inner(), MAX_JSON).await;
    let bytes = read.map_err(|e| match e {
        BodyError::TooLarge => Problem::new(Reason::TooLarge, "at most 512 KiB"),
        BodyError::Broken => Problem::mistake("", "the body is cut off"),
    })?;
    Ok(Body { hash: sha256(&bytes), value: parse(&bytes)? })
}

/// Parses a document.
///
/// # Errors
/// Where it is malformed, repeats a member, or holds a NUL.
pub fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Strict(value) = serde_path_to_error::deserialize(&mut json).map_err(|e| mistake(&e))?;
    json.end().map_err(|e| Problem::mistake("", e.to_string()))?;
    Ok(value)
}

/// Reads a value as what an endpoint takes.
///
/// # Errors
/// Where it has another shape, or a member that is not known.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    // serde would read a list as the members in their order.
    if !value.is_object() {
        return Err(Problem::mistake("", "must be an object"));
    }
    serde_path_to_error::deserialize(value).map_err(|e| mistake(&e))
}

/// Applies a merge patch (RFC 7396 2).
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn mistake(e: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = e.path().to_string();
    // "." is the document, and "?" a member whose name was not read to its end.
    let path = path.trim_end_matches('?').trim_end_matches('.');
    Problem::mistake(path, e.inner().to_string())
}

/// A JSON value whose objects have each member once.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

fn text<E: de::Error>(text: String) -> Result<String, E> {
    // PostgreSQL cannot store it, and nobody needs it.
    if text.contains('\0') { Err(E::custom("must not hold a NUL character")) } else { Ok(text) }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Value, E> {
        self.visit_string(v.to_owned())
    }

    fn visit_string<E: de::Error>(self, v: String) -> Result<Value, E> {
        text(v).map(Value::String)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let name = text(name)?;
            let seed = Member { repeated: members.contains_key(&name) };
            let value = map.next_value_seed(seed)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// A member's value: refused here, and not at its name, so that the path of the mistake names it.
struct Member {
    repeated: bool,
}

impl<'de> DeserializeSeed<'de> for Member {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        if self.repeated {
            return Err(de::Error::custom("is given more than once"));
        }
        Strict::deserialize(d).map(|Strict(value)| value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wrong(text: &str) -> (String, String) {
        let problem = parse(text.as_bytes()).expect_err(text);
        assert_eq!(problem.reason, Reason::Invalid);
        let mistake = problem.errors.into_iter().next().expect("a mistake");
        (mistake.path, mistake.message)
    }

    #[test]
    fn mistakes_have_their_path() {
        for (text, path, says) in [
            (r#"{"a":1,"a":2}"#, "a", "more than once"),
            (r#"{"a":{"b":[0,{"c":1,"c":1}]}}"#, "a.b[1].c", "more than once"),
            (r#"{"a":["x\u0000"]}"#, "a[0]", "NUL"),
            (r#"{"a\u0000":1}"#, "", "NUL"),
            (r#"{"a":1} x"#, "", "trailing"),
            (r#"{"a":"#, "a", "EOF"),
            ("", "", "EOF"),
            ("\u{feff}{}", "", "expected value"),
        ] {
            let (at, message) = wrong(text);
            assert_eq!(at, path, "{text} {message}");
            assert!(message.contains(says), "{text}: {message}");
        }
        assert!(parse(&[b'"', 0xff, b'"']).is_err(), "not UTF-8");
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err(), "too deep");
    }

    #[test]
    fn merging_is_that_of_the_rfc() {
        // RFC 7396, appendix A.
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), Value::Null, Value::Null),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} {patch}");
        }
    }

    proptest! {
        #[test]
        fn parsing_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_not_repeated_comes_back(names in proptest::collection::hash_set("[a-c]{1,2}", 0..5)) {
            let object: Map<String, Value> =
                names.into_iter().map(|name| (name, json!([1, -1, 1.5, "x", null, {}]))).collect();
            let object = Value::Object(object);
            prop_assert_eq!(parse(object.to_string().as_bytes()), Ok(object));
        }
    }
}
