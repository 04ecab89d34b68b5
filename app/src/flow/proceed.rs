//! From a pending request to its next step: a page, or the answer.

use actix_web::HttpResponse;
use bailiwick_domain::application::{ApplicationType, redirect_uri_matches};
use bailiwick_domain::{Acr, Factor, Factors, Kind, OrganizationId, SessionId, UserId};
use bailiwick_protocol::ErrorCode;
use bailiwick_protocol::authorize::AuthorizationRequest;
use bailiwick_protocol::authorize::interaction::{Account, Step, next_step};
use bailiwick_protocol::authorize::response::failure;
use bailiwick_store::applications::Stored;
use bailiwick_store::authz::platform::{EntityKey, EntityRow};
use bailiwick_store::consents::Parties;
use bailiwick_store::sessions::SessionRow;
use futures_util::future::try_join_all;

use super::browser::Browser;
use super::browser_state;
use super::page::{self, PageError};
use super::pending::Pending;
use super::tokens::sub_for;
use super::{portal, respond};
use crate::cx::Cx;
use crate::pages::Problem;

/// The application of a pending request. It may have been removed or changed since the request was
/// validated: then it no longer stands for where the answer would go.
///
/// # Errors
/// A page that says so.
pub fn application<'a>(cx: &'a Cx, pending: &Pending) -> Result<&'a Stored, PageError> {
    let request = &pending.request;
    if portal::is_for(request) {
        return Ok(portal::application());
    }
    let gone = || PageError::new(Problem::UnknownApplication, "invalid_client");
    let app = cx.view.applications.by_client_id(&request.client_id).ok_or_else(gone)?;
    let spec = &app.application.spec;
    let any_port = spec.kind == ApplicationType::Native;
    let uri = &request.to.redirect_uri;
    let still = spec.redirect_uris.iter().any(|r| redirect_uri_matches(r, uri, any_port))
        && spec.response_types.contains(&request.response_type)
        && request.scopes.is_subset(&spec.scopes);
    if still { Ok(app) } else { Err(PageError::new(Problem::Expired, "application_changed")) }
}

/// Decides and takes the next step.
///
/// # Errors
/// Those of the store, as a page.
pub async fn proceed(
    cx: &Cx,
    pending: &Pending,
    browser: &Browser,
) -> Result<HttpResponse, PageError> {
    let (step, sessions) = next(cx, pending, browser).await?;
    let mut answer = match step {
        Step::Issue { session } if !portal::is_for(&pending.request) => {
            let (app, row) = (application(cx, pending)?, of(&sessions, session)?);
            let state = browser_state::of(cx, &sessions);
            respond::issue(cx, app, &pending.request, row, &state).await?
        }
        other => take(cx, pending, browser, other)?,
    };
    browser_state::keep(cx, browser, &sessions, &mut answer);
    Ok(answer)
}

/// The next step, and the sessions of the browser that it was decided among.
///
/// # Errors
/// Those of the store, as a page.
pub async fn next(
    cx: &Cx,
    pending: &Pending,
    browser: &Browser,
) -> Result<(Step, Vec<SessionRow>), PageError> {
    let app = application(cx, pending)?;
    let sessions = browser.sessions(cx).await?;
    let accounts = accounts(cx, app, (&pending.request, &sessions)).await?;
    let spec = &app.application.spec;
    let step = next_step(&pending.request, spec, &accounts, &pending.progress, cx.now);
    Ok((step, sessions))
}

/// One of the sessions of a browser.
///
/// # Errors
/// A page: it ended meanwhile.
pub fn of(sessions: &[SessionRow], id: SessionId) -> Result<&SessionRow, PageError> {
    let gone = || PageError::new(Problem::Expired, "session_ended");
    sessions.iter().find(|s| s.id == id).ok_or_else(gone)
}

/// The page of a step that is not the answer.
///
/// # Errors
/// A page for an application that is gone.
pub fn take(
    cx: &Cx,
    pending: &Pending,
    browser: &Browser,
    step: Step,
) -> Result<HttpResponse, PageError> {
    let to = |place: &str, pending: &Pending| {
        let sealed = pending.seal(cx);
        let mut answer = page::see_other(&format!("{}/login{place}?request={sealed}", cx.issuer()));
        if browser.is_new {
            // It cannot fail for a cookie that we made, and without it the page says what to do.
            let _ = answer.add_cookie(&browser.cookie(cx));
        }
        answer
    };
    Ok(match step {
        Step::Login { .. } => to("", pending),
        Step::SelectAccount => to("/accounts", pending),
        Step::Consent { .. } => to("/consent", pending),
        // From here on it is about this session.
        Step::Factor { session, .. } => to("/factor", &pending.clone().after(|p| p.chose(session))),
        Step::Enrol { session, .. } => to("/enrol", &pending.clone().after(|p| p.chose(session))),
        Step::Fail(error) if portal::is_for(&pending.request) => {
            return Err(PageError::new(Problem::Forbidden, error.code.name())
                .detail(error.description)
                .of_kind(Kind::Forbidden));
        }
        Step::Fail(error) => {
            let app = application(cx, pending)?;
            // Nobody's wish but ours: the others say what a page would have asked.
            if error.code == ErrorCode::AccessDenied {
                cx.refused("authorize.access_denied", Some(app.application.id));
            }
            let delivery = failure(&pending.request.to, cx.issuer(), &error);
            page::deliver(cx, &delivery, name(app))
        }
        Step::Issue { session } => page::see_other(&portal::answer(&pending.request, session)),
    })
}

/// What people call an application; the account pages have no name.
#[must_use]
pub fn name(app: &Stored) -> Option<&str> {
    Some(app.application.spec.name.as_str()).filter(|name| !name.is_empty())
}

/// What the person of a session can be asked for beside what they signed in with.
#[must_use]
pub fn usable(cx: &Cx, session: &SessionRow) -> Factors {
    let mailed = session.authentications.first().map(|first| first.connection.as_str())
        == Some(Factor::EmailCode.name());
    let mut all = session.factors;
    // A second code to the same address proves nothing more.
    if session.email.is_some() && !mailed {
        all = all.with(Factor::EmailCode);
    }
    let usable = cx.view.tenant.settings.mfa.usable(all);
    if cx.offers(Factor::SmsCode) { usable } else { usable.without(Factor::SmsCode) }
}

/// The accounts of a browser, as the application that asks sees them.
///
/// # Errors
/// Those of the store.
pub async fn accounts(
    cx: &Cx,
    app: &Stored,
    (request, sessions): (&AuthorizationRequest, &[SessionRow]),
) -> Result<Vec<Account>, bailiwick_actors::Error> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let application = app.application.id;
    let consents = if app.application.spec.first_party {
        vec![None; sessions.len()]
    } else {
        let consents = sessions.iter().map(|session| {
            cx.tenant.look_up(Parties { user: session.user, application, organization: None })
        });
        try_join_all(consents).await?
    };
    let members = match request.organization {
        None => vec![true; sessions.len()],
        Some(organization) => {
            try_join_all(sessions.iter().map(|s| is_member(cx, organization, s.user))).await?
        }
    };
    let settings = &cx.view.tenant.settings;
    let mfa = &settings.mfa;
    let accounts =
        sessions.iter().zip(consents).zip(members).map(|((session, consent), member)| {
            let usable = usable(cx, session);
            let acr = Acr::of(&session.authentications);
            Account {
                session: session.id,
                sub: sub_for(cx, app, &session.sub),
                email: session.email.clone(),
                auth_time: session.auth_time,
                acr,
                reach: acr.max(usable.reach()),
                offer: mfa.offers(),
                demand: mfa.demands(
                    usable,
                    session.remembered,
                    settings.risk.decide(session.risk).second_factor,
                ),
                consent: consent.map(|c| c.scopes),
                member,
            }
        });
    Ok(accounts.collect())
}

/// Whether a user is a member of an organization. The statement that issues asks again.
async fn is_member(
    cx: &Cx,
    organization: OrganizationId,
    user: UserId,
) -> Result<bool, bailiwick_actors::Error> {
    Ok(match cx.tenant.look_up(EntityKey::User(user)).await? {
        Some(EntityRow::User(known)) => known.organizations.contains_key(&organization),
        _ => false,
    })
}

/// The user of a session.
///
/// # Errors
/// Those of the store; a page when the user is gone.
pub async fn user(
    cx: &Cx,
    session: &SessionRow,
) -> Result<bailiwick_domain::user::User, PageError> {
    let user = cx.tenant.look_up(session.user).await?;
    user.ok_or_else(|| PageError::new(Problem::Expired, "session_ended"))
}
