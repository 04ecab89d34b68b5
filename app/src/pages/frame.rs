//! Frames, in which applications sign the user out.

use std::collections::BTreeSet;

use serde::Serialize;

use super::headers::source;
use super::page::SignedOut;
use super::script::Script;

/// A hidden frame of the sign-out page.
#[derive(Clone, Debug, Serialize)]
pub struct Frame {
    /// The application's address.
    pub src: String,
    /// The name of the application: the label of the frame.
    pub application: String,
}

/// What the content security policy of the page has more than that of others: the origins of its
/// frames, and its script when it leads on.
pub(super) fn policy(page: &SignedOut<'_>) -> String {
    let mut policy = String::new();
    let sources: BTreeSet<_> = page.frames.iter().filter_map(|f| source(&f.src)).collect();
    if !sources.is_empty() {
        let sources = Vec::from_iter(sources).join(" ");
        policy.push_str(&format!(" frame-src {sources};"));
    }
    if page.onward.is_some() {
        policy.push_str(&Script::GoOn.directive());
    }
    policy
}
