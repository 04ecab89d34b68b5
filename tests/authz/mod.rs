//! Authorization: policies, decisions, searches.

mod batch;
mod conformance;
mod decide;
mod search;
pub(crate) mod support;
