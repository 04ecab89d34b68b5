//! The schema of a tenant: what it declares itself, joined with what the platform declares.

mod conform;
mod model;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{SchemaFragment, schema_str_to_json_with_resolved_types};
use serde_json::{Map, Value};

use bailiwick_domain::authz::TOKEN_ISSUE;

use crate::Finding;
use crate::scan::{MAX_DEPTH, schema_depth, tokens};
use crate::uid::PLATFORM_TYPES;
pub(crate) use model::Action;
use model::{MAX_LEVELS, Model};

const PLATFORM: &str = include_str!("platform.cedarschema");
const TOKENS: &str = include_str!("tokens.cedarschema");

/// The common types of the platform that a tenant may declare itself.
const ATTRIBUTES: [&str; 3] = ["GroupAttributes", "OrganizationAttributes", "UserAttributes"];

const MAX_TYPES: usize = 1_000;
const MAX_ACTIONS: usize = 2_000;
/// How many combinations of principal type, action and resource type there may be: each policy is
/// validated for each of them.
const MAX_ENVIRONMENTS: usize = 5_000;
/// How many types there may be when every name is replaced by what it stands for. Names that refer
/// to names double with each line otherwise.
const MAX_SIZE: u64 = 50_000;

/// A schema that can be used.
pub(crate) struct Schema {
    pub cedar: cedar_policy::Schema,
    pub warnings: Vec<Finding>,
    /// With what the platform declares.
    pub text: String,
    model: Model,
}

impl Schema {
    /// Reads what a tenant declares. The action of tokens is there only for policies that name it:
    /// every policy that names no action would have to fit it as well.
    pub(crate) fn parse(tenant: &str, tokens: bool) -> Result<Self, Vec<Finding>> {
        if schema_depth(tenant) > MAX_DEPTH {
            return Err(vec![finding("types are nested too deep")]);
        }
        let report = |error: &DetailedError| reported(tenant, error);
        let (fragment, _) = SchemaFragment::from_cedarschema_str(tenant)
            .map_err(|e| report(&DetailedError::from(&e)))?;
        let own = fragment.to_json_value().map_err(|e| report(&DetailedError::from(&e)))?;
        let found = platform_types(tenant, &own);
        if !found.is_empty() {
            return Err(found);
        }
        too_large(&own)?;
        let joined = join(tenant, &own) + if tokens { TOKENS } else { "" };
        let (json, warnings) = schema_str_to_json_with_resolved_types(&joined)
            .map_err(|e| report(&DetailedError::from(&e)))?;
        let warnings = warnings.iter().flat_map(|w| report(&DetailedError::from(w)));
        let warnings = warnings.map(Finding::warning).collect();
        let mut model = Model::read(&json);
        let size = model.size();
        if size.count > MAX_SIZE || size.levels > MAX_LEVELS {
            return Err(vec![finding("types that refer to types make this schema too large")]);
        }
        let (cedar, _) = cedar_policy::Schema::from_cedarschema_str(&joined)
            .map_err(|e| report(&DetailedError::from(&e)))?;
        model.resolve(&cedar, &json).map_err(|message| vec![finding(message)])?;
        Ok(Self { cedar, warnings, text: joined, model })
    }
}

fn finding(message: impl Into<String>) -> Finding {
    Finding::new("schema", message)
}

/// The tenant's text stays in front, so that its lines keep their numbers.
fn join(tenant: &str, own: &Value) -> String {
    let declared = members(own, "", "commonTypes");
    let missing =
        ATTRIBUTES.iter().filter(|name| !declared.is_some_and(|d| d.contains_key(**name)));
    let missing: String = missing.map(|name| format!("type {name} = {{}};\n")).collect();
    format!("{tenant}\n{missing}{PLATFORM}")
}

fn members<'a>(json: &'a Value, namespace: &str, kind: &str) -> Option<&'a Map<String, Value>> {
    json.get(namespace)?.get(kind)?.as_object()
}

/// What the tenant declares although it is the platform's.
fn platform_types(text: &str, own: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    for kind in ["entityTypes", "commonTypes"] {
        for name in members(own, "", kind).into_iter().flat_map(Map::keys) {
            if PLATFORM_TYPES.contains(&name.as_str()) {
                let message = format!("the platform declares `{name}` itself");
                let help = "use it without declaring it; attributes of your own go into \
                            `type UserAttributes`, `OrganizationAttributes` or `GroupAttributes`";
                found.push(place(text, name, finding(message).help(help)));
            }
        }
    }
    if members(own, "", "actions").is_some_and(|actions| actions.contains_key(TOKEN_ISSUE)) {
        let message = format!("the platform declares the action `{TOKEN_ISSUE}` itself");
        found.push(place(text, TOKEN_ISSUE, finding(message)));
    }
    for name in ATTRIBUTES {
        let declared = members(own, "", "commonTypes").and_then(|types| types.get(name));
        let record = |json: &Value| json.get("type").is_some_and(|kind| kind == "Record");
        if declared.is_some_and(|json| !record(json)) {
            let message = format!("`{name}` is a record: `type {name} = {{ .. }};`");
            found.push(place(text, name, finding(message)));
        }
    }
    found
}

fn too_large(own: &Value) -> Result<(), Vec<Finding>> {
    let namespaces = || own.as_object().into_iter().flat_map(Map::values);
    let all = |kind: &'static str| {
        namespaces().filter_map(move |space| space.get(kind)?.as_object()).flat_map(Map::values)
    };
    let types = all("entityTypes").count() + all("commonTypes").count();
    let length = |action: &Value, of: &str| {
        action.get("appliesTo").and_then(|a| a.get(of)?.as_array()).map_or(0, Vec::len)
    };
    let environments = all("actions")
        .map(|action| length(action, "principalTypes") * length(action, "resourceTypes"))
        .fold(0, usize::saturating_add);
    let limits = [
        (types, MAX_TYPES, "types"),
        (all("actions").count(), MAX_ACTIONS, "actions"),
        (environments, MAX_ENVIRONMENTS, "combinations of principal, action and resource"),
    ];
    let over = |(count, limit, what): &(usize, usize, &str)| {
        (count > limit)
            .then(|| finding(format!("a schema has at most {limit} {what}, and this has {count}")))
    };
    let found: Vec<Finding> = limits.iter().filter_map(over).collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn reported(text: &str, error: &DetailedError) -> Vec<Finding> {
    let mut found = vec![Finding::reported("schema", text, error)];
    found.extend(error.related.iter().map(|related| Finding::reported("schema", text, related)));
    let locate = |found: Finding| match found.line {
        Some(_) => found,
        None => {
            let quoted = found.message.rsplit(['"', '`']).nth(1).unwrap_or_default().to_owned();
            place(text, &quoted, found)
        }
    };
    found.into_iter().map(locate).collect()
}

/// Gives a finding the place where a name is first written.
fn place(text: &str, name: &str, found: Finding) -> Finding {
    let named = |token: &str| token == name || token.trim_matches('"') == name;
    match tokens(text).find(|token| named(token.text)) {
        Some(token) => found.at(text, token.start),
        None => found,
    }
}

#[cfg(test)]
mod tests;
