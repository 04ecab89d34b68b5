//! Authorization: policies, decisions, searches.

mod batch;
mod cli;
mod conformance;
mod decide;
mod guardrails;
mod offline;
mod policies;
mod roles;
mod search;
mod snapshot;
pub(crate) mod support;
