//! Claims about the user: which ones a scope or the `claims` parameter releases, and their shapes
//! (Core 5).
//!
//! A tenant's own claims (those that Core 5.1 does not define) are released by a scope of the same
//! name. A claim that the `claims` parameter asks for is released only when the application is
//! registered for the scope that covers it, and the user consents to that scope: otherwise the
//! parameter would be a way around both.

use bailiwick_domain::application::ResponseType;
use bailiwick_domain::user::{RESERVED_CLAIMS, User};
use bailiwick_domain::{ScopeSet, scope};
use serde_json::{Map, Value};

mod request;

pub use request::{ClaimsRequest, Wish};

/// The shape that Core 5.1 gives to a claim.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Boolean,
    Number,
    /// An object with text members (Core 5.1.1).
    Address,
}

/// Every claim of Core 5.1 but `sub`, with the scope of Core 5.4 that covers it.
const STANDARD: [(&str, &str, Shape); 19] = [
    ("name", "profile", Shape::Text),
    ("family_name", "profile", Shape::Text),
    ("given_name", "profile", Shape::Text),
    ("middle_name", "profile", Shape::Text),
    ("nickname", "profile", Shape::Text),
    ("preferred_username", "profile", Shape::Text),
    ("profile", "profile", Shape::Text),
    ("picture", "profile", Shape::Text),
    ("website", "profile", Shape::Text),
    ("gender", "profile", Shape::Text),
    ("birthdate", "profile", Shape::Text),
    ("zoneinfo", "profile", Shape::Text),
    ("locale", "profile", Shape::Text),
    ("updated_at", "profile", Shape::Number),
    ("email", "email", Shape::Text),
    ("email_verified", "email", Shape::Boolean),
    ("address", "address", Shape::Address),
    ("phone_number", "phone", Shape::Text),
    ("phone_number_verified", "phone", Shape::Boolean),
];

/// The names of the claims of Core 5.1 but `sub`, for discovery.
pub fn standard_names<'a>() -> impl Iterator<Item = &'a str> {
    STANDARD.iter().map(|(name, ..)| *name)
}

/// The scope that covers a claim; none for a claim that no scope releases.
#[must_use]
pub fn scope_of(claim: &str) -> Option<&str> {
    if let Some((_, scope, _)) = STANDARD.iter().find(|(name, ..)| *name == claim) {
        return Some(scope);
    }
    let own = !RESERVED_CLAIMS.contains(&claim) && !scope::STANDARD.contains(&claim);
    own.then_some(claim)
}

/// The claims of the userinfo answer (Core 5.3.2): `sub` as this application sees it, what the
/// scopes release (Core 5.4), and what the `claims` parameter asks for. A claim without a value
/// is left out.
#[must_use]
pub fn userinfo(
    user: &User,
    sub: &str,
    scopes: &ScopeSet,
    request: &ClaimsRequest,
) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("sub".into(), sub.into());
    out.extend(released(user, scopes));
    out.extend(request.userinfo.iter().filter_map(|wish| asked(user, wish)));
    out
}

/// The claims about the user in an ID token, beside those that every ID token has.
///
/// What the scopes release is there only when no access token is issued, with which to ask at
/// userinfo (Core 5.4); what the `claims` parameter asks for in the ID token always is.
#[must_use]
pub fn id_token_claims(
    user: &User,
    scopes: &ScopeSet,
    request: &ClaimsRequest,
    response_type: ResponseType,
) -> Map<String, Value> {
    let mut out = Map::new();
    if response_type == ResponseType::IdToken {
        out.extend(released(user, scopes));
    }
    out.extend(request.id_token.iter().filter_map(|wish| asked(user, wish)));
    out
}

fn released(user: &User, scopes: &ScopeSet) -> impl Iterator<Item = (String, Value)> {
    standard_names()
        .chain(user.claims.keys().map(String::as_str))
        .filter(|name| scope_of(name).is_some_and(|scope| scopes.contains(scope)))
        .filter_map(|name| Some((name.to_owned(), value(user, name)?)))
}

/// Core 5.5.1: a claim with another value than the one asked for is not what was asked for.
fn asked(user: &User, (name, wish): (&String, &Wish)) -> Option<(String, Value)> {
    let value = value(user, name).filter(|value| wish.accepts(value))?;
    Some((name.clone(), value))
}

/// The value of a claim, when the user has one of the right shape.
fn value(user: &User, name: &str) -> Option<Value> {
    let value = match name {
        "email" => Value::from(user.email.clone()?),
        "email_verified" => user.email.as_ref().map(|_| Value::from(user.email_verified))?,
        "updated_at" => Value::from(user.updated_at.as_secs()),
        "name" if user.name.is_some() => Value::from(user.name.clone()),
        "phone_number_verified" if value(user, "phone_number").is_none() => return None,
        own if scope_of(own).is_none() => return None,
        other => user.claims.get(other)?.clone(),
    };
    match STANDARD.iter().find(|(standard, ..)| *standard == name) {
        Some((.., Shape::Text)) => not_empty(value).filter(Value::is_string),
        Some((.., Shape::Boolean)) => Some(value).filter(Value::is_boolean),
        Some((.., Shape::Number)) => Some(value).filter(Value::is_number),
        Some((.., Shape::Address)) => address(value),
        None => not_empty(value),
    }
}

fn address(value: Value) -> Option<Value> {
    let Value::Object(mut members) = value else { return None };
    members.retain(|_, member| member.as_str().is_some_and(|text| !text.is_empty()));
    not_empty(members.into())
}

/// Core 5.3.2: a claim without a value is omitted, never null or empty.
fn not_empty(value: Value) -> Option<Value> {
    let empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    (!empty).then_some(value)
}

#[cfg(test)]
mod tests;
