//! What a node remembers of entities and decisions, of all tenants together and bounded.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_policy::{Decision, Layer, Loaded, Part, Uid};
use metrics::{Counter, counter};
use moka::notification::RemovalCause;
use moka::sync::Cache;

/// Bytes of entities that a node remembers, about.
const ENTITY_BYTES: u64 = 96 * 1024 * 1024;
/// Bytes of what can be reached from entities, about.
const PART_BYTES: u64 = 96 * 1024 * 1024;
/// Bytes of decisions, about.
const DECISION_BYTES: u64 = 64 * 1024 * 1024;
/// Organizations whose policies, or lack of policies, a node remembers.
const LAYERS: u64 = 20_000;
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Names a tenant while it is warm, until all of its entities change: what was remembered before is
/// not found again. A cold tenant is not told of changes.
pub(crate) type Incarnation = u64;

/// An entity, or that there is none.
#[derive(Clone)]
pub(crate) struct KnownEntity {
    /// The schema that it was read for.
    pub(crate) schema: u64,
    pub(crate) loaded: Option<Loaded>,
}

/// What policies can look into from an entity.
#[derive(Clone)]
pub(crate) struct KnownPart {
    /// The schema that it was read for.
    pub(crate) schema: u64,
    /// When.
    pub(crate) epoch: u64,
    pub(crate) part: Part,
}

/// Whose decision it is, exactly: nothing is hashed away.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) tenant: Incarnation,
    pub(crate) principal: Uid,
    pub(crate) action: Box<str>,
    pub(crate) resource: Uid,
    /// As JSON; empty when there is none.
    pub(crate) context: Box<str>,
}

/// A decision, and what it stands on.
#[derive(Clone)]
pub(crate) struct KnownDecision {
    pub(crate) snapshot: i64,
    pub(crate) epoch: u64,
    pub(crate) decision: Arc<Decision>,
}

/// Of one node.
pub(crate) struct Caches {
    pub(crate) entities: Cache<(Incarnation, Uid), KnownEntity>,
    /// By how many entities in a row are looked at.
    pub(crate) parts: Cache<(Incarnation, Uid, u8), KnownPart>,
    pub(crate) decisions: Cache<Question, KnownDecision>,
    /// By the version of the tenant's policies, which counts those of organizations too.
    pub(crate) layers: Cache<(Incarnation, i64, Uid), Option<Arc<Layer>>>,
    /// Decisions that were remembered, and those that were not.
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
}

impl Default for Caches {
    fn default() -> Self {
        let entities = Cache::builder()
            .weigher(|(_, uid): &(Incarnation, Uid), known: &KnownEntity| {
                let bytes = known.loaded.as_ref().map_or(0, Loaded::weight) + uid.id().len() + 300;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .max_capacity(ENTITY_BYTES)
            .time_to_idle(IDLE)
            .build();
        let parts = Cache::builder()
            .weigher(|(_, uid, _): &(Incarnation, Uid, u8), known: &KnownPart| {
                let bytes = known.part.weight() + uid.id().len() + 400;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .max_capacity(PART_BYTES)
            .time_to_idle(IDLE)
            .build();
        let decisions = Cache::builder()
            .weigher(|question: &Question, known: &KnownDecision| {
                let (principal, resource) = (&question.principal, &question.resource);
                let texts = [principal.id(), resource.id(), &question.action, &question.context];
                let bytes = texts.iter().map(|text| text.len()).sum::<usize>();
                u32::try_from(1_000 + bytes + known.decision.weight()).unwrap_or(u32::MAX)
            })
            .max_capacity(DECISION_BYTES)
            .time_to_idle(IDLE)
            .eviction_listener(|_, _, cause| {
                if cause != RemovalCause::Replaced {
                    counter!("bailiwick_decision_cache_evictions_total").increment(1);
                }
            })
            .build();
        let layers = Cache::builder().max_capacity(LAYERS).time_to_idle(IDLE).build();
        let hits = counter!("bailiwick_decision_cache_hits_total");
        let misses = counter!("bailiwick_decision_cache_misses_total");
        Self { entities, parts, decisions, layers, hits, misses }
    }
}
