//! What differs between two JSON values, by path.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// One difference. `null` stands for what is not there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where: `lifetimes.code`.
    pub path: String,
    /// Before.
    pub from: Value,
    /// After.
    pub to: Value,
}

impl Difference {
    /// The same, below a key.
    #[must_use]
    pub(super) fn below(self, key: &str) -> Self {
        Self { path: format!("{key}.{}", self.path), ..self }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, from, to } = self;
        match (from, to) {
            (Value::Null, to) => write!(f, "{path}: {to}"),
            (from, Value::Null) => write!(f, "{path}: {from} is taken away"),
            (from, to) => write!(f, "{path}: {from} becomes {to}"),
        }
    }
}

/// Everything that differs: objects member by member, anything else as a whole.
#[must_use]
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut out = Vec::new();
    compare("", before, after, &mut out);
    out
}

fn compare(path: &str, before: &Value, after: &Value, out: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                compare(&below, &of(a), &of(b), out);
            }
        }
        _ if before == after => {}
        _ => {
            out.push(Difference { path: path.to_owned(), from: before.clone(), to: after.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn members_one_by_one_and_lists_as_a_whole() {
        let before = json!({ "a": 1, "b": { "c": [1], "d": 2 }, "e": "x" });
        let after = json!({ "a": 1, "b": { "c": [1, 2], "d": 2 }, "f": true });
        let lines: Vec<_> = differences(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["b.c: [1] becomes [1,2]", "e: \"x\" is taken away", "f: true"]);
        assert!(differences(&before, &before).is_empty());
    }
}
