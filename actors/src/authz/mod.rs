//! Decisions: a tenant's compiled policies, the entities that they look at, and what is kept of
//! decisions.
//!
//! A decision reads a compiled snapshot, entities from memory, and counts: no lock that waits, no
//! message, no SQL, once what it needs was read. What is read is dropped when the change feed, or
//! this node itself, says that it changed.

mod cache;
mod compiled;
mod decide;
mod entity;
mod gather;
mod guard;
mod log;
mod management;
mod offline;
mod owner;
mod replay;
mod search;

pub use compiled::Compiled;
pub use decide::{Ask, Decided, Refusal, Sent};
pub use gather::Memo;
pub use guard::{Denied, Issuing};
pub use management::Rules;
pub use offline::Offline;
pub use owner::{Activated, PolicyChange};
pub use replay::{Report, Request, Trial};
pub use search::{Found, Page, Wanted};

pub(crate) use cache::Caches;
pub(crate) use compiled::Authz;
pub(crate) use log::Log;
pub(crate) use owner::{change, validate};
