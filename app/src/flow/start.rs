//! From a proof to a session: one that starts, or one that proves more than before. Either way the
//! browser gets a new secret, so that one planted before is worth nothing.

use actix_web::HttpRequest;
use bailiwick_actors::RevokedKey;
use bailiwick_domain::tenant::WhenFull;
use bailiwick_domain::user::Authentication;
use bailiwick_domain::{Acr, EventKind, SessionId, UserId, acr};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::sessions::{self, SessionRow, StartSession};
use bailiwick_store::{Error as StoreError, browsers, remembered};

use super::browser::{self, Browser};
use super::cut_off::tell;
use super::device::Device;
use super::risk::Look;
use crate::cx::Cx;
use crate::factors::Proof;
use crate::pages::LetterKind;

/// A session, and the browser as it is from now on.
pub struct Started {
    /// The session.
    pub session: SessionId,
    /// The browser with its new secret.
    pub browser: Browser,
}

/// Renews the session that the user has in this browser, or starts one.
///
/// # Errors
/// [`StoreError::NotFound`] when the proof is no longer right, or the user gone;
/// [`StoreError::Taken`] when the user has as many sessions as the tenant allows.
///
/// `None` when the sign-in is so unusual that the tenant lets it not through.
pub async fn start(
    cx: &Cx,
    (browser, request): (&Browser, &HttpRequest),
    user: UserId,
    proof: Proof,
) -> Result<Option<Started>, bailiwick_actors::Error> {
    let accounts = browser.sessions(cx).await?;
    let present = accounts.iter().find(|s| s.user == user).map(|s| s.id);
    let steps = vec![proof.step(cx.now)];
    let new = Begin { user, present, steps, kind: EventKind::SignedIn, remember: false };
    begin(cx, (browser, request), new, proof).await
}

/// Adds a step to the sign-in of a session.
///
/// # Errors
/// [`StoreError::NotFound`] when the proof is no longer right, or the session over.
pub async fn strengthen(
    cx: &Cx,
    (browser, request): (&Browser, &HttpRequest),
    session: &SessionRow,
    (proof, remember): (Proof, bool),
) -> Result<Started, bailiwick_actors::Error> {
    let step = proof.step(cx.now);
    let mut steps = session.authentications.clone();
    steps.retain(|s| s.connection != step.connection);
    steps.push(step);
    let (user, present) = (session.user, Some(session.id));
    let new = Begin { user, present, steps, kind: EventKind::FactorUsed, remember };
    let begun = begin(cx, (browser, request), new, proof).await?;
    // Only what starts is looked at.
    begun.ok_or_else(|| StoreError::NotFound("session").into())
}

struct Begin {
    user: UserId,
    present: Option<SessionId>,
    steps: Vec<Authentication>,
    kind: EventKind,
    remember: bool,
}

async fn begin(
    cx: &Cx,
    (browser, request): (&Browser, &HttpRequest),
    begin: Begin,
    proof: Proof,
) -> Result<Option<Started>, bailiwick_actors::Error> {
    let (tenant, env, now) = (cx.tenant_id(), cx.env().clone(), cx.now);
    let settings = &cx.view.tenant.settings;
    let (lifetimes, days) = (settings.sessions, settings.mfa.remember_days);
    let fresh = Browser::fresh(cx);
    let (old_mac, new_mac) = (browser.mac(cx), fresh.mac(cx));
    let Begin { user, present, steps, kind, remember } = begin;
    let new_session: SessionId = env.id();
    let device = Device::of(cx, request).seal(cx, new_session);
    let look = (kind == EventKind::SignedIn).then(|| Look::at(cx, request));
    let write = move |tx| async move {
        proof.redeem(&tx, (tenant, user), now).await?;
        let previous = browsers::find(&tx, tenant, &old_mac).await?;
        let event = |kind, data| {
            let actor = Actor::user(tenant, user);
            AuditEvent::new(&env, tenant, kind, actor).with(data)
        };
        let mut data =
            serde_json::json!({ "amr": acr::amr(&steps), "acr": Acr::of(&steps).name() });
        let found = match &look {
            Some(look) => Some(look.compare(&tx, user, previous.map(|b| b.id)).await?),
            None => None,
        };
        let decision = found.as_ref().map(|f| f.decision).unwrap_or_default();
        if let Some(found) = found.as_ref().filter(|f| f.score > 0) {
            data["risk"] = found.to_json();
        }
        if let Some(look) = look.as_ref().filter(|_| decision.block) {
            look.tell(&tx, user, LetterKind::SignInBlocked).await?;
            let blocked = event(EventKind::SignInBlocked, data).on("user", user.0);
            audit::append(&tx, &[blocked]).await?;
            return Ok(None);
        }
        let mut new = StartSession {
            tenant,
            browser: env.id(),
            browser_mac: new_mac,
            previous: previous.map(|b| (b.id, old_mac)),
            browser_expires_at: now.plus(browser::LIFETIME),
            session: present.unwrap_or(new_session),
            user,
            authentications: steps,
            device: Some(device),
            risk: found.map_or(0, |f| f.score),
            now,
            idle_expires_at: now.plus_secs(lifetimes.idle_lifetime),
            expires_at: now.plus_secs(lifetimes.absolute_lifetime),
        };
        let renewed = present.is_some() && sessions::renew(&tx, &new).await?;
        let mut browser = previous.map(|b| b.id);
        if !renewed {
            if kind == EventKind::FactorUsed {
                return Err(StoreError::NotFound("session"));
            }
            new.session = new_session;
            browser = Some(sessions::start(&tx, &new).await?);
        }
        if let Some((look, browser)) = look.as_ref().zip(browser) {
            look.note(&tx, user, browser).await?;
            if decision.notify {
                look.tell(&tx, user, LetterKind::NewSignIn).await?;
            }
        }
        if remember
            && days > 0
            && let Some(previous) = previous
        {
            let until = now.plus_secs(days.saturating_mul(86_400));
            remembered::remember(&tx, (tenant, user, previous.id), until, now).await?;
        }
        let ended = sessions::end_beyond(&tx, (tenant, user), lifetimes.max_per_user, now).await?;
        if !ended.is_empty() && lifetimes.when_full == WhenFull::Refuse {
            return Err(StoreError::Taken("place for a session"));
        }
        let of = |kind, session: SessionId, data| event(kind, data).on("session", session.0);
        let too_many = serde_json::json!({ "reason": "max_per_user" });
        let mut events: Vec<_> =
            ended.iter().map(|id| of(EventKind::SignedOut, *id, too_many.clone())).collect();
        events.push(of(kind, new.session, data));
        audit::append(&tx, &events).await?;
        Ok::<_, StoreError>(Some((new.session, ended)))
    };
    let Some((session, ended)) = cx.store().write(tenant, write).await? else { return Ok(None) };
    tell(cx, ended.into_iter().map(RevokedKey::Session).collect()).await;
    Ok(Some(Started { session, browser: fresh }))
}
