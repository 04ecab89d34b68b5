//! The entities of a decision.

use std::sync::Arc;

use cedar_policy_core::ast::Entity;
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;

use crate::uid::UidMap;
use crate::value::NAMED;
use crate::{Fault, Loaded, Query, Snapshot, Uid};

/// How many levels a hierarchy may have.
const MAX_LEVELS: usize = 256;

/// An entity with everything that it is in. Cheap to clone.
#[derive(Clone)]
struct Placed(Arc<Inner>);

struct Inner {
    loaded: Loaded,
    /// Everything that it is in, at any distance.
    ancestors: Vec<Uid>,
    /// As Cedar has it, which then needs no look at what it is in.
    entity: Arc<Entity>,
}

/// Entities that policies can look into, worked out once for the decisions of many requests.
#[derive(Clone, Default)]
pub struct Part(Arc<[Placed]>);

/// The entities of a decision: those that its request can reach, and no others.
#[derive(Clone)]
pub struct Slice(Vec<Placed>);

impl Part {
    /// Entities that policies can look into. `find` also finds those that these are in, at any
    /// distance.
    ///
    /// # Errors
    /// When entities are in each other, or the hierarchy has more than 256 levels.
    pub fn new<'a>(
        entities: impl IntoIterator<Item = &'a Loaded>,
        find: impl Fn(&Uid) -> Option<&'a Loaded>,
    ) -> Result<Self, Fault> {
        let mut done = UidMap::default();
        let place = |loaded: &'a Loaded| {
            acyclic(loaded, &find, &mut done)?;
            Ok(Placed::new(loaded, &find))
        };
        Ok(Self(entities.into_iter().map(place).collect::<Result<_, _>>()?))
    }

    /// Everything that an entity is in, at any distance, and not itself.
    #[must_use]
    pub fn ancestors(&self, uid: &Uid) -> &[Uid] {
        found(&self.0, uid).map_or(&[], |one| &one.0.ancestors)
    }

    /// How many entities it has, and is in.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.iter().map(|one| 1 + one.0.ancestors.len()).sum()
    }

    /// Bytes that it takes, about, also where others hold on to the same entities.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.iter().map(Placed::weight).sum()
    }
}

impl Slice {
    /// Puts entities together. Of several with the same reference, the first counts.
    ///
    /// # Errors
    /// When entities are in each other, or the hierarchy has more than 256 levels.
    pub fn new<'a>(entities: impl IntoIterator<Item = &'a Loaded>) -> Result<Self, Fault> {
        let mut known: UidMap<&Loaded> = UidMap::default();
        for one in entities {
            known.entry(one.uid().clone()).or_insert(one);
        }
        let part = Part::new(known.values().copied(), |uid| known.get(uid).copied())?;
        Ok(Self::of([&part]))
    }

    /// Puts parts together. Of several entities with the same reference, the first counts.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Self {
        let mut known: UidMap<()> = UidMap::default();
        let all = parts.into_iter().flat_map(|part| part.0.iter());
        let new = |one: &&Placed| known.insert(one.0.loaded.uid().clone(), ()).is_none();
        Self(all.filter(new).cloned().collect())
    }

    /// As Cedar has them, with the action where it is in groups.
    pub(crate) fn entities(&self, snapshot: &Snapshot, query: &Query) -> Entities {
        let action = snapshot.action(query.action()).filter(|action| !action.ancestors.is_empty());
        let action = action.map(|action| Arc::clone(&action.entity));
        let all = self.0.iter().map(|one| Arc::clone(&one.0.entity)).chain(action);
        // No schema: what is loaded has been checked, and this is done for each decision.
        let schema: Option<&NoEntitiesSchema> = None;
        let closed = TCComputation::AssumeAlreadyComputed;
        let made = Entities::new().add_entities(all, schema, closed, Extensions::all_available());
        made.expect("no reference is there twice")
    }

    /// Everything that an entity is in, at any distance, and not itself.
    pub(crate) fn ancestors(&self, uid: &Uid) -> &[Uid] {
        found(&self.0, uid).map_or(&[], |one| &one.0.ancestors)
    }

    /// What the attributes and tags of an entity refer to.
    pub(crate) fn references(&self, uid: &Uid) -> &[Uid] {
        found(&self.0, uid).map_or(&[], |one| one.0.loaded.references())
    }
}

/// There are a few, and references are quick to compare.
fn found<'a>(placed: &'a [Placed], uid: &Uid) -> Option<&'a Placed> {
    placed.iter().find(|one| one.0.loaded.uid() == uid)
}

impl Placed {
    fn new<'a>(loaded: &Loaded, find: impl Fn(&Uid) -> Option<&'a Loaded>) -> Self {
        let mut ancestors: Vec<Uid> = loaded.parents().to_vec();
        let mut known: UidMap<()> = ancestors.iter().map(|uid| (uid.clone(), ())).collect();
        let mut at = 0;
        while let Some(uid) = ancestors.get(at) {
            let parents = find(uid).map_or(&[] as &[Uid], Loaded::parents);
            let new = |uid: &&Uid| known.insert((*uid).clone(), ()).is_none();
            let more: Vec<Uid> = parents.iter().filter(new).cloned().collect();
            ancestors.extend(more);
            at += 1;
        }
        let indirect = ancestors.get(loaded.parents().len()..).unwrap_or_default();
        let mut entity = Arc::clone(loaded.cedar());
        if !indirect.is_empty() {
            let entity = Arc::make_mut(&mut entity);
            indirect
                .iter()
                .for_each(|uid| entity.add_indirect_ancestor(uid.cedar().as_ref().clone()));
        }
        Self(Arc::new(Inner { loaded: loaded.clone(), ancestors, entity }))
    }

    fn weight(&self) -> usize {
        let Inner { loaded, ancestors, entity } = self.0.as_ref();
        let copies = if Arc::ptr_eq(entity, loaded.cedar()) { 1 } else { 2 };
        copies * loaded.weight() + NAMED * ancestors.len() + 100
    }
}

impl std::fmt::Debug for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|one| one.0.loaded.uid())).finish()
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.iter().map(|one| one.0.loaded.uid())).finish()
    }
}

/// Refuses cycles by name, and hierarchies that are very deep. What is `done` is known to be right.
fn acyclic<'a>(
    start: &'a Loaded,
    find: impl Fn(&Uid) -> Option<&'a Loaded>,
    done: &mut UidMap<()>,
) -> Result<(), Fault> {
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
        let Some(parent) = find(parent).filter(|p| !p.parents().is_empty()) else {
            continue;
        };
        if done.contains_key(parent.uid()) {
            continue;
        }
        if let Some(at) = way.iter().position(|(one, _)| one.uid() == parent.uid()) {
            let cycle = way.iter().skip(at).map(|(one, _)| one.uid());
            let cycle: Vec<String> = cycle.chain([parent.uid()]).map(ToString::to_string).collect();
            let message = format!("entities are in each other: {}", cycle.join(" in "));
            return Err(Fault::new("/entities", message));
        }
        if way.len() >= MAX_LEVELS {
            let message = format!("{} is more than {MAX_LEVELS} levels deep", start.uid());
            return Err(Fault::new("/entities", message));
        }
        way.push((parent, 0));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::EntityData;

    fn slice(parents: &[(String, String)]) -> Result<Slice, Fault> {
        let load = |(id, parent): &(String, String)| {
            let data = json!({ "type": "F", "id": id, "parents": [{ "type": "F", "id": parent }] });
            let data: EntityData = serde_json::from_value(data).unwrap();
            Loaded::convert(&data).unwrap()
        };
        let loaded: Vec<Loaded> = parents.iter().map(load).collect();
        Slice::new(&loaded)
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
