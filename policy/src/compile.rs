//! From texts to a snapshot, or to everything that is wrong with them.

use std::collections::{HashMap, HashSet};

use bailiwick_domain::authz::TOKEN_ISSUE;
use cedar_policy::{PolicyId, PolicySet};

use crate::analysis::levels_by_schema;
use crate::finding::{any_error, sort};
use crate::layer::Prepared;
use crate::links::{linked, template_of};
use crate::parse::{Body, Item, MAX_POLICIES, MAX_TEXT, bad_id, parse};
use crate::roles::{Generated, generate};
use crate::schema::Schema;
use crate::stack::roomy;
use crate::validate::validate;
use crate::{Bundle, Finding, Layer, LayerKind, Mode, RoleRule, Snapshot};

const MAX_FILE_NAME: usize = 200;

/// Compiles what a tenant wrote, together with its roles. Without a bundle there are only the
/// roles. The findings beside a snapshot are warnings.
///
/// # Errors
/// Everything that is wrong, with its place. In permissive mode what does not fit the schema is no
/// error but a warning.
pub fn compile(
    bundle: Option<&Bundle>,
    roles: &[RoleRule],
    mode: Mode,
) -> Result<(Snapshot, Vec<Finding>), Vec<Finding>> {
    roomy(|| assemble(bundle, roles, mode))
}

fn assemble(
    bundle: Option<&Bundle>,
    roles: &[RoleRule],
    mode: Mode,
) -> Result<(Snapshot, Vec<Finding>), Vec<Finding>> {
    let empty = Bundle::default();
    let given = bundle.unwrap_or(&empty);
    let (items, mut found) = items(given);
    let schema = schema(given, bundle.is_none(), mode, &mut found);
    let mut checked = PolicySet::new();
    let mut prepared: Vec<Prepared> =
        items.iter().filter_map(|i| i.prepare(&mut checked)).collect();
    prepared.extend(links(given, &items, &mut checked, &mut found));
    if let Some(schema) = &schema {
        found.extend(validate(schema, mode, &checked, &items, given));
    }
    let (generated, about_roles) = generate(roles, schema.as_ref());
    found.extend(about_roles);
    sort(&mut found);
    if any_error(&found) {
        return Err(found);
    }
    let levels = match &schema {
        Some(schema) => levels_by_schema(schema, &prepared),
        None => prepared.iter().map(|one| one.reach.levels).max().unwrap_or(0),
    };
    prepared.extend(generated.iter().filter_map(Generated::prepare));
    // A guess: what Cedar makes of a text is many times longer than the text.
    let texts = given.policies.values().chain(&given.schema).map(String::len).sum::<usize>();
    let weight = 4_096 + 16 * texts + 4_096 * prepared.len();
    let layer = Layer::new(prepared);
    let by_roles = if generated.is_empty() { 0 } else { 2 };
    let levels = levels.max(by_roles).max(Layer::guardrails().levels());
    Ok((Snapshot { mode, schema, layer, guardrails: None, levels, weight }, found))
}

/// The policies and templates that can be used, each with an id of its own, and what is wrong with
/// the others.
pub(crate) fn items(bundle: &Bundle) -> (Vec<Item>, Vec<Finding>) {
    let mut found = limits(bundle);
    if any_error(&found) {
        return (Vec::new(), found);
    }
    let mut items = Vec::new();
    for (file, text) in &bundle.policies {
        match parse(file, text) {
            Ok(more) => items.extend(more),
            Err(errors) => found.extend(errors),
        }
    }
    if items.len() + bundle.links.len() > MAX_POLICIES {
        let message = format!("there are more than {MAX_POLICIES} policies, templates and links");
        return (Vec::new(), vec![Finding::new("policies", message)]);
    }
    let items = unique(items, bundle, &mut found);
    (items, found)
}

/// What is refused before anything is parsed.
fn limits(bundle: &Bundle) -> Vec<Finding> {
    let mut found = Vec::new();
    let texts = bundle.policies.values().chain(&bundle.schema).map(String::len);
    if texts.sum::<usize>() > MAX_TEXT {
        let message = format!("all texts together have more than {} KiB", MAX_TEXT / 1024);
        found.push(Finding::new("policies", message));
    }
    if bundle.links.len() > MAX_POLICIES {
        found.push(Finding::new("links", format!("there are more than {MAX_POLICIES} links")));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    for file in bundle.policies.keys() {
        if file.len() > MAX_FILE_NAME || !file.ends_with(".cedar") || !file.chars().all(plain) {
            let message = format!(
                "a file is called `name.cedar`, in at most {MAX_FILE_NAME} letters, digits and \
                 any of . _ - /",
            );
            found.push(Finding::new(file, message));
        }
    }
    found
}

/// The schema, where there is or should be one.
fn schema(
    bundle: &Bundle,
    nothing_yet: bool,
    mode: Mode,
    found: &mut Vec<Finding>,
) -> Option<Schema> {
    let text = match (&bundle.schema, mode) {
        (Some(text), _) => text.as_str(),
        (None, Mode::Strict) if nothing_yet => "",
        (None, Mode::Strict) => {
            let help = "add a schema, or choose permissive mode";
            found.push(Finding::new("schema", "strict mode needs a schema").help(help));
            return None;
        }
        (None, Mode::Permissive) => return None,
    };
    let tokens = bundle.policies.values().any(|policies| policies.contains(TOKEN_ISSUE));
    match Schema::parse(text, tokens) {
        Ok(schema) => {
            found.extend(schema.warnings.iter().cloned());
            Some(schema)
        }
        Err(errors) => {
            found.extend(errors);
            None
        }
    }
}

/// Leaves out what has no id of its own.
fn unique(items: Vec<Item>, bundle: &Bundle, found: &mut Vec<Finding>) -> Vec<Item> {
    let mut places: HashMap<String, (String, usize)> = HashMap::new();
    let mut kept = Vec::new();
    for item in items {
        // Counting lines takes as long as the text is: only where there is something to say.
        let here = |(file, start): (&str, usize), message: String| {
            let text = bundle.policies.get(file).map_or("", String::as_str);
            Finding::new(file, message).policy(&item.id).at(text, start)
        };
        if let Some(message) = bad_id(&item.id) {
            found.push(here((&item.file, item.start), message));
        } else if let Some((file, start)) = places.get(&item.id) {
            let other = here((file, *start), String::new()).line;
            let line = other.map_or_else(String::new, |line| format!(", line {line}"));
            let message = format!("`{}` is the id of another policy", item.id.escape_debug());
            let finding = here((&item.file, item.start), message);
            found.push(finding.help(format!("the other is in {file}{line}")));
        } else {
            places.insert(item.id.clone(), (item.file.clone(), item.start));
            kept.push(item);
        }
    }
    kept
}

/// The policies that the links make.
fn links(
    bundle: &Bundle,
    items: &[Item],
    checked: &mut PolicySet,
    found: &mut Vec<Finding>,
) -> Vec<Prepared> {
    let mut ids: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    // A template that is not there may be in a file that could not be parsed.
    let complete = !any_error(found);
    let mut made = Vec::new();
    for link in &bundle.links {
        let here = |message: String| Finding::new("links", message).policy(&link.id);
        if let Some(message) = bad_id(&link.id) {
            found.push(here(message));
            continue;
        }
        if !ids.insert(&link.id) {
            let message = format!("`{}` is the id of another policy", link.id.escape_debug());
            found.push(here(message));
            continue;
        }
        match template_of(link, items) {
            Ok((item, template)) => match linked(link, item, template, checked) {
                Ok(one) => made.push(one),
                Err(finding) => found.push(finding),
            },
            Err(finding) if complete || finding.help.is_some() => found.push(finding),
            Err(_) => {}
        }
    }
    made
}

impl Item {
    /// A policy for a layer, when it is none that a link has to complete. Either goes into the set
    /// that is validated.
    fn prepare(&self, checked: &mut PolicySet) -> Option<Prepared> {
        let added = match &self.body {
            Body::Policy(policy) => checked.add(policy.clone()),
            Body::Template(template) => checked.add_template(template.clone()),
        };
        added.expect("the ids are unique");
        let Body::Policy(policy) = &self.body else { return None };
        Some(Prepared {
            info: self.info(LayerKind::Tenant),
            policy: policy.clone(),
            link: None,
            referring: None,
            reach: self.reach(),
        })
    }
}

impl Generated {
    fn prepare(&self) -> Option<Prepared> {
        let item = parse(&self.id, &self.text).ok()?.pop()?;
        let Body::Policy(policy) = &item.body else { return None };
        let mut info = item.info(LayerKind::Roles);
        info.file = None;
        let policy = policy.new_id(PolicyId::new(&self.id));
        let referring = self.referring.clone();
        Some(Prepared { info, policy, link: None, referring, reach: item.reach() })
    }
}

#[cfg(test)]
pub(crate) mod tests;
