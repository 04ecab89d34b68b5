//! Signing out: the question, sealed like a pending request, the end of sessions, and what follows.

use std::time::Duration;

use actix_web::HttpResponse;
use bailiwick_domain::{EventKind, SessionId, Timestamp};
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::batch::{Action, Command};
use bailiwick_store::sessions::SessionRow;
use bailiwick_store::vault::Label;
use serde::{Deserialize, Serialize};

use super::browser::Browser;
use super::browser_state;
use super::frames;
use super::page::{self, PageError, Show, show};
use crate::cx::Cx;
use crate::pages::{Account, Page, Problem, SignOut, SignedOut};

const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A sign-out that waits for the user's yes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Leaving {
    /// Where the user goes then; checked before it was sealed.
    pub to: Option<String>,
    /// The name of the application that asked for it.
    pub application: Option<String>,
    sign_out: bool,
    expires_at: Timestamp,
    browser: String,
}

impl Leaving {
    /// A sign-out of this browser.
    #[must_use]
    pub fn new(cx: &Cx, to: Option<String>, application: Option<&str>, browser: &Browser) -> Self {
        let (expires_at, browser) = (cx.now.plus(LIFETIME), browser.binding(cx));
        Self {
            to,
            application: application.map(str::to_owned),
            sign_out: true,
            expires_at,
            browser,
        }
    }

    /// Opens what the page carried.
    ///
    /// # Errors
    /// A page that says so when it is forged, too old, or another browser's.
    pub fn open(cx: &Cx, sealed: &str, browser: &Browser) -> Result<Self, PageError> {
        let plain = cx.view.vault.open_token(Label::PendingRequest, sealed);
        let leaving = plain.and_then(|plain| serde_json::from_slice::<Self>(&plain).ok());
        let broken = || PageError::new(Problem::BadRequest, "invalid_request");
        let leaving = leaving.filter(|l| l.sign_out).ok_or_else(broken)?;
        if leaving.expires_at <= cx.now {
            return Err(PageError::new(Problem::Expired, "request_expired"));
        }
        if leaving.browser != browser.binding(cx) {
            return Err(PageError::new(Problem::OtherBrowser, "other_browser"));
        }
        Ok(leaving)
    }

    /// The page that asks.
    #[must_use]
    pub fn ask(&self, cx: &Cx, sessions: &[SessionRow], browser: &Browser) -> HttpResponse {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        let sealed = cx.view.vault.seal_token(Label::PendingRequest, &plain, cx.env());
        let accounts: Vec<Account<'_>> = sessions
            .iter()
            .map(|s| Account {
                value: "",
                name: s.name.as_deref(),
                identifier: s.email.as_deref().unwrap_or(&s.sub),
                signed_in: true,
            })
            .collect();
        let page = Page::SignOut(SignOut {
            action: &format!("{}/login/sign-out", cx.issuer()),
            request: &sealed,
            csrf: &browser.csrf(cx),
            application: self.application.as_deref(),
            accounts,
        });
        // The answer to the form may be a redirect to the application.
        show(cx, &page, Show { redirect: self.to.as_deref(), ..Show::default() })
    }
}

/// Ends those of these sessions, each with its audit event, and goes where the user is then: to the
/// address, or to a page. Where applications are signed out of in frames it is always a page, which
/// leads on when the frames are there.
///
/// # Errors
/// Those of the store.
pub async fn end(
    cx: &Cx,
    browser: &Browser,
    sessions: &[SessionRow],
    ending: &[SessionId],
    (to, application): (Option<&str>, Option<&str>),
) -> Result<HttpResponse, PageError> {
    let tenant = cx.tenant_id();
    for session in sessions.iter().filter(|s| ending.contains(&s.id)) {
        let actor = Actor::user(tenant, session.user);
        let event = AuditEvent::new(cx.env(), tenant, EventKind::SignedOut, actor)
            .on("session", session.id.0);
        let action = Action::EndSessions(vec![session.id]);
        let command = Command { id: cx.env().id(), tenant, action, audit: Some(event) };
        cx.tenant.commit(command).await?;
    }
    let frames = frames::of(cx, ending).await;
    let mut answer = match to {
        Some(to) if frames.is_empty() => page::see_other(to),
        onward => {
            let done = SignedOut { stayed: false, application, frames: &frames, onward };
            show(cx, &Page::SignedOut(done), Show::default())
        }
    };
    let left: Vec<_> = sessions.iter().filter(|s| !ending.contains(&s.id)).cloned().collect();
    browser_state::keep(cx, browser, &left, &mut answer);
    Ok(answer)
}
