//! The words of authorization: how entities, roles and actions are named, and what a tenant decides
//! about it.
//!
//! Names are compared byte by byte: nothing is folded or normalised, so that two of them are one
//! only when whoever wrote them wrote the same.

use serde::{Deserialize, Serialize};

use crate::application::Mistake;

/// The type of users.
pub const USER: &str = "User";
/// The type of groups of users.
pub const GROUP: &str = "Group";
/// The type of roles; the id of one is its name.
pub const ROLE: &str = "Role";
/// The type of organizations.
pub const ORGANIZATION: &str = "Organization";
/// The type of applications.
pub const APPLICATION: &str = "Application";
/// The type of sessions.
pub const SESSION: &str = "Session";

/// The action that guarded tokens are issued by: on an application, for each scope.
pub const TOKEN_ISSUE: &str = "token.issue";

/// What the platform itself knows, of which nobody else says anything.
pub const PLATFORM_TYPES: [&str; 6] = [USER, GROUP, ROLE, ORGANIZATION, APPLICATION, SESSION];

/// Words that Cedar keeps for itself.
const RESERVED: [&str; 9] = ["true", "false", "if", "then", "else", "in", "is", "like", "has"];

/// Whether `name` can be the type of an entity: identifiers joined by `::`, at most 200 bytes, none
/// of them a word of Cedar's, and the last one not `Action`, which is what actions are.
#[must_use]
pub fn is_entity_type(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_identifier = |part: &str| {
        part.starts_with(is_start)
            && part.chars().all(|c| is_start(c) || c.is_ascii_digit())
            && part != "__cedar"
            && !RESERVED.contains(&part)
    };
    name.len() <= 200
        && name.split("::").all(is_identifier)
        && name.rsplit("::").next() != Some("Action")
}

/// Whether `id` can be the id of an entity: 1 to 512 bytes without control characters.
#[must_use]
pub fn is_entity_id(id: &str) -> bool {
    (1..=512).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// Whether `name` can name a role: 1 to 64 of `a-z 0-9 _ . : -`, the first a letter or digit.
#[must_use]
pub fn is_role_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || matches!(b, b'_' | b'.' | b':' | b'-'))
}

/// Whether `name` can name an action that a role allows: 1 to 200 bytes without control
/// characters.
#[must_use]
pub fn is_action_name(name: &str) -> bool {
    name.len() <= 200 && is_entity_id(name)
}

/// Authorization with Cedar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authz {
    /// Whether everything is held against the schema.
    pub mode: AuthzMode,
    /// Whether policies are asked before tokens are issued.
    pub tokens: TokenIssuance,
    /// What entities that come with a request can do.
    pub sent_entities: SentEntities,
    /// What is kept of decisions.
    pub log: DecisionLog,
    /// For how many seconds an application may decide by a signed snapshot: default 300, at most a
    /// day.
    pub snapshot_seconds: u32,
}

impl Default for Authz {
    fn default() -> Self {
        Self {
            mode: AuthzMode::default(),
            tokens: TokenIssuance::default(),
            sent_entities: SentEntities::default(),
            log: DecisionLog::default(),
            snapshot_seconds: 300,
        }
    }
}

/// Whether everything is held against the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthzMode {
    /// A schema is a help: what it does not know is a warning.
    #[default]
    Permissive,
    /// There is a schema, and policies, requests and entities fit it.
    Strict,
}

/// Whether policies are asked before tokens are issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenIssuance {
    /// No: an application gets the scopes that it is registered for and people consent to.
    #[default]
    Open,
    /// Each scope is a decision: what policies forbid is left out.
    Guarded,
}

/// What the attributes and parents of entities that come with a request do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentEntities {
    /// They add to what is stored of the tenant's own entities, and change nothing of it. What the
    /// platform knows itself, such as users, they cannot touch.
    #[default]
    Add,
    /// They stand in place of what is stored, that of users included.
    Override,
}

/// What is kept of decisions. Receipts, which usage is counted by, are kept in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionLog {
    /// How many of a hundred decisions: default 100, 0 for none.
    pub percent: u8,
    /// The most that a node keeps in a second: default 100, at most 10,000.
    pub per_second: u32,
    /// For how many days: default 30, at most 366.
    pub days: u32,
}

impl Default for DecisionLog {
    fn default() -> Self {
        Self { percent: 100, per_second: 100, days: 30 }
    }
}

impl Authz {
    pub(crate) fn check(&self, out: &mut Vec<Mistake>) {
        if self.log.percent > 100 {
            out.push(Mistake::new("authz.log.percent", "must be 0 to 100"));
        }
        if self.log.per_second > 10_000 {
            out.push(Mistake::new("authz.log.per_second", "must be at most 10000"));
        }
        if !(1..=366).contains(&self.log.days) {
            out.push(Mistake::new("authz.log.days", "must be 1 to 366"));
        }
        if !(10..=86_400).contains(&self.snapshot_seconds) {
            out.push(Mistake::new("authz.snapshot_seconds", "must be 10 to 86400"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_names_of_cedar() {
        for right in ["Document", "a", "_x9", "Crm::Deal", "Action::Thing", "Users"] {
            assert!(is_entity_type(right), "{right}");
        }
        let long = "x".repeat(201);
        for wrong in [
            "",
            "9a",
            "a b",
            "a::",
            "::a",
            "a:b",
            "a:::b",
            "Ä",
            "if",
            "a::in",
            "__cedar::X",
            "Action",
            "Crm::Action",
            "a\n",
            "a\"",
            &long,
        ] {
            assert!(!is_entity_type(wrong), "{wrong:?}");
        }
        assert!(PLATFORM_TYPES.iter().all(|name| is_entity_type(name)));
    }

    #[test]
    fn ids_are_any_text_that_shows() {
        for right in ["7", "a\"b", "a\\", "\u{202e}gnp", "ﬁ", " ", "../..", &"x".repeat(512)] {
            assert!(is_entity_id(right), "{right:?}");
        }
        for wrong in ["", "a\nb", "\0", "\u{85}", "\u{7f}", &"x".repeat(513)] {
            assert!(!is_entity_id(wrong), "{wrong:?}");
        }
        assert!(is_action_name("documents.read") && !is_action_name(&"x".repeat(201)));
    }

    #[test]
    fn role_names_are_the_same_everywhere() {
        for right in ["editor", "0", "crm:sales.read-only_2", &"x".repeat(64)] {
            assert!(is_role_name(right), "{right}");
        }
        for wrong in ["", "Editor", "-a", ".a", "a b", "é", "a/b", "a\n", &"x".repeat(65)] {
            assert!(!is_role_name(wrong), "{wrong:?}");
        }
    }
}
