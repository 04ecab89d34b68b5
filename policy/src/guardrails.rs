//! The policies of the platform, above those of every tenant: guardrails, which only forbid, and one
//! that permits what the platform asks about itself.

use std::sync::{Arc, LazyLock};

use cedar_policy::PolicyId;

use crate::finding::sort;
use crate::layer::{Effect, LayerKind, PolicyInfo, Prepared};
use crate::parse::{Body, Item, MAX_TEXT, parse};
use crate::stack::roomy;
use crate::{Finding, Layer, Snapshot};

const FILE: &str = "guardrails.cedar";
const EMBEDDED: &str = include_str!("guardrails.cedar");
const TOKENS: &str = include_str!("tokens.cedar");

impl Layer {
    /// The id of the permission to issue tokens.
    pub(crate) const TOKEN_ISSUE: &'static str = "platform:token.issue";

    /// The guardrails of this binary, and its permission to issue tokens. Every decision takes them
    /// into account, whether or not they are handed in.
    #[must_use]
    pub fn guardrails() -> &'static Self {
        static LAYER: LazyLock<Layer> = LazyLock::new(|| {
            let embedded = roomy(|| {
                let mut prepared = assemble(EMBEDDED, Vec::new())?;
                let tokens = parse("tokens.cedar", TOKENS)?;
                prepared.extend(tokens.iter().filter_map(|item| prepare(item, &item.id)));
                Ok::<_, Vec<Finding>>(Layer::new(prepared))
            });
            embedded.expect("a test compiles what is embedded")
        });
        &LAYER
    }
}

/// Compiles the guardrails of an operator, for [`Snapshot::under`]. Their ids begin with
/// `guardrail:`, which is put in front of those that do not.
///
/// # Errors
/// What cannot be parsed, what permits, templates, and ids that are not their own.
pub fn compile_guardrails(text: &str) -> Result<Layer, Vec<Finding>> {
    let taken = Layer::guardrails().policies().map(|policy| policy.id.to_string()).collect();
    roomy(|| assemble(text, taken).map(Layer::new))
}

impl Snapshot {
    /// The same, below the guardrails of the operator too: every decision takes them into account,
    /// and so does everything else that is made of the snapshot.
    #[must_use]
    pub fn under(mut self, guardrails: Option<Arc<Layer>>) -> Self {
        if let Some(layer) = &guardrails {
            self.levels = self.levels.max(layer.levels());
        }
        self.guardrails = guardrails;
        self
    }
}

fn assemble(text: &str, mut ids: Vec<String>) -> Result<Vec<Prepared>, Vec<Finding>> {
    if text.len() > MAX_TEXT {
        return Err(vec![Finding::new(FILE, format!("more than {MAX_TEXT} bytes"))]);
    }
    let (mut found, mut prepared) = (Vec::new(), Vec::new());
    for item in parse(FILE, text)? {
        let id = match item.id.strip_prefix("guardrail:") {
            Some(_) => item.id.clone(),
            None => format!("guardrail:{}", item.id),
        };
        let wrong = |message: &str| Finding::new(FILE, message).policy(&id).at(text, item.start);
        if item.effect() == Effect::Permit {
            found.push(wrong("a guardrail only forbids"));
        }
        if ids.contains(&id) {
            found.push(wrong("another guardrail has this id"));
        }
        match prepare(&item, &id) {
            None => found.push(wrong("a guardrail has no slots")),
            some => prepared.extend(some),
        }
        ids.push(id);
    }
    if found.is_empty() {
        return Ok(prepared);
    }
    sort(&mut found);
    Err(found)
}

/// A policy under its id; none of a template.
fn prepare(item: &Item, id: &str) -> Option<Prepared> {
    let Body::Policy(policy) = &item.body else { return None };
    Some(Prepared {
        info: PolicyInfo { id: id.into(), ..item.info(LayerKind::Guardrails) },
        policy: policy.new_id(PolicyId::new(id)),
        link: None,
        referring: None,
        reach: item.reach(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guardrails_only_forbid() {
        let ids: Vec<&str> = Layer::guardrails().policies().map(|p| &*p.id).collect();
        assert_eq!(ids, ["guardrail:inactive-user", "platform:token.issue"]);
        let found = compile_guardrails(
            "@id(\"a\") permit(principal, action, resource);\n\
             @id(\"guardrail:a\") forbid(principal, action, resource);\n\
             forbid(principal == ?principal, action, resource);",
        );
        let found: Vec<String> = found.unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "guardrails.cedar:1:1: guardrail:a: a guardrail only forbids",
                "guardrails.cedar:2:1: guardrail:a: another guardrail has this id",
                "guardrails.cedar:3:1: guardrail:guardrails.cedar#2: a guardrail has no slots",
            ]
        );
        let again = "@id(\"inactive-user\") forbid(principal, action, resource);";
        let found = compile_guardrails(again).unwrap_err();
        assert_eq!(found[0].message, "another guardrail has this id");
        let one = compile_guardrails("forbid(principal, action, resource);").unwrap();
        let ids: Vec<_> = one.policies().map(|p| p.id.to_string()).collect();
        assert_eq!(ids, ["guardrail:guardrails.cedar#0"]);
    }
}
