//! Entities: what a request is about, and what that is connected with.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy::{Entity, EntityAttrEvaluationError, EntityUid};
use cedar_policy_core::ast;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::value::{Conversion, NAMED, join};
use crate::{BadUid, Uid};

/// An entity as it is stored and sent: values are in Cedar's JSON format, and an object with
/// exactly the members `type` and `id` refers to an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Members")]
pub struct EntityData {
    /// What is described.
    #[serde(flatten)]
    pub uid: Uid,
    /// Its attributes.
    pub attrs: Map<String, Value>,
    /// The entities that it is directly in.
    pub parents: Vec<Uid>,
    /// Its tags.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String, Value>,
}

/// An entity as it is read: serde cannot refuse unknown members beside a flattened one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default)]
    attrs: Map<String, Value>,
    #[serde(default)]
    parents: Vec<Uid>,
    #[serde(default)]
    tags: Map<String, Value>,
}

impl TryFrom<Members> for EntityData {
    type Error = BadUid;

    fn try_from(members: Members) -> Result<Self, BadUid> {
        let Members { kind, id, attrs, parents, tags } = members;
        Ok(Self { uid: Uid::new(&kind, &id)?, attrs, parents, tags })
    }
}

/// What is wrong with an entity or a request, and where in its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Fault {
    /// A JSON pointer (RFC 6901), such as `/attrs/owner`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// An entity that is ready for decisions. Cheap to clone.
#[derive(Clone)]
pub struct Loaded(Arc<Inner>);

struct Inner {
    uid: Uid,
    parents: Vec<Uid>,
    references: Vec<Uid>,
    entity: Arc<ast::Entity>,
    weight: usize,
}

impl Loaded {
    /// Converts an entity, whatever a schema says about it.
    pub(crate) fn convert(data: &EntityData) -> Result<Self, Vec<Fault>> {
        let mut conversion = Conversion::default();
        let attrs = conversion.members(&data.attrs, "/attrs");
        let tags = conversion.members(&data.tags, "/tags");
        if data.uid.is_action() {
            let message = "actions are declared in the schema, and are no entities of a tenant";
            conversion.faults.push(Fault::new("/type", message));
        }
        for (at, parent) in data.parents.iter().enumerate() {
            if parent.is_action() || *parent == data.uid {
                let message = format!("{} cannot be in {parent}", data.uid);
                conversion.faults.push(Fault::new(format!("/parents/{at}"), message));
            }
        }
        if !conversion.faults.is_empty() {
            return Err(conversion.faults);
        }
        let mut parents = data.parents.clone();
        parents.sort_unstable();
        parents.dedup();
        let mut references = conversion.references;
        references.sort_unstable();
        references.dedup();
        let named = std::iter::once(&data.uid).chain(&parents);
        let weight = named.map(|uid| NAMED + uid.id().len()).sum::<usize>() + conversion.weight;
        let attrs: HashMap<_, _> = attrs.into_iter().collect();
        let in_cedar: HashSet<EntityUid> = parents.iter().map(|p| p.cedar().clone()).collect();
        let entity = Entity::new_with_tags(data.uid.cedar().clone(), attrs, in_cedar, tags)
            .map_err(|error| vec![unfit(data, &error)])?;
        let entity = Arc::new(entity.as_ref().clone());
        Ok(Self(Arc::new(Inner { uid: data.uid.clone(), parents, references, entity, weight })))
    }

    /// What it is.
    #[must_use]
    pub fn uid(&self) -> &Uid {
        &self.0.uid
    }

    /// The entities that it is directly in.
    #[must_use]
    pub fn parents(&self) -> &[Uid] {
        &self.0.parents
    }

    /// The entities that its attributes and tags refer to, sorted.
    #[must_use]
    pub fn references(&self) -> &[Uid] {
        &self.0.references
    }

    /// Bytes that it takes, about: whatever is in its attributes and tags.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.weight
    }

    pub(crate) fn cedar(&self) -> &Arc<ast::Entity> {
        &self.0.entity
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Loaded").field(self.uid()).finish()
    }
}

/// An extension value that its function refuses, such as `ip("x")`.
fn unfit(data: &EntityData, error: &EntityAttrEvaluationError) -> Fault {
    let name = error.attr().as_str();
    let place = if data.attrs.contains_key(name) { "/attrs" } else { "/tags" };
    Fault::new(join(place, name), error.inner().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data(json: Value) -> EntityData {
        serde_json::from_value(json).unwrap()
    }

    fn faults(attrs: &Value) -> Vec<String> {
        let found = Loaded::convert(&data(json!({ "type": "A", "id": "1", "attrs": attrs })));
        found.unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn weight_is_that_of_everything_in_it() {
        let weight = |attrs: Value| {
            let loaded = Loaded::convert(&data(json!({ "type": "A", "id": "1", "attrs": attrs })));
            loaded.unwrap().weight()
        };
        let plain = weight(json!({}));
        assert!((200..1_000).contains(&plain), "{plain}");
        let text = "x".repeat(10_000);
        let numbers: Vec<u32> = (0..1_000).collect();
        let people: Vec<_> =
            (0..100).map(|n| json!({ "type": "B", "id": n.to_string() })).collect();
        for (attrs, least) in [
            (json!({ "text": text }), 10_000),
            (json!({ "deep": { "deeper": [{ "text": text }] } }), 10_000),
            (json!({ text.as_str(): 1 }), 10_000),
            (json!({ "numbers": numbers }), 50_000),
            (json!({ "people": people }), 30_000),
        ] {
            let found = weight(attrs) - plain;
            assert!((least..8 * least).contains(&found), "{found}, at least {least}");
        }
    }

    #[test]
    fn both_forms_of_references_are_found() {
        let loaded = Loaded::convert(&data(json!({
            "type": "Document", "id": "7",
            "attrs": {
                "owner": { "type": "User", "id": "usr_2" },
                "readers": [{ "__entity": { "type": "User", "id": "usr_1" } }],
                "from": { "__extn": { "fn": "ip", "arg": "10.0.0.1" } },
                "place": { "type": "Room", "id": "1", "floor": 2 },
            },
            "parents": [{ "type": "Folder", "id": "f" }],
            "tags": { "t": [{ "type": "Role", "id": "x" }] },
        })))
        .unwrap();
        let names: Vec<String> = loaded.references().iter().map(ToString::to_string).collect();
        assert_eq!(names, [r#"Role::"x""#, r#"User::"usr_1""#, r#"User::"usr_2""#]);
        assert_eq!(loaded.parents(), [Uid::new("Folder", "f").unwrap()]);
    }

    #[test]
    fn what_is_no_value_is_a_fault_with_its_place() {
        assert_eq!(
            faults(&json!({ "a": [1, 1.5], "b": { "c/d": null } })),
            [
                "/attrs/a/1: a number is a whole number of 64 bits",
                "/attrs/b/c~1d: null is no value: leave the member out",
            ]
        );
        assert_eq!(faults(&json!({ "a": u64::MAX })).len(), 1);
        assert_eq!(faults(&json!({ "a": { "__entity": { "type": "A" } } })).len(), 1);
        assert_eq!(faults(&json!({ "a": { "__expr": "1" } })).len(), 1);
        assert_eq!(faults(&json!({ "a": { "__extn": { "fn": "run", "arg": "1" } } })).len(), 1);
        assert_eq!(faults(&json!({ "a": { "type": "A", "id": "\n" } })).len(), 1);
        let fault = faults(&json!({ "from": { "__extn": { "fn": "ip", "arg": "x" } } }));
        assert!(fault[0].starts_with("/attrs/from: "), "{fault:?}");
        let mut deep = json!(1);
        for _ in 0..40 {
            deep = json!([deep]);
        }
        assert_eq!(faults(&json!({ "a": deep })).len(), 1);
    }

    #[test]
    fn an_entity_is_not_in_itself_and_is_no_action() {
        let found = Loaded::convert(&data(json!({
            "type": "A", "id": "1", "parents": [{ "type": "A", "id": "1" }],
        })));
        assert_eq!(found.unwrap_err()[0].path, "/parents/0");
        let found = Loaded::convert(&data(json!({ "type": "Ns::Action", "id": "1" })));
        assert_eq!(found.unwrap_err()[0].path, "/type");
    }
}
