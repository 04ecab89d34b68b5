//! Attributes and tags: what Cedar can hold, in its JSON format.
//!
//! `true`, whole numbers, texts, lists (which are sets) and objects (records). `{"type", "id"}`,
//! both texts, or `{"__entity": {"type", "id"}}`, is a reference to an entity, and
//! `{"__extn": {"fn", "arg"}}` a value of an extension.

use bailiwick_domain::application::Mistake;
use bailiwick_domain::authz::{is_entity_id, is_entity_type};
use bailiwick_domain::text::is_display_name;
use serde_json::{Map, Value};

use super::problem::Problem;

/// The most bytes of all attributes of a thing, as JSON.
const MOST_BYTES: usize = 16 * 1024;
/// How deep they may be nested, the attributes themselves counted.
const MOST_DEPTH: usize = 8;
/// The most bytes of a name.
const MOST_NAME: usize = 200;
/// After so many mistakes nobody reads on.
pub const MOST_MISTAKES: usize = 20;

/// Checks the name and the attributes of a thing that has these two.
///
/// # Errors
/// Every mistake.
pub fn check_named(name: &str, attributes: &Map<String, Value>) -> Result<(), Problem> {
    let mut mistakes = Vec::new();
    if !is_display_name(name) {
        mistakes.push(Mistake::new("name", "must be 1 to 200 bytes without control characters"));
    }
    check("attributes", attributes, &mut mistakes);
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::mistakes(mistakes)) }
}

/// Checks attributes or tags, whose place is `path`.
pub fn check(path: &str, record: &Map<String, Value>, mistakes: &mut Vec<Mistake>) {
    if serde_json::to_string(record).map_or(true, |text| text.len() > MOST_BYTES) {
        mistakes.push(Mistake::new(path, "must be at most 16 KiB of JSON"));
        return;
    }
    members(path, record, 1, mistakes);
}

fn members(path: &str, record: &Map<String, Value>, depth: usize, mistakes: &mut Vec<Mistake>) {
    for (name, value) in record {
        if name.is_empty() || name.len() > MOST_NAME {
            mistakes.push(Mistake::new(path, "names must have 1 to 200 bytes"));
        } else {
            check_value(&format!("{path}.{name}"), value, depth, mistakes);
        }
    }
}

fn check_value(path: &str, value: &Value, depth: usize, mistakes: &mut Vec<Mistake>) {
    if mistakes.len() >= MOST_MISTAKES {
        return;
    }
    let mut wrong = |message: &str| mistakes.push(Mistake::new(path, message));
    match value {
        Value::Bool(_) | Value::String(_) => {}
        Value::Null => wrong("must not be null: leave it out"),
        Value::Number(number) if number.is_i64() => {}
        Value::Number(_) => wrong(
            "must be a whole number of 64 bits; for another one there is \
             {\"__extn\": {\"fn\": \"decimal\", \"arg\": \"1.5\"}}",
        ),
        Value::Array(_) | Value::Object(_) if depth >= MOST_DEPTH => {
            wrong("is nested too deeply: at most 8 levels");
        }
        Value::Array(list) => {
            for (n, value) in list.iter().enumerate() {
                check_value(&format!("{path}[{n}]"), value, depth + 1, mistakes);
            }
        }
        Value::Object(record) => {
            if let Some(name) = record.keys().find(|name| name.starts_with("__")) {
                let right = record.len() == 1
                    && record.get(name).and_then(Value::as_object).is_some_and(|inner| match name
                        .as_str()
                    {
                        "__entity" => is_reference(inner),
                        "__extn" => is_extension(inner),
                        _ => false,
                    });
                if !right {
                    wrong(
                        "must be {\"__entity\": {\"type\", \"id\"}} or \
                         {\"__extn\": {\"fn\", \"arg\"}}: no other name starts with __",
                    );
                }
            } else if !looks_like_reference(record) {
                members(path, record, depth + 1, mistakes);
            } else if !is_reference(record) {
                wrong("refers to no entity: the type is a name of Cedar, the id 1 to 512 bytes");
            }
        }
    }
}

/// Whether an object refers to an entity, and is no record: exactly `type` and `id`, both texts.
fn looks_like_reference(record: &Map<String, Value>) -> bool {
    record.len() == 2 && ["type", "id"].iter().all(|n| record.get(*n).is_some_and(Value::is_string))
}

fn is_reference(record: &Map<String, Value>) -> bool {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    record.len() == 2
        && text("type").is_some_and(is_entity_type)
        && text("id").is_some_and(is_entity_id)
}

fn is_extension(record: &Map<String, Value>) -> bool {
    record.len() == 2 && ["fn", "arg"].iter().all(|n| record.get(*n).is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(value: &Value) -> Vec<String> {
        let mut mistakes = Vec::new();
        check("attrs", value.as_object().expect("an object"), &mut mistakes);
        mistakes.into_iter().map(|m| m.path).collect()
    }

    #[test]
    fn what_cedar_can_hold_is_let_in() {
        for right in [
            json!({}),
            json!({ "a": true, "b": -7, "c": "", "d": [], "e": {}, "f": i64::MIN }),
            json!({ "owner": { "type": "User", "id": "a\"b" } }),
            json!({ "owner": { "__entity": { "type": "Crm::Deal", "id": "7" } } }),
            json!({ "price": { "__extn": { "fn": "decimal", "arg": "1.5" } } }),
            // Records: there is more in them, or a member is no text.
            json!({ "a": { "type": "invoice", "id": "1", "n": 1 } }),
            json!({ "a": { "type": "not a type", "id": 1 } }),
            json!({ "a b\n\u{202e}": [[{ "x": [1, "a"] }]] }),
        ] {
            assert_eq!(mistakes(&right), [""; 0], "{right}");
        }
    }

    #[test]
    fn what_it_cannot_hold_is_named() {
        let mut deep = json!(1);
        for _ in 0..8 {
            deep = json!({ "a": deep });
        }
        let seven = deep["a"].clone();
        assert_eq!(mistakes(&seven), [""; 0]);
        assert_eq!(mistakes(&deep), [""; 0], "the innermost is no container");
        assert_eq!(mistakes(&json!({ "a": deep })), ["attrs.a.a.a.a.a.a.a.a"]);
        for (wrong, path) in [
            (json!({ "a": null }), "attrs.a"),
            (json!({ "a": { "b": [1, 1.5] } }), "attrs.a.b[1]"),
            (json!({ "a": u64::MAX }), "attrs.a"),
            (json!({ "": 1 }), "attrs"),
            (json!({ "x".repeat(201): 1 }), "attrs"),
            (json!({ "a": "x".repeat(16_500) }), "attrs"),
            (json!({ "a": { "type": "Action", "id": "x" } }), "attrs.a"),
            (json!({ "a": { "type": "a b", "id": "x" } }), "attrs.a"),
            (json!({ "a": { "type": "A", "id": "" } }), "attrs.a"),
            (json!({ "a": { "type": "A", "id": "a\nb" } }), "attrs.a"),
            (json!({ "a": { "__entity": { "type": "A" } } }), "attrs.a"),
            (json!({ "a": { "__entity": { "type": "A", "id": "1", "x": 1 } } }), "attrs.a"),
            (json!({ "a": { "__entity": { "type": "A", "id": "1" }, "b": 1 } }), "attrs.a"),
            (json!({ "a": { "__extn": { "fn": "ip", "arg": 1 } } }), "attrs.a"),
            (json!({ "a": { "__expr": "1 + 1" } }), "attrs.a"),
        ] {
            assert_eq!(mistakes(&wrong), [path], "{wrong}");
        }
        let many: Map<String, Value> = (0..99).map(|n| (n.to_string(), Value::Null)).collect();
        assert_eq!(mistakes(&Value::Object(many)).len(), MOST_MISTAKES);
    }
}
