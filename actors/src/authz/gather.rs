//! The slice of entities that a decision can reach: principal, resource, what the context names,
//! all of their ancestors, and what their attributes lead to as far as policies look.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bailiwick_domain::authz::SentEntities;
use bailiwick_policy::{Decision, EntityData, Fault, Layer, Loaded, Query, Slice, Uid};
use bailiwick_store::authz::platform::EntityKey;

use super::cache::KnownEntity;
use super::compiled::Compiled;
use super::decide::{Refusal, Sent};
use super::entity;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// The most entities that one decision looks at.
const MOST: usize = 1_000;

/// What the decisions of one request have read: they all see the same.
#[derive(Default)]
pub struct Memo(HashMap<Uid, Option<Loaded>>);

impl Memo {
    pub(super) fn has(&self, uid: &Uid) -> bool {
        self.get(uid).is_some()
    }

    pub(super) fn get(&self, uid: &Uid) -> Option<&Loaded> {
        self.0.get(uid)?.as_ref()
    }
}

/// What was gathered for one decision.
pub(super) struct Gathered {
    pub(super) slice: Slice,
    /// The organizations that the resource is in.
    pub(super) organizations: Vec<Uid>,
    /// Stored entities that the schema does not fit any more.
    pub(super) unfit: Vec<Fault>,
    /// Whether everything in it would be forgotten if it changed.
    pub(super) lasting: bool,
}

/// Where an entity is looked for.
pub(super) struct Source<'a> {
    pub(super) tenant: &'a TenantHandle,
    pub(super) view: &'a TenantView,
    pub(super) compiled: &'a Compiled,
    pub(super) sent: Option<&'a Sent>,
    /// Policies of an organization on trial, in place of its own.
    pub(super) trial: Option<&'a (Uid, Arc<Layer>)>,
}

impl Source<'_> {
    /// Gathers what a query can reach.
    pub(super) async fn gather(&self, query: &Query, memo: &mut Memo) -> Result<Gathered, Refusal> {
        let mut from = vec![query.principal(), query.resource()];
        from.extend(query.references_in_context());
        let (near, unfit) = self.reach(&from, MOST, memo).await?;
        let entities = near.keys().filter_map(|uid| memo.get(uid));
        let slice = Slice::new(&self.compiled.snapshot, query, entities);
        let slice = slice.map_err(|fault| Refusal::Invalid(vec![fault]))?;
        let lasting = self.sent.is_none() && !near.keys().any(|uid| uid.kind() == entity::SESSION);
        let organizations = self.organizations(query.resource(), memo);
        Ok(Gathered { slice, organizations, unfit, lasting })
    }

    /// Reads everything that policies can look at when a request is about these. How near each
    /// entity is, and stored entities that the schema does not fit any more.
    pub(super) async fn reach(
        &self,
        from: &[&Uid],
        most: usize,
        memo: &mut Memo,
    ) -> Result<(HashMap<Uid, u8>, Vec<Fault>), Refusal> {
        let levels = self.compiled.snapshot.levels();
        // One that is found again nearer is followed further.
        let mut near: HashMap<Uid, u8> = HashMap::new();
        let mut unfit = Vec::new();
        let named = from.iter().copied().chain(self.compiled.snapshot.literals());
        let mut frontier: Vec<(Uid, u8)> = named.map(|uid| (uid.clone(), 0)).collect();
        while !frontier.is_empty() {
            frontier.retain(|(uid, depth)| near.get(uid).is_none_or(|known| depth < known));
            let missing: Vec<&Uid> = frontier
                .iter()
                .map(|(uid, _)| uid)
                .filter(|uid| !memo.0.contains_key(uid))
                .collect();
            if !missing.is_empty() {
                let found = self.fetch(&missing, &mut unfit).await?;
                memo.0.extend(found);
            }
            let mut next = Vec::new();
            for (uid, depth) in frontier {
                let seen = near.entry(uid.clone()).or_insert(u8::MAX);
                if depth >= *seen {
                    continue;
                }
                *seen = depth;
                let Some(Some(loaded)) = memo.0.get(&uid) else { continue };
                // Ancestors are there for the hierarchy: nothing is followed from them.
                next.extend(loaded.parents().iter().map(|p| (p.clone(), levels.max(1))));
                if depth.saturating_add(1) < levels {
                    next.extend(loaded.references().iter().map(|r| (r.clone(), depth + 1)));
                }
            }
            if near.len() > most {
                let message = format!("more than {most} entities can be reached from the request");
                return Err(Refusal::Invalid(vec![Fault::new("", message)]));
            }
            frontier = next;
        }
        Ok((near, unfit))
    }

    /// Decides, with the policies of the organizations that the resource is in.
    pub(super) async fn decide(
        &self,
        query: &Query,
        memo: &mut Memo,
    ) -> Result<(Decision, Gathered), Refusal> {
        let gathered = self.gather(query, memo).await?;
        let mut layers = Vec::new();
        for uid in &gathered.organizations {
            if let Some((_, layer)) = self.trial.filter(|(on_trial, _)| on_trial == uid) {
                layers.push(Arc::clone(layer));
                continue;
            }
            layers.extend(self.tenant.organization_layer(self.compiled, uid).await?);
        }
        let layers: Vec<&Layer> = layers.iter().map(Arc::as_ref).collect();
        let decision = self.compiled.snapshot.decide(query, &gathered.slice, &layers);
        Ok((decision, gathered))
    }

    /// Reads entities together that decisions will ask for.
    pub(super) async fn prefetch(&self, uids: &[Uid], memo: &mut Memo) -> Result<(), Refusal> {
        let unread: Vec<&Uid> = uids.iter().filter(|uid| !memo.0.contains_key(*uid)).collect();
        let found = self.fetch(&unread, &mut Vec::new()).await?;
        memo.0.extend(found);
        Ok(())
    }

    /// The organizations that a resource is in, or is.
    pub(super) fn organizations(&self, resource: &Uid, memo: &Memo) -> Vec<Uid> {
        if !self.compiled.organizations && self.trial.is_none() {
            return Vec::new();
        }
        let (mut found, mut at) = (vec![resource.clone()], 0);
        while let Some(uid) = found.get(at) {
            let parents = memo.0.get(uid).and_then(Option::as_ref).map_or(&[][..], Loaded::parents);
            let new: Vec<Uid> = parents.iter().filter(|p| !found.contains(p)).cloned().collect();
            found.extend(new);
            at += 1;
        }
        found.retain(|uid| uid.kind() == entity::ORGANIZATION);
        found
    }

    /// The entities of these names: sent, remembered, or read.
    async fn fetch(
        &self,
        wanted: &[&Uid],
        unfit: &mut Vec<Fault>,
    ) -> Result<Vec<(Uid, Option<Loaded>)>, Refusal> {
        let authz = self.tenant.authz();
        let mut found = Vec::with_capacity(wanted.len());
        let mut unread = Vec::new();
        for uid in wanted {
            match self.remembered(uid) {
                Some(loaded) => found.push(((*uid).clone(), loaded)),
                None => unread.push((*uid).clone()),
            }
        }
        if !unread.is_empty() {
            let epoch = authz.epoch.load(Ordering::Acquire);
            let read = unread.iter().map(|uid| async {
                match EntityKey::new(uid.kind(), uid.id()) {
                    Some(key) => self.tenant.look_up(key).await,
                    None => Ok(None),
                }
            });
            let rows = futures_util::future::join_all(read).await;
            for (uid, row) in unread.into_iter().zip(rows) {
                let row = row.map_err(Refusal::Owner)?;
                let loaded = match row
                    .and_then(|row| entity::data(self, &uid, row))
                    .map(|data| self.load(&data))
                {
                    None => None,
                    Some(Ok(loaded)) => Some(loaded),
                    Some(Err(faults)) => {
                        unfit.extend(faults);
                        None
                    }
                };
                if uid.kind() != entity::SESSION {
                    self.remember(&uid, loaded.clone(), epoch);
                }
                found.push((uid, loaded));
            }
        }
        if let Some(sent) = self.sent {
            for (uid, loaded) in &mut found {
                if let Some(data) = sent.entities.get(uid) {
                    *loaded = self.with_sent(uid, loaded.take(), data)?;
                }
            }
        }
        Ok(found)
    }

    /// What this node knows without reading; `None` when it must read.
    fn remembered(&self, uid: &Uid) -> Option<Option<Loaded>> {
        let authz = self.tenant.authz();
        if uid.kind() == bailiwick_domain::authz::ROLE
            || !(uid.is_platform() || authz.may_store(uid.kind()))
        {
            // A role is nothing but its name; and of other types nothing is stored.
            return Some(None);
        }
        let known =
            self.tenant.shared().caches.entities.get(&(authz.incarnation(), uid.clone()))?;
        (known.schema == self.compiled.schema).then_some(known.loaded)
    }

    fn load(&self, data: &EntityData) -> Result<Loaded, Vec<Fault>> {
        let known = self.compiled.snapshot.entity(data);
        known.map_err(|faults| {
            let at = |f: Fault| Fault::new(format!("{}{}", data.uid, f.path), f.message);
            faults.into_iter().map(at).collect()
        })
    }

    /// Keeps what was read, unless something changed meanwhile that it may not show.
    fn remember(&self, uid: &Uid, loaded: Option<Loaded>, epoch: u64) {
        let (authz, cache) = (self.tenant.authz(), &self.tenant.shared().caches.entities);
        let unchanged = || authz.epoch.load(Ordering::Acquire) == epoch;
        if !unchanged() {
            return;
        }
        let key = (authz.incarnation(), uid.clone());
        cache.insert(key.clone(), KnownEntity { schema: self.compiled.schema, loaded });
        if !unchanged() {
            cache.invalidate(&key);
        }
    }

    /// An entity as the tenant wants it to be with what was sent.
    fn with_sent(
        &self,
        uid: &Uid,
        stored: Option<Loaded>,
        sent: &EntityData,
    ) -> Result<Option<Loaded>, Refusal> {
        let overrides = self.view.tenant.settings.authz.sent_entities == SentEntities::Override;
        if uid.is_platform() && !overrides {
            return Ok(stored);
        }
        let mut data = sent.clone();
        if let Some(stored) = stored {
            let known = stored.data();
            let (under, over) = if overrides { (known, data) } else { (data, known) };
            data = under;
            data.attrs.extend(over.attrs);
            data.tags.extend(over.tags);
            data.parents.extend(over.parents);
            data.parents.sort_unstable();
            data.parents.dedup();
        }
        self.load(&data).map(Some).map_err(Refusal::Invalid)
    }
}
