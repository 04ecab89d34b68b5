//! How unusual a sign-in is, compared with where its person signed in before.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use bailiwick_actors::TenantView;
use bailiwick_actors::limits::Network;
use bailiwick_domain::risk::{Decision, Reason, Seen, Signals, score};
use bailiwick_domain::{BrowserId, Locale, TenantId, Timestamp, UserId};
use bailiwick_store::sign_ins::{self, SignIn};
use bailiwick_store::vault::Place as Sealed;
use bailiwick_store::{Error as StoreError, TenantTx, users};
use serde_json::{Value, json};

use super::device::Device;
use crate::cx::Cx;
use crate::mails::{Asked, Wish};
use crate::pages::LetterKind;
use crate::state::State;

/// How many sign-ins are compared with.
const COMPARED: u64 = 20;
/// For how long they are kept.
const KEPT: Duration = Duration::from_secs(90 * 86_400);

/// A sign-in that is looked at.
pub struct Look {
    state: Data<State>,
    view: Arc<TenantView>,
    device: Device,
    failed_accounts: usize,
    locale: Option<Locale>,
    now: Timestamp,
}

/// What was found.
pub struct Found {
    reasons: Vec<Reason>,
    /// In points.
    pub score: u32,
    /// What comes of it.
    pub decision: Decision,
}

impl Found {
    /// For the audit trail: why it was decided so.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "score": self.score, "reasons": self.reasons, "decision": self.decision })
    }
}

fn place(browser: &BrowserId) -> Sealed<'_> {
    Sealed { table: "sign_ins", column: "device", row: browser.0.as_bytes().as_slice().into() }
}

impl Look {
    /// What there is to look at.
    #[must_use]
    pub fn at(cx: &Cx, request: &HttpRequest) -> Self {
        let network = Network::of(cx.from);
        let limits = cx.platform().limits();
        Self {
            device: Device::of(cx, request),
            failed_accounts: limits.failed_accounts(&cx.view, "password", network),
            state: cx.state.clone(),
            view: cx.view.clone(),
            locale: cx.locale,
            now: cx.now,
        }
    }

    fn tenant(&self) -> TenantId {
        self.view.tenant.id
    }

    /// Compares it with what came before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn compare(
        &self,
        tx: &TenantTx,
        user: UserId,
        browser: Option<BrowserId>,
    ) -> Result<Found, StoreError> {
        let who = (self.tenant(), user);
        let before = sign_ins::of_user(tx, who, self.now, COMPARED).await?;
        let where_is = |device: &Device| {
            let address = device.address.as_ref()?.parse().ok()?;
            self.state.places.of(address)
        };
        let seen = before.iter().map(|old| {
            let plain = self.view.vault.open(&place(&old.browser), &old.device);
            let device = plain.map(|p| Device::from_bytes(&p)).unwrap_or_default();
            Seen { here: Some(old.browser) == browser, place: where_is(&device), at: old.at }
        });
        let signals = Signals {
            place: where_is(&self.device),
            at: self.now,
            before: seen.collect(),
            failed_accounts: self.failed_accounts,
        };
        let reasons = signals.reasons();
        let score = score(&reasons);
        Ok(Found { decision: self.view.tenant.settings.risk.decide(score), score, reasons })
    }

    /// Notes it for the next one to be compared with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note(
        &self,
        tx: &TenantTx,
        user: UserId,
        browser: BrowserId,
    ) -> Result<(), StoreError> {
        let env = self.state.platform.env();
        let device = self.view.vault.seal(&place(&browser), &self.device.to_bytes(), env);
        let new = SignIn { browser, device, at: self.now };
        sign_ins::note(tx, (self.tenant(), user), &new, self.now.plus(KEPT)).await
    }

    /// Tells the person of it by mail.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell(
        &self,
        tx: &TenantTx,
        user: UserId,
        letter: LetterKind,
    ) -> Result<(), StoreError> {
        let tenant = self.tenant();
        let Some(user) = users::get(tx, tenant, user).await? else { return Ok(()) };
        let locale = user.locale().or(self.locale).unwrap_or_default();
        let Some(email) = user.email else { return Ok(()) };
        let address = self.device.address.as_deref();
        let place = address.and_then(|address| self.state.places.name(address));
        let parts = [self.device.name(), place, address.map(str::to_owned)];
        let detail = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let detail = (!detail.is_empty()).then_some(detail);
        let asked = Asked::new(Wish::Told { email, letter, detail }, locale);
        let env = self.state.platform.env();
        asked.enqueue(tx, tenant, &self.view.vault, (env, self.now)).await
    }
}
