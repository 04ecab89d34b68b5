//! The entities of a decision.

use cedar_policy::Entities;

use crate::uid::UidMap;
use crate::{Fault, Loaded, Query, Snapshot, Uid};

/// How many levels a hierarchy may have.
const MAX_LEVELS: usize = 256;

/// The entities that a decision looks at: those that its request can reach, and no others.
#[derive(Clone)]
pub struct Slice {
    loaded: UidMap<Loaded>,
    entities: Entities,
    action: Uid,
}

impl Slice {
    /// Puts entities together. Of several with the same reference, the first counts.
    ///
    /// # Errors
    /// When entities are in each other, or the hierarchy has more than 256 levels.
    pub fn new<'a>(
        snapshot: &Snapshot,
        query: &Query,
        entities: impl IntoIterator<Item = &'a Loaded>,
    ) -> Result<Self, Fault> {
        let mut loaded: UidMap<Loaded> = UidMap::default();
        for one in entities {
            loaded.entry(one.uid().clone()).or_insert_with(|| one.clone());
        }
        acyclic(&loaded)?;
        let action = query.action().clone();
        let declared = snapshot.action(&action).map(|declared| declared.entity.clone());
        let all = loaded.values().map(|one| one.cedar().clone()).chain(declared);
        // No schema: what is loaded has been checked, and this is done for each decision.
        let entities = Entities::from_entities(all, None)
            .map_err(|error| Fault::new("/entities", error.to_string()))?;
        Ok(Self { loaded, entities, action })
    }

    /// Everything that an entity is in, at any distance, and not itself.
    pub(crate) fn ancestors(&self, uid: &Uid) -> Vec<Uid> {
        let mut found: Vec<Uid> = Vec::new();
        let mut next = 0;
        let mut of = self.loaded.get(uid);
        loop {
            for parent in of.map_or(&[] as &[Uid], |one| one.parents()) {
                if !found.contains(parent) {
                    found.push(parent.clone());
                }
            }
            let Some(uid) = found.get(next) else { return found };
            of = self.loaded.get(uid);
            next += 1;
        }
    }

    /// What the attributes and tags of an entity refer to.
    pub(crate) fn references(&self, uid: &Uid) -> &[Uid] {
        self.loaded.get(uid).map_or(&[], |one| one.references())
    }

    pub(crate) fn entities(&self) -> &Entities {
        &self.entities
    }

    /// The one action that is among the entities.
    pub(crate) fn action(&self) -> &Uid {
        &self.action
    }
}

impl std::fmt::Debug for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.loaded.keys()).finish()
    }
}

/// Refuses cycles by name, and hierarchies so deep that Cedar's recursion could overflow.
fn acyclic(loaded: &UidMap<Loaded>) -> Result<(), Fault> {
    let mut done: UidMap<()> = UidMap::default();
    for start in loaded.values().filter(|one| !one.parents().is_empty()) {
        // The way from the start to here, each with the number of its parent that is next.
        let mut way: Vec<(&Loaded, usize)> = Vec::new();
        if !done.contains_key(start.uid()) {
            way.push((start, 0));
        }
        while let Some((here, next)) = way.last_mut() {
            let Some(parent) = here.parents().get(*next) else {
                done.insert(here.uid().clone(), ());
                way.pop();
                continue;
            };
            *next += 1;
            let Some(parent) = loaded.get(parent).filter(|p| !p.parents().is_empty()) else {
                continue;
            };
            if done.contains_key(parent.uid()) {
                continue;
            }
            if let Some(at) = way.iter().position(|(one, _)| one.uid() == parent.uid()) {
                let cycle = way.iter().skip(at).map(|(one, _)| one.uid());
                let cycle: Vec<String> =
                    cycle.chain([parent.uid()]).map(ToString::to_string).collect();
                let message = format!("entities are in each other: {}", cycle.join(" in "));
                return Err(Fault::new("/entities", message));
            }
            if way.len() >= MAX_LEVELS {
                let message = format!("{} is more than {MAX_LEVELS} levels deep", start.uid());
                return Err(Fault::new("/entities", message));
            }
            way.push((parent, 0));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{EntityData, Mode, compile};

    fn slice(parents: &[(String, String)]) -> Result<Slice, Fault> {
        let (snapshot, _) = compile(None, &[], Mode::Permissive).unwrap();
        let load = |(id, parent): &(String, String)| {
            let data = json!({ "type": "F", "id": id, "parents": [{ "type": "F", "id": parent }] });
            let data: EntityData = serde_json::from_value(data).unwrap();
            snapshot.entity(&data).unwrap()
        };
        let loaded: Vec<Loaded> = parents.iter().map(load).collect();
        let uid = Uid::new("F", "0").unwrap();
        let query = snapshot.query(uid.clone(), "read", uid, serde_json::Map::default()).unwrap();
        Slice::new(&snapshot, &query, &loaded)
    }

    #[test]
    fn cycles_are_named() {
        let pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")];
        let pairs = pairs.map(|(a, b)| (a.to_owned(), b.to_owned()));
        let fault = slice(&pairs).unwrap_err();
        let names = ["b", "c", "d"].map(|id| format!("F::\"{id}\""));
        assert!(fault.message.starts_with("entities are in each other: F::"), "{fault}");
        assert!(names.iter().all(|name| fault.message.contains(name)), "{fault}");
        assert!(!fault.message.contains("F::\"a\""), "{fault}");
    }

    #[test]
    fn deep_hierarchies_work_up_to_a_limit() {
        let chain = |n: usize| -> Vec<_> {
            (0..n).map(|at| (at.to_string(), (at + 1).to_string())).collect()
        };
        assert_eq!(slice(&chain(250)).unwrap().ancestors(&Uid::new("F", "0").unwrap()).len(), 250);
        assert!(slice(&chain(10_000)).unwrap_err().message.contains("256 levels"));
    }
}
