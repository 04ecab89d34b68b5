//! What a tenant writes: schema, policies, links of templates, roles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Uid;

/// The texts of one version of a tenant's policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The schema in Cedar's own syntax, without what the platform declares itself.
    #[serde(default)]
    pub schema: Option<String>,
    /// Policies and templates, by the name of their file.
    #[serde(default)]
    pub policies: BTreeMap<String, String>,
    /// Policies made of templates.
    #[serde(default)]
    pub links: Vec<Link>,
}

/// A policy made of a template by filling its slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The id of the new policy.
    pub id: String,
    /// The id of the template.
    pub template: String,
    /// What stands for `?principal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Uid>,
    /// What stands for `?resource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Uid>,
}

/// A role: whoever is in it may do what it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// The name, which is the id of `Role::".."`.
    pub name: String,
    /// The names of actions.
    pub permissions: Vec<String>,
}

/// How much is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Policies, requests and entities must fit the schema.
    Strict,
    /// A schema is optional, and nothing that it does not know is refused.
    #[default]
    Permissive,
}
