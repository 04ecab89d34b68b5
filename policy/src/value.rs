//! Values of attributes and contexts, from JSON.

use cedar_policy::RestrictedExpression;
use serde_json::{Map, Value};

use crate::{Fault, Uid};

/// Bytes of a reference to an entity without its id, about.
pub(crate) const NAMED: usize = 300;
/// How deep sets and records may be nested.
const MAX_DEPTH: usize = 32;

/// The extension functions, with the types that they make.
pub(crate) const EXTENSIONS: [(&str, &str); 4] =
    [("ip", "ipaddr"), ("decimal", "decimal"), ("datetime", "datetime"), ("duration", "duration")];

/// What an object in JSON stands for.
pub(crate) enum Shape<'a> {
    /// `{"type", "id"}`, or the same in `{"__entity"}`.
    Entity(&'a str, &'a str),
    /// `{"__extn": {"fn", "arg"}}`.
    Extension(&'a str, &'a str),
    Record,
}

/// What an object stands for.
///
/// # Errors
/// What is wrong with an object that has one of the reserved members.
pub(crate) fn shape(object: &Map<String, Value>) -> Result<Shape<'_>, &'static str> {
    if let Some((kind, id)) = two_strings(object, "type", "id") {
        return Ok(Shape::Entity(kind, id));
    }
    if let Some(inner) = object.get("__entity") {
        let parts = inner.as_object().and_then(|o| two_strings(o, "type", "id"));
        return match parts {
            Some((kind, id)) if object.len() == 1 => Ok(Shape::Entity(kind, id)),
            _ => Err("`__entity` is an object with `type` and `id`, and stands alone"),
        };
    }
    if let Some(inner) = object.get("__extn") {
        let parts = inner.as_object().and_then(|o| two_strings(o, "fn", "arg"));
        return match parts {
            Some((name, arg)) if object.len() == 1 => Ok(Shape::Extension(name, arg)),
            _ => Err("`__extn` is an object with `fn` and `arg`, and stands alone"),
        };
    }
    if object.contains_key("__expr") {
        return Err("`__expr` is not supported");
    }
    Ok(Shape::Record)
}

fn two_strings<'a>(
    object: &'a Map<String, Value>,
    first: &str,
    second: &str,
) -> Option<(&'a str, &'a str)> {
    if object.len() != 2 {
        return None;
    }
    Some((object.get(first)?.as_str()?, object.get(second)?.as_str()?))
}

/// Collects what a conversion comes across.
#[derive(Default)]
pub(crate) struct Conversion {
    pub faults: Vec<Fault>,
    /// The entities that the values refer to.
    pub references: Vec<Uid>,
    /// Bytes that the values take, about.
    pub weight: usize,
    depth: usize,
}

impl Conversion {
    /// The members of an object, each converted.
    pub(crate) fn members(
        &mut self,
        members: &Map<String, Value>,
        path: &str,
    ) -> Vec<(String, RestrictedExpression)> {
        self.weight += tree(members.len()) + members.keys().map(String::len).sum::<usize>();
        let convert = |(name, value): (&String, &Value)| {
            let value = self.value(value, &join(path, name))?;
            Some((name.clone(), value))
        };
        members.iter().filter_map(convert).collect()
    }

    pub(crate) fn value(&mut self, value: &Value, path: &str) -> Option<RestrictedExpression> {
        let made = match value {
            Value::Bool(value) => Ok(RestrictedExpression::new_bool(*value)),
            Value::String(value) => {
                self.weight += value.len();
                Ok(RestrictedExpression::new_string(value.clone()))
            }
            Value::Number(number) => number
                .as_i64()
                .map(RestrictedExpression::new_long)
                .ok_or_else(|| "a number is a whole number of 64 bits".to_owned()),
            Value::Null => Err("null is no value: leave the member out".to_owned()),
            Value::Array(_) | Value::Object(_) if self.depth >= MAX_DEPTH => {
                Err(format!("nested more than {MAX_DEPTH} deep"))
            }
            Value::Array(values) => {
                self.depth += 1;
                self.weight += tree(values.len());
                let convert =
                    |(at, value): (usize, &Value)| self.value(value, &join(path, &at.to_string()));
                let values: Vec<_> = values.iter().enumerate().filter_map(convert).collect();
                self.depth -= 1;
                Ok(RestrictedExpression::new_set(values))
            }
            Value::Object(object) => self.object(object, path),
        };
        made.map_err(|message| self.faults.push(Fault::new(path, message))).ok()
    }

    fn object(
        &mut self,
        object: &Map<String, Value>,
        path: &str,
    ) -> Result<RestrictedExpression, String> {
        match shape(object)? {
            Shape::Entity(kind, id) => {
                let uid = Uid::new(kind, id).map_err(|e| e.to_string())?;
                self.weight += NAMED + id.len();
                let value = RestrictedExpression::new_entity_uid(uid.cedar().clone());
                self.references.push(uid);
                Ok(value)
            }
            Shape::Extension(name, arg) => {
                self.weight += NAMED + arg.len();
                match name {
                    "ip" => Ok(RestrictedExpression::new_ip(arg)),
                    "decimal" => Ok(RestrictedExpression::new_decimal(arg)),
                    "datetime" => Ok(RestrictedExpression::new_datetime(arg)),
                    "duration" => Ok(RestrictedExpression::new_duration(arg)),
                    _ => Err("`fn` is `ip`, `decimal`, `datetime` or `duration`".to_owned()),
                }
            }
            Shape::Record => {
                self.depth += 1;
                let members = self.members(object, path);
                self.depth -= 1;
                RestrictedExpression::new_record(members).map_err(|e| e.to_string())
            }
        }
    }
}

/// Bytes of a tree of values, about: its nodes have room for eleven.
const fn tree(values: usize) -> usize {
    match values {
        0 => 0,
        1..12 => 1_400,
        n => 200 * n,
    }
}

/// A member of a place in a document, as in a JSON pointer (RFC 6901).
pub(crate) fn join(path: &str, member: &str) -> String {
    format!("{path}/{}", member.replace('~', "~0").replace('/', "~1"))
}
