//! What is different between two versions of a tenant's policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::lines::unified;
use crate::parse::parse;
use crate::{Bundle, Link};

/// What happened to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

/// A text that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextChange {
    /// The id of the policy, template or link; the name of the file where that cannot be parsed;
    /// `schema`.
    pub id: String,
    /// The file that it is in, or was in when it is gone; none for links and the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What happened to it.
    pub change: Change,
    /// Its lines in the unified format of differences.
    pub diff: String,
}

/// The difference of two bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The schema, when it is different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<TextChange>,
    /// Policies and templates, by their ids.
    pub policies: Vec<TextChange>,
    /// Links, by their ids.
    pub links: Vec<TextChange>,
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schema.is_none() && self.policies.is_empty() && self.links.is_empty()
    }
}

/// A text with where it is from.
struct Text {
    file: Option<String>,
    /// Whether its id was given to it, and is not its place in the file.
    named: bool,
    text: String,
}

/// What is different in a newer bundle. Where a policy stands makes no difference, nor do the
/// comments between policies.
#[must_use]
pub fn diff(old: &Bundle, new: &Bundle) -> Difference {
    let schema = |bundle: &Bundle| {
        let text = bundle.schema.clone().map(|text| Text { file: None, named: true, text });
        text.map(|text| ("schema".to_owned(), text)).into_iter().collect()
    };
    Difference {
        schema: changes(schema(old), schema(new)).pop(),
        policies: changes(policies(old), policies(new)),
        links: changes(links(old), links(new)),
    }
}

fn policies(bundle: &Bundle) -> BTreeMap<String, Text> {
    let mut texts = BTreeMap::new();
    for (file, text) in &bundle.policies {
        let at = |named: bool, text: &str| Text {
            file: Some(file.clone()),
            named,
            text: text.to_owned(),
        };
        match parse(file, text) {
            Ok(items) => {
                for item in items {
                    let named = !item.id.starts_with(&format!("{file}#"));
                    texts.insert(item.id, at(named, &item.text));
                }
            }
            Err(_) => {
                texts.insert(file.clone(), at(true, text));
            }
        }
    }
    texts
}

fn links(bundle: &Bundle) -> BTreeMap<String, Text> {
    let line = |(name, value): (&str, Option<String>)| Some(format!("{name}: {}\n", value?));
    let text = |link: &Link| {
        let uid = |uid: &Option<crate::Uid>| uid.as_ref().map(ToString::to_string);
        let template = Some(link.template.escape_debug().to_string());
        let parts = [
            ("template", template),
            ("principal", uid(&link.principal)),
            ("resource", uid(&link.resource)),
        ];
        parts.into_iter().filter_map(line).collect()
    };
    let all = bundle.links.iter();
    all.map(|link| (link.id.clone(), Text { file: None, named: true, text: text(link) })).collect()
}

fn changes(mut old: BTreeMap<String, Text>, mut new: BTreeMap<String, Text>) -> Vec<TextChange> {
    // What has only the place in its file for an id is known by its text, first.
    let placed = |texts: &BTreeMap<String, Text>, text: &Text| {
        let same = |(_, other): &(&String, &Text)| !other.named && other.text == text.text;
        texts.iter().find(same).map(|(id, _)| id.clone())
    };
    let unnamed: Vec<String> =
        new.iter().filter(|(_, text)| !text.named).map(|(id, _)| id.clone()).collect();
    for id in unnamed {
        let other = new.get(&id).and_then(|text| placed(&old, text));
        if let Some(other) = other {
            old.remove(&other);
            new.remove(&id);
        }
    }
    let ids: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let change = |id: String| {
        let (before, after) = (old.get(&id), new.get(&id));
        let change = match (before, after) {
            (Some(before), Some(after)) if before.text == after.text => return None,
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Removed,
            (None, _) => Change::Added,
        };
        let text = |of: Option<&Text>| of.map(|text| text.text.clone()).unwrap_or_default();
        let diff = unified(&text(before), &text(after));
        let file = after.or(before).and_then(|text| text.file.clone());
        Some(TextChange { id, file, change, diff })
    };
    ids.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uid;
    use crate::compile::tests::bundle;

    #[test]
    fn policies_are_compared_by_their_ids_wherever_they_are() {
        let any = "permit(principal, action, resource)";
        let old = bundle(
            Some("entity A;\n"),
            &[
                ("a.cedar", &format!("{any};\n{any} when {{ true }};\n@id(\"x\")\n{any};")),
                ("b.cedar", &format!("@id(\"gone\") {any};")),
            ],
        );
        let mut new = bundle(
            Some("entity A;\nentity B;\n"),
            &[
                (
                    "a.cedar",
                    &format!("{any} when {{ false }};\n{any} when {{ true }};\n// c\n{any};"),
                ),
                ("c.cedar", &format!("@id(\"x\")\n{any}\nunless {{ true }};")),
                ("d.cedar", "permit("),
            ],
        );
        new.links.push(Link {
            id: "l".to_owned(),
            template: "t".to_owned(),
            principal: Uid::new("User", "u").ok(),
            resource: None,
        });
        let found = diff(&old, &new);
        let schema = found.schema.unwrap();
        assert_eq!(schema.change, Change::Changed);
        assert_eq!(schema.diff, "@@ -1,1 +1,2 @@\n entity A;\n+entity B;\n");
        let policies: Vec<(&str, Option<&str>, Change)> =
            found.policies.iter().map(|p| (p.id.as_str(), p.file.as_deref(), p.change)).collect();
        assert_eq!(
            policies,
            [
                ("a.cedar#0", Some("a.cedar"), Change::Added),
                ("d.cedar", Some("d.cedar"), Change::Added),
                ("gone", Some("b.cedar"), Change::Removed),
                ("x", Some("c.cedar"), Change::Changed),
            ]
        );
        let changed = &found.policies[3].diff;
        assert!(changed.contains("-permit(principal, action, resource);\n+permit"), "{changed}");
        assert_eq!(found.links.len(), 1);
        assert_eq!(found.links[0].diff, "@@ -0,0 +1,2 @@\n+template: t\n+principal: User::\"u\"\n");
        assert!(diff(&new, &new).is_empty());
    }
}
