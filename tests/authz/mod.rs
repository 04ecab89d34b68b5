//! Authorization: policies, decisions, searches.

mod batch;
mod conformance;
mod decide;
mod policies;
mod roles;
mod search;
pub(crate) mod support;
