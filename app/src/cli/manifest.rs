//! The manifest of `bailiwick apply`: YAML documents or JSON, one tenant each.
//!
//! Reading it touches nothing and reports every mistake at once, each with its line and path.
//! What an entry says is kept as a JSON merge patch (RFC 7396): members that it omits stay as they
//! are, `null` takes them back to their default.

use std::fmt;

use bailiwick_domain::ApplicationSpec;
use secrecy::SecretString;
use serde_json::{Map, Value};

mod entries;
mod shape;
#[cfg(test)]
mod tests;
mod tree;

use entries::{Reader, Unique};
use shape::say;

pub use crate::password::MIN_PASSWORD;

/// Something wrong, and where: the line from 1, and the path in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line.
    pub line: usize,
    /// The path, as in `applications[0].redirect_uris`; empty for a whole document.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{separator}{}", self.line, self.path, self.message)
    }
}

/// What a manifest is held against.
pub struct Rules<'a> {
    /// Development mode: loopback addresses and short secrets are allowed.
    pub development: bool,
    /// The environment, for `${NAME}`.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// A manifest without a mistake in it.
#[derive(Debug)]
pub struct Manifest {
    /// Its documents.
    pub tenants: Vec<TenantEntry>,
    /// What is allowed and unwise.
    pub warnings: Vec<Mistake>,
}

/// A document: a tenant and what is in it.
#[derive(Debug)]
pub struct TenantEntry {
    /// Names the tenant.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// A patch of its settings.
    pub settings: Value,
    /// The line of the document.
    pub line: usize,
    /// Applications.
    pub applications: Vec<ApplicationEntry>,
    /// Users.
    pub users: Vec<UserEntry>,
}

/// An application.
#[derive(Debug)]
pub struct ApplicationEntry {
    /// Names it.
    pub client_id: String,
    /// What it is registered with when it is new; settled.
    pub spec: ApplicationSpec,
    /// A patch of what it is registered with.
    pub patch: Map<String, Value>,
    /// Its secret, if it is new.
    pub client_secret: Option<SecretString>,
    /// Its line.
    pub line: usize,
    /// Its path in the document.
    pub path: String,
}

/// A user.
#[derive(Debug)]
pub struct UserEntry {
    /// The address, normalised.
    pub key: String,
    /// The address as it is written.
    pub email: String,
    /// Whether the address is known to be the user's.
    pub email_verified: Option<bool>,
    /// The display name; `Some(None)` for none.
    pub name: Option<Option<String>>,
    /// A patch of the further claims.
    pub claims: Map<String, Value>,
    /// Its password, if it is new.
    pub password: Option<Password>,
    /// Its line.
    pub line: usize,
    /// Its path in the document.
    pub path: String,
}

/// The password of a new user.
#[derive(Debug)]
pub enum Password {
    /// In the clear: to be hashed.
    Plain(SecretString),
    /// A hash of a format that [`crate::password::ACCEPTED`] names.
    Hashed(String),
}

/// Reads a manifest.
///
/// # Errors
/// Every mistake in it; a text that is not YAML has only its first.
pub fn read(text: &str, rules: &Rules<'_>) -> Result<Manifest, Vec<Mistake>> {
    let documents = tree::documents(text).map_err(|mistake| vec![mistake])?;
    let mut reader = Reader { rules, mistakes: Vec::new(), warnings: Vec::new() };
    if documents.is_empty() {
        say(&mut reader.mistakes, 1, "tenant", "there is no tenant in this file");
    }
    let mut slugs = Unique::new("slug");
    let mut tenants = Vec::new();
    for document in &documents {
        let tenant = reader.document(document);
        if let Some(slug) = document.get("tenant").and_then(|t| t.get("slug")) {
            slugs.see(slug.text(), slug.line, "tenant.slug", &mut reader.mistakes);
        }
        tenants.extend(tenant);
    }
    let Reader { mut mistakes, warnings, .. } = reader;
    mistakes.sort_by_key(|m| m.line);
    if mistakes.is_empty() { Ok(Manifest { tenants, warnings }) } else { Err(mistakes) }
}

/// The patch applied to a value (RFC 7396 section 2).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
