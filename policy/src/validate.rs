//! Whether policies fit the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{PolicyId, PolicySet, ValidationMode, Validator};

use crate::finding::suggest;
use crate::parse::Item;
use crate::schema::Schema;
use crate::{Bundle, Finding, Mode};

/// How often the validator may look at a policy; some microseconds each time.
const MAX_CHECKS: u64 = 500_000;

/// Everything that the validator has to say, with its place.
pub(crate) fn validate(
    schema: &Schema,
    mode: Mode,
    checked: &PolicySet,
    items: &[Item],
    bundle: &Bundle,
) -> Vec<Finding> {
    let files: HashMap<&str, &str> =
        items.iter().map(|item| (item.id.as_str(), item.file.as_str())).collect();
    // What is wrong with a policy that a link makes is shown in its template.
    let file = |id: &PolicyId| {
        let template = checked.policy(id).and_then(|policy| policy.template_id());
        let id: &str = template.unwrap_or(id).as_ref();
        files.get(id).copied().unwrap_or("links")
    };
    let finding = |id: &PolicyId, error: &DetailedError| {
        let file = file(id);
        let text = bundle.policies.get(file).map_or("", String::as_str);
        Finding::reported(file, text, error).policy(id.as_ref())
    };
    if checks(schema, checked) > MAX_CHECKS {
        let help = "write fewer policies or templates, or declare fewer types for actions";
        let message = "checking this many policies against a schema with this many combinations \
                       of principal, action and resource takes too long";
        let found = Finding::new("schema", message).help(help);
        return vec![if mode == Mode::Permissive { found.warning() } else { found }];
    }
    let result = Validator::new(schema.cedar.clone()).validate(checked, ValidationMode::Strict);
    let mut wrong = HashSet::new();
    let mut found = Vec::new();
    for error in result.validation_errors() {
        let one = suggested(schema, finding(error.policy_id(), &DetailedError::from(error)));
        found.push(if mode == Mode::Permissive { one.warning() } else { one });
        wrong.insert(error.policy_id());
    }
    for warning in result.validation_warnings() {
        // That a policy with a mistake is never satisfied follows from the mistake.
        if !wrong.contains(warning.policy_id()) {
            found.push(finding(warning.policy_id(), &DetailedError::from(warning)).warning());
        }
    }
    found
}

/// How many times the validator looks at a policy: once for each combination of principal, action
/// and resource, and at a template for each combination of types that its slots may have, too.
fn checks(schema: &Schema, checked: &PolicySet) -> u64 {
    let count = |many: usize| u64::try_from(many).unwrap_or(u64::MAX);
    let policies = count(checked.policies().filter(|policy| policy.is_static()).count());
    let templates = count(checked.num_of_templates());
    let mut sum = 0u64;
    for (principal, resource) in schema.actions().flat_map(|(_, action)| action.combinations()) {
        let slots = (schema.above(principal) + 1) * (schema.above(resource) + 1);
        let here = policies.saturating_add(templates.saturating_mul(count(slots)));
        sum = sum.saturating_add(here);
    }
    sum
}

/// Cedar suggests some action; this is the one that is spelled most alike.
fn suggested(schema: &Schema, found: Finding) -> Finding {
    let name = found.message.strip_prefix("unrecognized action `");
    let Some(name) = name.and_then(|rest| rest.strip_suffix('`')) else { return found };
    let known: Vec<String> = schema.actions().map(|(uid, _)| uid.to_string()).collect();
    match suggest(name, known.iter().map(String::as_str)) {
        Some(help) => found.help(help),
        None => found,
    }
}
