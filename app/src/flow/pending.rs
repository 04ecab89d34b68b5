//! A pending authorization request: sealed under a tenant key and carried by the pages, not stored.

use std::time::Duration;

use bailiwick_domain::Timestamp;
use bailiwick_protocol::authorize::AuthorizationRequest;
use bailiwick_protocol::authorize::interaction::Progress;
use bailiwick_store::vault::Label;
use serde::{Deserialize, Serialize};

use super::browser::Browser;
use super::page::PageError;
use crate::cx::Cx;
use crate::pages::Problem;

const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// A sealed request is never longer than this.
const MAX_SEALED: usize = 8 * 1024;

/// A validated request and what the user has done for it so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The request.
    pub request: AuthorizationRequest,
    /// What the user has done for it.
    #[serde(default)]
    pub progress: Progress,
    expires_at: Timestamp,
    browser: String,
}

impl Pending {
    /// A request that just arrived from this browser.
    #[must_use]
    pub fn new(cx: &Cx, request: AuthorizationRequest, browser: &Browser) -> Self {
        let expires_at = cx.now.plus(LIFETIME);
        Self { request, progress: Progress::default(), expires_at, browser: browser.binding(cx) }
    }

    /// The request, after the user did something for it.
    #[must_use]
    pub fn after(mut self, done: impl FnOnce(Progress) -> Progress) -> Self {
        self.progress = done(self.progress);
        self
    }

    /// The request, bound to the browser's new secret.
    #[must_use]
    pub fn rebound(mut self, cx: &Cx, browser: &Browser) -> Self {
        self.browser = browser.binding(cx);
        self
    }

    /// What the pages carry.
    #[must_use]
    pub fn seal(&self, cx: &Cx) -> String {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        cx.view.vault.seal_token(Label::PendingRequest, &plain, cx.env())
    }

    /// Opens what a page carried. What was done for it in another browser does not count.
    ///
    /// # Errors
    /// A page that says so when it is forged or too old.
    pub fn open(cx: &Cx, sealed: &str, browser: &Browser) -> Result<Self, PageError> {
        let broken = || PageError::new(Problem::BadRequest, "invalid_request");
        if sealed.len() > MAX_SEALED {
            return Err(broken());
        }
        let plain = cx.view.vault.open_token(Label::PendingRequest, sealed).ok_or_else(broken)?;
        let mut pending: Self = serde_json::from_slice(&plain).map_err(|_| broken())?;
        if pending.expires_at <= cx.now {
            return Err(PageError::new(Problem::Expired, "request_expired"));
        }
        if pending.browser != browser.binding(cx) {
            // Two tabs, or a link that was passed on. The request itself could as well arrive here
            // at the authorization endpoint; what somebody has done for it counts only there.
            pending.progress = Progress::default();
            pending.browser = browser.binding(cx);
        }
        Ok(pending)
    }
}
