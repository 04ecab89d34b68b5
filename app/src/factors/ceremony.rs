//! What a page has to bring back: sealed, for one browser, for a few minutes, once.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bailiwick_domain::{TenantId, Timestamp, UserId};
use bailiwick_store::vault::Label;
use bailiwick_store::{Error as StoreError, TenantTx, spent};
use serde::{Deserialize, Serialize};

use crate::cx::Cx;
use crate::flow::browser::Browser;

const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Longer than any that is made.
const MAX_SEALED: usize = 16 * 1024;

/// A ceremony that came back.
pub struct Ceremony {
    /// What it needs at its end.
    pub state: String,
    /// Whose it is, when that was known.
    pub user: Option<UserId>,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// What is spent with it.
    pub hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    what: String,
    state: String,
    user: Option<UserId>,
    expires_at: Timestamp,
    browser: String,
}

impl Ceremony {
    /// Seals what a ceremony needs at its end. `what` is which one: it comes back as no other.
    #[must_use]
    pub fn seal(
        cx: &Cx,
        browser: &Browser,
        (what, user): (&str, Option<UserId>),
        state: String,
    ) -> String {
        let sealed = Sealed {
            what: what.to_owned(),
            state,
            user,
            expires_at: cx.now.plus(LIFETIME),
            browser: browser.binding(cx),
        };
        let plain = serde_json::to_vec(&sealed).unwrap_or_default();
        cx.view.vault.seal_token(Label::Ceremony, &plain, cx.env())
    }

    /// Uses it up: `true` for the first of any number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend(&self, tx: &TenantTx, tenant: TenantId) -> Result<bool, StoreError> {
        spent::spend(tx, tenant, &self.hash, self.expires_at).await
    }

    /// Opens one; `None` when it is of another kind, user or browser, was edited or is too old.
    #[must_use]
    pub fn open(
        cx: &Cx,
        browser: &Browser,
        (what, user): (&str, Option<UserId>),
        text: &str,
    ) -> Option<Self> {
        let plain = (text.len() <= MAX_SEALED)
            .then(|| cx.view.vault.open_token(Label::Ceremony, text))
            .flatten()?;
        let found: Sealed = serde_json::from_slice(&plain).ok()?;
        let fits = found.what == what
            && found.user == user
            && found.expires_at > cx.now
            && found.browser == browser.binding(cx);
        // Of the text itself: the nonce in it is new for each.
        let hash = digest(&SHA256, text.as_bytes()).as_ref().try_into().ok()?;
        let Sealed { state, user, expires_at, .. } = found;
        fits.then_some(Self { state, user, expires_at, hash })
    }
}
