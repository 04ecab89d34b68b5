//! What is wrong with policies or a schema, and where.

use std::fmt;

use cedar_policy::ffi::DetailedError;
use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be activated with it.
    Error,
    /// Probably not what was meant.
    Warning,
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: `schema`, `links`, `roles`, or the name of a file.
    pub document: String,
    /// The id of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// An error in a document, without a place in it.
    pub(crate) fn new(document: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            document: document.to_owned(),
            policy: None,
            line: None,
            column: None,
            message: message.into(),
            help: None,
        }
    }

    /// What Cedar reported about a text that is called `document`.
    pub(crate) fn reported(document: &str, text: &str, error: &DetailedError) -> Self {
        let mut message = error.message.as_str();
        for prefix in ["error parsing schema: ", "error in schema: "] {
            message = message.strip_prefix(prefix).unwrap_or(message);
        }
        // The policy has a place of its own in a finding.
        if let Some((_, rest)) =
            message.strip_prefix("for policy `").and_then(|m| m.split_once("`, "))
        {
            message = rest;
        }
        let label = error.source_locations.first();
        let help = error.help.clone().or_else(|| label.and_then(|l| l.label.clone()));
        let found = Self { help, ..Self::new(document, message) };
        match label {
            Some(label) => found.at(text, label.loc.start),
            None => found,
        }
    }

    /// The same, at a byte offset of a text. What lies behind its end is at its end.
    pub(crate) fn at(mut self, text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = text.get(..end).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        self.line = u32::try_from(before.matches('\n').count() + 1).ok();
        self.column = u32::try_from(line.chars().count() + 1).ok();
        self
    }

    pub(crate) fn policy(mut self, id: &str) -> Self {
        self.policy = Some(id.to_owned());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.document)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}:")?;
        }
        if self.severity == Severity::Warning {
            write!(f, " warning:")?;
        }
        if let Some(policy) = &self.policy {
            write!(f, " {}:", policy.escape_debug())?;
        }
        write!(f, " {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Whether any of them stands in the way.
pub(crate) fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Error)
}

/// In the order of the documents and of the places in them.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.document.clone(), f.line, f.column, f.severity);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup();
}

/// The known word that was probably meant.
pub(crate) fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |other: &&str| {
        let limit = word.chars().count().max(other.chars().count()) / 3;
        let same = other.eq_ignore_ascii_case(word);
        same || strsim::damerau_levenshtein(word, other) <= limit.max(1)
    };
    known.into_iter().filter(close).min_by_key(|other| strsim::damerau_levenshtein(word, other))
}

/// "did you mean", when something is close.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    meant(word, known).map(|other| format!("did you mean `{other}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let text = "a\nä€x\n";
        let place = |offset| {
            let found = Finding::new("f", "m").at(text, offset);
            (found.line.unwrap(), found.column.unwrap())
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(2), (2, 1));
        assert_eq!(place(7), (2, 3));
        assert_eq!(place(3), (2, 1), "in the middle of a character");
        assert_eq!(place(99), (3, 1));
    }

    #[test]
    fn words_close_by_are_suggested() {
        assert_eq!(meant("Documnet", ["User", "Document"]), Some("Document"));
        assert_eq!(meant("user", ["User", "Document"]), Some("User"));
        assert_eq!(meant("Invoice", ["User", "Document"]), None);
    }
}
