//! From a pending request to its next step: a page, or the answer.

use actix_web::HttpResponse;
use bailiwick_domain::application::{ApplicationType, redirect_uri_matches};
use bailiwick_protocol::authorize::interaction::{Account, Step, next_step};
use bailiwick_protocol::authorize::response::failure;
use bailiwick_store::applications::Stored;
use bailiwick_store::consents::Parties;
use bailiwick_store::sessions::SessionRow;
use futures_util::future::try_join_all;

use super::browser::Browser;
use super::browser_state;
use super::page::{self, PageError};
use super::pending::Pending;
use super::respond;
use super::tokens::sub_for;
use crate::cx::Cx;
use crate::pages::Problem;

/// The application of a pending request. It may have been removed or changed since the request was
/// validated: then it no longer stands for where the answer would go.
///
/// # Errors
/// A page that says so.
pub fn application<'a>(cx: &'a Cx, pending: &Pending) -> Result<&'a Stored, PageError> {
    let request = &pending.request;
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
    let app = application(cx, pending)?;
    let sessions = browser.sessions(cx).await?;
    let accounts = accounts(cx, app, &sessions).await?;
    let request = &pending.request;
    let step = next_step(request, &app.application.spec, &accounts, &pending.progress, cx.now);
    let to = |place: &str| {
        let sealed = pending.seal(cx);
        let mut answer = page::see_other(&format!("{}/login{place}?request={sealed}", cx.issuer()));
        if browser.is_new {
            // It cannot fail for a cookie that we made, and without it the page says what to do.
            let _ = answer.add_cookie(&browser.cookie(cx));
        }
        answer
    };
    let mut answer = match step {
        Step::Login { .. } => to(""),
        Step::SelectAccount => to("/accounts"),
        Step::Consent { .. } => to("/consent"),
        Step::Fail(error) => {
            let delivery = failure(&request.to, cx.issuer(), &error);
            page::deliver(cx, &delivery, Some(&app.application.spec.name))
        }
        Step::Issue { session } => {
            let gone = || PageError::new(Problem::Expired, "session_ended");
            let row = sessions.iter().find(|s| s.id == session).ok_or_else(gone)?;
            let state = browser_state::of(cx, &sessions);
            respond::issue(cx, app, request, row, &state).await?
        }
    };
    browser_state::keep(cx, browser, &sessions, &mut answer);
    Ok(answer)
}

/// The accounts of a browser, as the application that asks sees them.
///
/// # Errors
/// Those of the store.
pub async fn accounts(
    cx: &Cx,
    app: &Stored,
    sessions: &[SessionRow],
) -> Result<Vec<Account>, bailiwick_actors::Error> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let application = app.application.id;
    let consents = try_join_all(sessions.iter().map(|session| {
        cx.tenant.look_up(Parties { user: session.user, application, organization: None })
    }));
    let consents = consents.await?;
    let accounts = sessions.iter().zip(consents).map(|(session, consent)| Account {
        session: session.id,
        sub: sub_for(cx, app, &session.sub),
        email: session.email.clone(),
        auth_time: session.auth_time,
        consent: consent.map(|c| c.scopes),
    });
    Ok(accounts.collect())
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
