//! The policies and templates in a text.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect as CedarEffect, Policy, PolicyId, PolicySet, Template};

use crate::analysis::Reach;
use crate::scan::{MAX_DEPTH, Statement, statements};
use crate::{Effect, Finding, LayerKind, PolicyInfo};

/// How many policies, templates and links there may be.
pub(crate) const MAX_POLICIES: usize = 2_000;
/// How long all texts together may be, in bytes.
pub(crate) const MAX_TEXT: usize = 1024 * 1024;
/// How long a single policy may be, in bytes.
const MAX_POLICY: usize = 64 * 1024;
const MAX_ID: usize = 200;
/// What the ids begin with that a tenant cannot give.
pub(crate) const RESERVED: [&str; 3] = ["guardrail:", "platform:", "role:"];

/// A policy or a template, with where it was written.
pub(crate) struct Item {
    pub id: String,
    pub file: String,
    /// Where it begins in its file.
    pub start: usize,
    /// From its first annotation to its semicolon.
    pub text: Arc<str>,
    pub body: Body,
}

/// What an item is.
pub(crate) enum Body {
    Policy(Policy),
    Template(Template),
}

impl Item {
    pub(crate) fn effect(&self) -> Effect {
        let effect = match &self.body {
            Body::Policy(policy) => policy.effect(),
            Body::Template(template) => template.effect(),
        };
        match effect {
            CedarEffect::Permit => Effect::Permit,
            CedarEffect::Forbid => Effect::Forbid,
        }
    }

    /// What is said of it when it is in force.
    pub(crate) fn info(&self, layer: LayerKind) -> PolicyInfo {
        PolicyInfo {
            id: Arc::from(self.id.as_str()),
            layer,
            file: Some(self.file.clone()),
            effect: self.effect(),
            annotations: self.annotations(),
            text: self.text.clone(),
        }
    }

    /// How far it looks.
    pub(crate) fn reach(&self) -> Reach {
        Reach::of(&self.text)
    }

    fn annotations(&self) -> Arc<BTreeMap<String, String>> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Arc::new(match &self.body {
            Body::Policy(policy) => policy.annotations().map(owned).collect(),
            Body::Template(template) => template.annotations().map(owned).collect(),
        })
    }

    fn renamed(self, id: String) -> Self {
        let body = match self.body {
            Body::Policy(policy) => Body::Policy(policy.new_id(PolicyId::new(&id))),
            Body::Template(template) => Body::Template(template.new_id(PolicyId::new(&id))),
        };
        Self { id, body, ..self }
    }
}

/// The policies and templates of a file. Their ids are what `@id` says, else the name of the file
/// with their number in it, from 0.
///
/// # Errors
/// Everything that cannot be parsed.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Item>, Vec<Finding>> {
    let statements = statements(text);
    let found = unfit(file, text, &statements);
    if !found.is_empty() {
        return Err(found);
    }
    let set = PolicySet::from_str(text).map_err(|errors| -> Vec<Finding> {
        errors.iter().map(|e| Finding::reported(file, text, &DetailedError::from(e))).collect()
    })?;
    let policies = set.policies().cloned().map(Body::Policy);
    let templates = set.templates().cloned().map(Body::Template);
    let mut items: Vec<(usize, Item)> = Vec::new();
    for body in policies.chain(templates) {
        let (given, annotated) = match &body {
            Body::Policy(policy) => (policy.id().to_string(), policy.annotation("id")),
            Body::Template(template) => (template.id().to_string(), template.annotation("id")),
        };
        // Cedar numbers the statements of a text as policy0, policy1 and so on.
        let number = given.strip_prefix("policy").and_then(|n| n.parse::<usize>().ok());
        let placed = number.and_then(|n| Some((n, statements.get(n)?)));
        let Some((number, statement)) = placed else {
            return Err(vec![Finding::new(
                file,
                "the statements of this file cannot be told apart",
            )]);
        };
        let id = annotated.map_or_else(|| format!("{file}#{number}"), str::to_owned);
        let text = text.get(statement.start..statement.end).unwrap_or_default();
        let item = Item {
            id: String::new(),
            file: file.to_owned(),
            start: statement.start,
            text: Arc::from(text),
            body,
        };
        items.push((number, item.renamed(id)));
    }
    items.sort_by_key(|(number, _)| *number);
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

/// What is not even parsed.
fn unfit(file: &str, text: &str, statements: &[Statement]) -> Vec<Finding> {
    if statements.len() > MAX_POLICIES {
        return vec![Finding::new(file, format!("more than {MAX_POLICIES} policies"))];
    }
    let mut found = Vec::new();
    for statement in statements {
        if statement.end - statement.start > MAX_POLICY {
            let message = format!("a policy has at most {} KiB", MAX_POLICY / 1024);
            found.push(Finding::new(file, message).at(text, statement.start));
        }
        if statement.depth > MAX_DEPTH {
            let help = "use several `when` clauses, or one set with `contains` or `in`, in place \
                        of many conditions in a row";
            let deep = Finding::new(file, "the condition is nested too deep").help(help);
            found.push(deep.at(text, statement.deepest));
        }
    }
    found
}

/// What is wrong with the id that a tenant gives to a policy.
pub(crate) fn bad_id(id: &str) -> Option<String> {
    if id.is_empty() || id.len() > MAX_ID || id.chars().any(char::is_control) {
        return Some(format!(
            "the id of a policy has 1 to {MAX_ID} bytes and no control characters"
        ));
    }
    let reserved = RESERVED.iter().find(|prefix| id.starts_with(**prefix))?;
    Some(format!("ids that begin with `{reserved}` are the platform's own"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_get_ids_from_annotations_or_places() {
        let text = "permit(principal, action, resource);\n\
                    // t;\n\
                    @id(\"share\") @why(\";\")\n\
                    permit(principal == ?principal, action, resource);\n\
                    forbid(principal, action, resource);";
        let items = parse("a.cedar", text).unwrap();
        let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["a.cedar#0", "share", "a.cedar#2"]);
        assert!(items[1].text.starts_with("@id(\"share\")") && items[1].text.ends_with(");"));
        assert!(matches!(items[1].body, Body::Template(_)));
        assert_eq!(items[2].effect(), Effect::Forbid);
        assert_eq!(items[1].annotations().get("why").map(String::as_str), Some(";"));
        assert!(parse("a", "// nothing").unwrap().is_empty());
    }

    #[test]
    fn every_mistake_of_a_file_is_reported() {
        let text = "permit(principal, action, resource) when { 1 = 2 };\n\
                    permit(principl, action, resource);\n\
                    permit(principal, action, resource)";
        let found = parse("a.cedar", text).err().unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|f| f.starts_with("a.cedar:3:36: unexpected end")), "{found:?}");
        let text = &text[..text.len() - 1];
        let found = parse("a.cedar", &format!("{text});")).err().unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(found[0].starts_with("a.cedar:1:44: '=' is not a valid operator"), "{found:?}");
        assert!(found[1].starts_with("a.cedar:2:8: found an invalid variable"), "{found:?}");
    }

    #[test]
    fn ids_are_bounded() {
        assert!(bad_id("guardrail:x").is_some());
        assert!(bad_id("role:x").is_some() && bad_id("platform:x").is_some());
        assert!(bad_id("").is_some());
        assert!(bad_id("a\nb").is_some());
        assert!(bad_id(&"x".repeat(201)).is_some());
        assert!(bad_id("my role: 1").is_none());
    }
}
