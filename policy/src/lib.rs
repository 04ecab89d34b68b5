//! Authorization decisions with Cedar.
//!
//! Pure: a decision depends on its request, on the entities that are handed in, and on the
//! policies, on nothing else.
//!
//! [`compile()`] turns a tenant's [`Bundle`] and its roles into a [`Snapshot`], or says with
//! [`Finding`]s what is wrong with it. A snapshot checks entities and requests, and decides.

mod analysis;
mod bundle;
mod compile;
mod decide;
mod diff;
mod entity;
mod export;
mod finding;
mod guardrails;
mod index;
mod layer;
mod lines;
mod links;
pub mod management;
mod organization;
mod parse;
mod plain;
mod query;
mod roles;
mod scan;
mod schema;
mod search;
mod slice;
mod snapshot;
mod stack;
mod stored;
pub mod suite;
mod uid;
mod validate;
mod value;

pub use bundle::{Bundle, Link, Mode, RoleRule};
pub use compile::compile;
pub use decide::{Decision, EvalError, Missing, Reason};
pub use diff::{Change, Difference, TextChange, diff};
pub use entity::{EntityData, Fault, Loaded};
pub use export::Export;
pub use finding::{Finding, Severity};
pub use guardrails::compile_guardrails;
pub use layer::{Effect, Layer, LayerKind, PolicyInfo};
pub use organization::organization_layer;
pub use plain::Plain;
pub use query::Query;
pub use search::Sieve;
pub use slice::{Part, Slice};
pub use snapshot::Snapshot;
pub use uid::{BadUid, Uid};

#[cfg(test)]
mod tests;
