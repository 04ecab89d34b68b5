//! The slice of entities that a decision can reach: principal, resource, what the context names,
//! all of their ancestors, and what their attributes lead to as far as policies look.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bailiwick_domain::authz::SentEntities;
use bailiwick_policy::{Decision, EntityData, Fault, Layer, Loaded, Part, Query, Slice, Uid};
use bailiwick_store::authz::platform::EntityKey;

use super::cache::{KnownEntity, KnownPart};
use super::compiled::{Authz, Compiled};
use super::decide::{Refusal, Sent};
use super::entity;
use crate::tenant::TenantHandle;
use crate::view::TenantView;

/// The most entities that one decision looks at.
const MOST: usize = 1_000;

/// What the decisions of one request have read: they all see the same.
#[derive(Default)]
pub struct Memo {
    entities: HashMap<Uid, Option<Loaded>>,
    /// By how many entities in a row are looked at; and whether each would be forgotten if it
    /// changed.
    parts: HashMap<(Uid, u8), (Part, bool)>,
    /// When the first of it was read: what is older than a change is not kept as if it were newer.
    epoch: Option<u64>,
}

impl Memo {
    pub(super) fn epoch(&mut self, authz: &Authz) -> u64 {
        *self.epoch.get_or_insert_with(|| authz.epoch.load(Ordering::Acquire))
    }

    pub(super) fn has(&self, uid: &Uid) -> bool {
        self.get(uid).is_some()
    }

    pub(super) fn get(&self, uid: &Uid) -> Option<&Loaded> {
        self.entities.get(uid)?.as_ref()
    }
}

/// How near entities are that can be reached from others.
pub(super) type Near = HashMap<Uid, u8>;

/// The policies of an organization.
pub(super) type OfOrganization = (Uid, Arc<Layer>);

/// What was gathered for one decision.
pub(super) struct Gathered {
    pub(super) slice: Slice,
    /// The policies of the organizations that the resource is in.
    pub(super) layers: Vec<OfOrganization>,
    /// Stored entities that the schema does not fit any more.
    pub(super) unfit: Vec<Fault>,
    /// Whether everything in it would be forgotten if it changed.
    pub(super) lasting: bool,
}

/// What is known of the entities of a request.
struct Parts {
    /// One for each entity, in their order.
    parts: Vec<Part>,
    unfit: Vec<Fault>,
    lasting: bool,
}

/// Where an entity is looked for.
pub(super) struct Source<'a> {
    pub(super) tenant: &'a TenantHandle,
    pub(super) view: &'a TenantView,
    pub(super) compiled: &'a Compiled,
    pub(super) sent: Option<&'a Sent>,
    /// Policies of an organization on trial, in place of its own.
    pub(super) trial: Option<&'a OfOrganization>,
}

impl Source<'_> {
    /// Decides, with the policies of the organizations that the resource is in.
    pub(super) async fn decide(
        &self,
        query: &Query,
        memo: &mut Memo,
    ) -> Result<(Decision, Gathered), Refusal> {
        let gathered = self.gather(query, memo).await?;
        let layers: Vec<&Layer> = gathered.layers.iter().map(|(_, layer)| layer.as_ref()).collect();
        let decision = self.compiled.snapshot.decide(query, &gathered.slice, &layers);
        Ok((decision, gathered))
    }

    /// Gathers what a query can reach.
    pub(super) async fn gather(&self, query: &Query, memo: &mut Memo) -> Result<Gathered, Refusal> {
        let snapshot = &self.compiled.snapshot;
        let mut from = vec![query.resource(), query.principal()];
        from.extend(query.references_in_context());
        from.extend(snapshot.literals());
        let mut found = self.parts(&from, snapshot.levels(), memo).await?;
        let above = found.parts.first().map_or(&[][..], |part| part.ancestors(query.resource()));
        let layers = self.layers(std::iter::once(query.resource()).chain(above)).await?;
        if self.deeper(&layers) {
            // These look further than the policies of the tenant.
            from.extend(layers.iter().flat_map(|(_, layer)| layer.literals()));
            found = self.parts(&from, self.levels(&layers), memo).await?;
        }
        let size: usize = found.parts.iter().map(Part::size).sum();
        if size > MOST {
            return Err(too_many(MOST));
        }
        let slice = Slice::of(&found.parts);
        let Parts { unfit, lasting, .. } = found;
        Ok(Gathered { slice, layers, unfit, lasting })
    }

    /// The policies of the organizations among these.
    pub(super) async fn layers<'b>(
        &self,
        uids: impl Iterator<Item = &'b Uid>,
    ) -> Result<Vec<OfOrganization>, Refusal> {
        let mut layers = Vec::new();
        if !self.compiled.organizations && self.trial.is_none() {
            return Ok(layers);
        }
        for uid in uids.filter(|uid| uid.kind() == entity::ORGANIZATION) {
            let layer = match self.trial.filter(|(on_trial, _)| on_trial == uid) {
                Some((_, layer)) => Some(Arc::clone(layer)),
                None => self.tenant.organization_layer(self.compiled, uid).await?,
            };
            layers.extend(layer.map(|layer| (uid.clone(), layer)));
        }
        Ok(layers)
    }

    /// Whether these policies look at more than those of the tenant do.
    pub(super) fn deeper(&self, layers: &[OfOrganization]) -> bool {
        self.levels(layers) > self.compiled.snapshot.levels()
            || layers.iter().any(|(_, layer)| !layer.literals().is_empty())
    }

    /// How many entities in a row are looked at.
    pub(super) fn levels(&self, layers: &[OfOrganization]) -> u8 {
        let own = self.compiled.snapshot.levels();
        layers.iter().map(|(_, layer)| layer.levels()).fold(own, u8::max)
    }

    /// What policies can look into from each of these: remembered, or put together.
    async fn parts(&self, from: &[&Uid], levels: u8, memo: &mut Memo) -> Result<Parts, Refusal> {
        let epoch = memo.epoch(self.tenant.authz());
        let known: Vec<Option<(Part, bool)>> =
            from.iter().map(|uid| self.known_part((uid, levels), epoch, memo)).collect();
        let mut lasting = self.sent.is_none() && known.iter().flatten().all(|(_, lasts)| *lasts);
        let mut parts: Vec<Option<Part>> =
            known.into_iter().map(|known| known.map(|(part, _)| part)).collect();
        let unknown = from.iter().zip(&parts).filter(|(_, part)| part.is_none());
        let unknown: Vec<&Uid> = unknown.map(|(uid, _)| *uid).collect();
        let mut unfit = Vec::new();
        if !unknown.is_empty() {
            let walked = self.walk_each(&unknown, levels, &mut unfit, memo).await?;
            let missing = from.iter().zip(&mut parts).filter(|(_, part)| part.is_none());
            for ((uid, part), near) in missing.zip(walked) {
                let seen = near.iter().filter(|(_, depth)| **depth < levels.max(1));
                let seen = seen.filter_map(|(uid, _)| memo.get(uid));
                let made = Part::new(seen, |uid| memo.get(uid));
                let made = made.map_err(|fault| Refusal::Invalid(vec![fault]))?;
                let lasts = !near.keys().any(|uid| uid.kind() == entity::SESSION);
                if lasts && unfit.is_empty() && self.sent.is_none() {
                    let schema = self.compiled.schema;
                    let known = KnownPart { schema, epoch, part: made.clone() };
                    self.keep_part((uid, levels), known);
                }
                lasting &= lasts;
                memo.parts.insert(((*uid).clone(), levels), (made.clone(), lasts));
                *part = Some(made);
            }
        }
        Ok(Parts { parts: parts.into_iter().flatten().collect(), unfit, lasting })
    }

    fn known_part(
        &self,
        (uid, levels): (&Uid, u8),
        epoch: u64,
        memo: &Memo,
    ) -> Option<(Part, bool)> {
        if self.sent.is_some() {
            return None;
        }
        if self.is_nothing(uid) {
            return Some((Part::default(), true));
        }
        if let Some(known) = memo.parts.get(&(uid.clone(), levels)) {
            return Some(known.clone());
        }
        let (authz, cache) = (self.tenant.authz(), &self.tenant.shared().caches.parts);
        let known = cache.get(&(authz.incarnation(), uid.clone(), levels))?;
        let current = (known.epoch, known.schema) == (epoch, self.compiled.schema);
        current.then_some((known.part, true))
    }

    /// Keeps what was put together, unless something changed meanwhile: it would not be used.
    fn keep_part(&self, (uid, levels): (&Uid, u8), known: KnownPart) {
        let (authz, cache) = (self.tenant.authz(), &self.tenant.shared().caches.parts);
        if authz.epoch.load(Ordering::Acquire) == known.epoch {
            cache.insert((authz.incarnation(), uid.clone(), levels), known);
        }
    }

    /// Walks from each of these, and reads together what none of them can do without.
    async fn walk_each(
        &self,
        from: &[&Uid],
        levels: u8,
        unfit: &mut Vec<Fault>,
        memo: &mut Memo,
    ) -> Result<Vec<Near>, Refusal> {
        loop {
            let (mut walked, mut unread) = (Vec::with_capacity(from.len()), Vec::new());
            for uid in from {
                walked.push(self.walk((&[uid], levels, MOST), &mut unread, memo)?);
            }
            if unread.is_empty() {
                return Ok(walked);
            }
            self.read(unread, unfit, memo).await?;
        }
    }

    /// Reads everything that policies can look at when a request is about these. How near each
    /// entity is, and stored entities that the schema does not fit any more.
    pub(super) async fn reach(
        &self,
        from: &[&Uid],
        (levels, most): (u8, usize),
        memo: &mut Memo,
    ) -> Result<(Near, Vec<Fault>), Refusal> {
        memo.epoch(self.tenant.authz());
        let mut unfit = Vec::new();
        loop {
            let mut unread = Vec::new();
            let near = self.walk((from, levels, most), &mut unread, memo)?;
            if unread.is_empty() {
                return Ok((near, unfit));
            }
            self.read(unread, &mut unfit, memo).await?;
        }
    }

    /// What can be reached from these, as far as it is known; what has to be read for more comes to
    /// the `unread`.
    fn walk(
        &self,
        (from, levels, most): (&[&Uid], u8, usize),
        unread: &mut Vec<Uid>,
        memo: &mut Memo,
    ) -> Result<Near, Refusal> {
        let mut near = Near::new();
        let mut next: VecDeque<(Uid, u8)> = from.iter().map(|uid| ((*uid).clone(), 0)).collect();
        while let Some((uid, depth)) = next.pop_front() {
            // One that is found again nearer is followed further.
            let seen = near.entry(uid.clone()).or_insert(u8::MAX);
            if depth >= *seen {
                continue;
            }
            *seen = depth;
            if !memo.entities.contains_key(&uid) {
                let Some(known) = self.remembered(&uid) else {
                    unread.push(uid);
                    continue;
                };
                let known = self.with_sent(&uid, known)?;
                memo.entities.insert(uid.clone(), known);
            }
            let Some(loaded) = memo.get(&uid) else { continue };
            // Ancestors are there for the hierarchy: nothing is followed from them.
            next.extend(loaded.parents().iter().map(|p| (p.clone(), levels.max(1))));
            if depth.saturating_add(1) < levels {
                next.extend(loaded.references().iter().map(|r| (r.clone(), depth + 1)));
            }
            if near.len() > most {
                return Err(too_many(most));
            }
        }
        Ok(near)
    }

    async fn read(
        &self,
        mut unread: Vec<Uid>,
        unfit: &mut Vec<Fault>,
        memo: &mut Memo,
    ) -> Result<(), Refusal> {
        unread.sort_unstable();
        unread.dedup();
        let found = self.fetch(&unread.iter().collect::<Vec<_>>(), unfit).await?;
        memo.entities.extend(found);
        Ok(())
    }

    /// Reads entities together that decisions will ask for.
    pub(super) async fn prefetch(&self, uids: &[Uid], memo: &mut Memo) -> Result<(), Refusal> {
        memo.epoch(self.tenant.authz());
        let unread: Vec<&Uid> =
            uids.iter().filter(|uid| !memo.entities.contains_key(*uid)).collect();
        let found = self.fetch(&unread, &mut Vec::new()).await?;
        memo.entities.extend(found);
        Ok(())
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
        for (uid, loaded) in &mut found {
            *loaded = self.with_sent(uid, loaded.take())?;
        }
        Ok(found)
    }

    /// What this node knows without reading; `None` when it must read.
    fn remembered(&self, uid: &Uid) -> Option<Option<Loaded>> {
        if self.is_nothing(uid) {
            return Some(None);
        }
        let authz = self.tenant.authz();
        let known =
            self.tenant.shared().caches.entities.get(&(authz.incarnation(), uid.clone()))?;
        (known.schema == self.compiled.schema).then_some(known.loaded)
    }

    /// A role is nothing but its name; and of some types nothing is stored.
    fn is_nothing(&self, uid: &Uid) -> bool {
        uid.kind() == bailiwick_domain::authz::ROLE
            || !(uid.is_platform() || self.tenant.authz().may_store(uid.kind()))
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
    fn with_sent(&self, uid: &Uid, stored: Option<Loaded>) -> Result<Option<Loaded>, Refusal> {
        let Some(sent) = self.sent.and_then(|sent| sent.entities.get(uid)) else {
            return Ok(stored);
        };
        let overrides = self.view.tenant.settings.authz.sent_entities == SentEntities::Override;
        if uid.is_platform() && !overrides {
            return Ok(stored);
        }
        let Some(stored) = stored else {
            return self.load(sent).map(Some).map_err(Refusal::Invalid);
        };
        let (known, sent) = (stored.data(), sent.clone());
        let (mut data, over) = if overrides { (known, sent) } else { (sent, known) };
        data.attrs.extend(over.attrs);
        data.tags.extend(over.tags);
        data.parents.extend(over.parents);
        data.parents.sort_unstable();
        data.parents.dedup();
        self.load(&data).map(Some).map_err(Refusal::Invalid)
    }
}

fn too_many(most: usize) -> Refusal {
    let message = format!("more than {most} entities can be reached from the request");
    Refusal::Invalid(vec![Fault::new("", message)])
}
