//! The entities of a decision.

use std::borrow::Cow;

use cedar_policy::Entities;

use crate::uid::UidMap;
use crate::{Fault, Layer, Loaded, Query, Snapshot, Uid};

/// How many levels a hierarchy may have.
const MAX_LEVELS: usize = 256;

/// The entities that a decision looks at: those that its request can reach, and no others.
#[derive(Clone)]
pub struct Slice {
    loaded: UidMap<Loaded>,
    query: Query,
    /// What the policies can look into from this query.
    reachable: Entities,
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
        let reached = reached(&loaded, snapshot, query);
        let kept = |one: &&Loaded| !one.parents().is_empty() || reached.contains_key(one.uid());
        let reachable = collect(snapshot, query, loaded.values().filter(kept))?;
        Ok(Self { loaded, query: query.clone(), reachable })
    }

    /// What policies can look into from a query. That is known already when the slice was made for
    /// it, and no layer looks into entities that the snapshot does not.
    pub(crate) fn entities(
        &self,
        snapshot: &Snapshot,
        query: &Query,
        layers: &[&Layer],
    ) -> Cow<'_, Entities> {
        let own = &self.query;
        let same = own.principal() == query.principal()
            && own.resource() == query.resource()
            && own.action() == query.action()
            && own.references_in_context() == query.references_in_context()
            && layers.iter().all(|layer| layer.literals().is_empty());
        if same { Cow::Borrowed(&self.reachable) } else { Cow::Owned(self.all(snapshot, query)) }
    }

    /// Everything, whether or not a policy can look into it from here.
    pub(crate) fn all(&self, snapshot: &Snapshot, query: &Query) -> Entities {
        collect(snapshot, query, self.loaded.values())
            .expect("the entities are known to have no cycle and different references")
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
}

/// The entities that policies can look into: those of the request, those that policies look into by
/// name, and what these refer to. Of the others, which these are only in, no more is seen than what
/// they are in themselves.
fn reached(loaded: &UidMap<Loaded>, snapshot: &Snapshot, query: &Query) -> UidMap<()> {
    let mut found: UidMap<()> = UidMap::default();
    let request = [query.principal(), query.resource()];
    let mut next: Vec<&Uid> = request.into_iter().chain(query.references_in_context()).collect();
    next.extend(snapshot.literals());
    while let Some(uid) = next.pop() {
        if let Some(one) = loaded.get(uid)
            && found.insert(uid.clone(), ()).is_none()
        {
            next.extend(one.references());
        }
    }
    found
}

/// The entities as Cedar has them, with the action where it is in groups.
fn collect<'a>(
    snapshot: &Snapshot,
    query: &Query,
    entities: impl Iterator<Item = &'a Loaded>,
) -> Result<Entities, Fault> {
    let action = snapshot.action(query.action()).filter(|action| !action.ancestors.is_empty());
    let all = entities.map(|one| one.cedar().clone()).chain(action.map(|a| a.entity.clone()));
    // No schema: what is loaded has been checked, and this is done for each decision. Adding to
    // nothing gives the same as `from_entities` and takes less time.
    let made = Entities::empty().add_entities(all, None);
    made.map_err(|error| Fault::new("/entities", error.to_string()))
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
