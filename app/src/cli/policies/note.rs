//! Something that is wrong in a file, as compilers print it.

use std::fmt;
use std::path::Path;

use bailiwick_policy::{Finding, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The files of a folder that are no policies.
pub(super) const SCHEMA: &str = "schema.cedarschema";
pub(super) const LINKS: &str = "links.json";
pub(super) const ROLES: &str = "roles.json";
pub(super) const ENTITIES: &str = "entities.json";
pub(super) const CASES: &str = "cases.json";

/// One thing that is wrong, or probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    pub(super) severity: Severity,
    pub(super) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

/// A finding as the management API tells it.
#[derive(Deserialize)]
struct Told {
    severity: String,
    document: String,
    line: Option<u32>,
    column: Option<u32>,
    policy: Option<String>,
    message: String,
    help: Option<String>,
}

impl Note {
    /// An error in a file of a folder.
    pub(super) fn error(folder: &Path, name: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file(folder, name),
            line: None,
            column: None,
            policy: None,
            message: message.into(),
            help: None,
        }
    }

    /// What was found in the policies of a folder.
    pub(super) fn found(folder: &Path, finding: Finding) -> Self {
        let Finding { severity, document, policy, line, column, message, help } = finding;
        Self { severity, file: place(folder, &document), line, column, policy, message, help }
    }

    /// What a server found in the policies of a folder.
    pub(super) fn told(folder: &Path, finding: &Value) -> Option<Self> {
        let told = Told::deserialize(finding).ok()?;
        let severity = if told.severity == "warning" { Severity::Warning } else { Severity::Error };
        let Told { document, line, column, policy, message, help, .. } = told;
        Some(Self { severity, file: place(folder, &document), line, column, policy, message, help })
    }

    /// What is wrong with a JSON document, with its place.
    pub(super) fn json(folder: &Path, name: &str, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        let number = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
        let (line, column) = (number(error.line()), number(error.column()));
        Self { line, column, ..Self::error(folder, name, message) }
    }

    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:{}:", self.column.unwrap_or(1))?;
        }
        write!(f, " {}: ", if self.is_error() { "error" } else { "warning" })?;
        if let Some(policy) = &self.policy {
            write!(f, "{}: ", policy.escape_debug())?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// The file that a document is in.
fn place(folder: &Path, document: &str) -> String {
    match document {
        "schema" => file(folder, SCHEMA),
        "links" => file(folder, LINKS),
        "roles" => file(folder, ROLES),
        "policies" => folder.display().to_string(),
        name => file(folder, name),
    }
}

fn file(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn editors_find_the_place() {
        let told = json!({ "severity": "error", "document": "a/b.cedar", "line": 3, "column": 7,
            "policy": "p", "message": "no `x`", "help": "did you mean `y`?" });
        let note = Note::told(Path::new("rules"), &told).expect("a finding");
        assert_eq!(
            note.to_string(),
            "rules/a/b.cedar:3:7: error: p: no `x`\n  help: did you mean `y`?"
        );
        let told = json!({ "severity": "warning", "document": "roles", "message": "m" });
        let note = Note::told(Path::new("rules/"), &told).expect("a finding");
        assert_eq!(note.to_string(), "rules/roles.json: warning: m");
        let error = serde_json::from_str::<Vec<u8>>("[1,\n x]").expect_err("no JSON");
        let note = Note::json(Path::new("r"), CASES, &error);
        assert_eq!(note.to_string(), "r/cases.json:2:2: error: expected value");
    }
}
