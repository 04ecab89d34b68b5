//! Roles: names for what may be done.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod patch;

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use bailiwick_domain::TenantId;
use bailiwick_domain::application::Mistake;
use bailiwick_domain::authz::{is_action_name, is_role_name};
use bailiwick_policy::{Mode, RoleRule, Severity, compile};
use bailiwick_store::authz::roles::{self, Role};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Load, named};
use super::problem::Problem;

/// The most bytes of a description.
const MOST_DESCRIPTION: usize = 500;
/// The most actions that a role allows.
const MOST_PERMISSIONS: usize = 200;
/// The most roles of a tenant: they are compiled together.
const MOST_ROLES: i64 = 1_000;

/// What may be set in a role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleMembers {
    /// Its name, for good: 1 to 64 of `a-z 0-9 _ . : -`, the first a letter or digit.
    #[schema(example = "editor")]
    pub name: String,
    /// What it is for: at most 500 bytes.
    #[serde(default)]
    #[schema(example = "Writes and publishes")]
    pub description: String,
    /// The names of the actions that it allows, on everything that it holds for: at most 200.
    #[serde(default)]
    #[schema(example = json!(["documents.read", "documents.write"]))]
    pub permissions: Vec<String>,
}

impl RoleMembers {
    /// Whether every rule holds.
    ///
    /// # Errors
    /// Every mistake.
    pub fn check(&self) -> Result<(), Problem> {
        let mut mistakes = Vec::new();
        let mut wrong = |path: &str, message: &str| mistakes.push(Mistake::new(path, message));
        if !is_role_name(&self.name) {
            let rule = "must be 1 to 64 of a-z 0-9 _ . : -, the first a letter or digit";
            wrong("name", rule);
        }
        let text = &self.description;
        if text.len() > MOST_DESCRIPTION || text.chars().any(char::is_control) {
            wrong("description", "must be at most 500 bytes without control characters");
        }
        if self.permissions.len() > MOST_PERMISSIONS {
            wrong("permissions", "must be at most 200");
        }
        let mut seen = BTreeSet::new();
        for (n, name) in self.permissions.iter().enumerate().take(MOST_PERMISSIONS) {
            if !is_action_name(name) {
                let rule = "must be 1 to 200 bytes without control characters";
                wrong(&format!("permissions[{n}]"), rule);
            } else if !seen.insert(name) {
                wrong(&format!("permissions[{n}]"), "is given more than once");
            }
        }
        // One role that no policy can be made of would keep all others from being compiled.
        if mistakes.is_empty() {
            let rule = RoleRule { name: self.name.clone(), permissions: self.permissions.clone() };
            let found = compile(None, &[rule], Mode::Permissive).err().unwrap_or_default();
            let errors = found.into_iter().filter(|f| f.severity == Severity::Error);
            mistakes.extend(errors.map(|f| Mistake::new("permissions", f.message)));
        }
        if mistakes.is_empty() { Ok(()) } else { Err(Problem::mistakes(mistakes)) }
    }
}

/// A role.
#[derive(Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleBody<'a> {
    /// Its name.
    #[schema(example = "editor")]
    name: &'a str,
    /// What it is for.
    #[schema(example = "Writes and publishes")]
    description: &'a str,
    /// The names of the actions that it allows.
    #[schema(example = json!(["documents.read", "documents.write"]))]
    permissions: &'a [String],
    /// Counts its changes: `v1` is the ETag of version 1.
    #[schema(example = 1)]
    version: i64,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    updated_at: String,
}

impl<'a> From<&'a Role> for RoleBody<'a> {
    fn from(role: &'a Role) -> Self {
        Self {
            name: &role.name,
            description: &role.description,
            permissions: &role.permissions,
            version: role.version,
            created_at: role.created_at.to_rfc3339(),
            updated_at: role.updated_at.to_rfc3339(),
        }
    }
}

impl Load for Role {
    type Id = String;

    fn id(request: &HttpRequest) -> Result<String, Problem> {
        let name: String = named(request, "name")?;
        if is_role_name(&name) { Ok(name) } else { Err(Problem::not_found()) }
    }

    async fn load(
        tx: TenantTx,
        tenant: TenantId,
        name: String,
    ) -> Result<Option<Self>, StoreError> {
        roles::get(&tx, tenant, &name).await
    }

    fn version(&self) -> i64 {
        self.version
    }
}
