//! The policies that roles stand for.

use std::fmt::Write as _;

use crate::schema::Schema;
use crate::{Finding, RoleRule, Uid};

/// A policy generated for a role.
pub(crate) struct Generated {
    pub id: String,
    pub text: String,
    /// The role, when it can only be satisfied for principals whose tags refer to the role.
    pub referring: Option<Uid>,
}

/// What is generated for roles, and what is wrong with them.
pub(crate) fn generate(
    roles: &[RoleRule],
    schema: Option<&Schema>,
) -> (Vec<Generated>, Vec<Finding>) {
    let (mut policies, mut found) = (Vec::new(), Vec::new());
    for role in roles {
        let uid = match Uid::new("Role", &role.name) {
            Ok(uid) => uid,
            Err(error) => {
                found.push(Finding::new("roles", error.to_string()));
                continue;
            }
        };
        let mut actions = Vec::new();
        for permission in &role.permissions {
            match Uid::action(permission) {
                Ok(action) => actions.push(action),
                Err(error) => {
                    let message =
                        format!("the permission `{}`: {error}", permission.escape_debug());
                    found.push(Finding::new("roles", message).policy(&role_id(&role.name)));
                }
            }
        }
        actions.sort_unstable();
        actions.dedup();
        for action in &actions {
            if schema.is_some_and(|schema| schema.action(action).is_none()) {
                let name = action.action_name();
                let message = format!(
                    "role {} names an action that the schema does not declare: `{}`",
                    role.name.escape_debug(),
                    name.escape_debug(),
                );
                found.push(Finding::new("roles", message).policy(&role_id(&role.name)).warning());
            }
        }
        if !actions.is_empty() {
            policies.extend(texts(&role.name, &uid, &actions));
        }
    }
    (policies, found)
}

fn role_id(name: &str) -> String {
    format!("role:{name}")
}

/// One policy for who has the role everywhere, and one for who has it in the organization of the
/// resource.
fn texts(name: &str, role: &Uid, actions: &[Uid]) -> [Generated; 2] {
    let mut list = String::new();
    for action in actions {
        let comma = if list.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(list, "{comma}{action}");
    }
    let everywhere = role_id(name);
    let inside = format!("{everywhere}:organization");
    let text = format!(
        "@id(\"{}\")\npermit (principal in {role}, action in [{list}], resource);",
        everywhere.escape_debug(),
    );
    let holds = |organization: &str| {
        format!(
            "principal.hasTag({organization}.id) && \
             principal.getTag({organization}.id).contains({role})"
        )
    };
    let within = format!(
        "@id(\"{}\")\npermit (principal is User, action in [{list}], resource)\nwhen {{\n  \
         (resource is Organization && resource has id && {}) ||\n  \
         (resource has organization && resource.organization is Organization &&\n   \
         resource.organization has id && {})\n}};",
        inside.escape_debug(),
        holds("resource"),
        holds("resource.organization"),
    );
    [
        Generated { id: everywhere, text, referring: None },
        Generated { id: inside, text: within, referring: Some(role.clone()) },
    ]
}
