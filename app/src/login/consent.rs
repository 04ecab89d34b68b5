//! `GET` and `POST /login/consent`: what the application asks for, and the user's answer.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::{EventKind, ScopeSet, SessionId};
use bailiwick_protocol::authorize::interaction::{Step, next_step};
use bailiwick_protocol::authorize::response::failure;
use bailiwick_protocol::{ErrorCode, OAuthError, Params};
use bailiwick_store::Error as StoreError;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::consents::{self, Parties};
use bailiwick_store::sessions::SessionRow;

use super::resume;
use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, pending_in_form, pending_in_query};
use crate::flow::page::{self, PageError, Show, answer, show};
use crate::flow::pending::Pending;
use crate::flow::proceed;
use crate::pages::{Account, Consent, Page, Problem};

/// The consent page.
#[utoipa::path(
    get,
    path = "/login/consent",
    tag = "Hosted pages",
    operation_id = "login_consent",
    params(("request" = String, Query, description = "The sealed pending request")),
    responses((status = 200, description = "A page"))
)]
#[get("/login/consent")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = ask(&cx, &request).await;
    answer(&cx, done)
}

async fn ask(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let (pending, browser) = pending_in_query(cx, request)?;
    let Some((session, scopes)) = wanted(cx, &pending, &browser).await? else {
        // Nothing to ask any more: perhaps the user consented in another window.
        return proceed::proceed(cx, &pending, &browser).await;
    };
    let spec = &proceed::application(cx, &pending)?.application.spec;
    let uri = &pending.request.to.redirect_uri;
    let host = url::Url::parse(uri).ok().and_then(|u| u.host_str().map(str::to_owned));
    let sealed = pending.seal(cx);
    let page = Page::Consent(Consent {
        action: &format!("{}/login/consent", cx.issuer()),
        request: &sealed,
        csrf: &browser.csrf(cx),
        application: &spec.name,
        scopes: &scopes,
        account: Account {
            value: "",
            name: session.name.as_deref(),
            identifier: session.email.as_deref().unwrap_or(&session.sub),
            signed_in: true,
        },
        another_account: &format!("{}/login/accounts?request={sealed}", cx.issuer()),
        destination: host.as_deref(),
    });
    let locale = pending.request.ui_locale;
    let how = Show { browser: Some(&browser), redirect: Some(uri), locale, ..Show::default() };
    Ok(show(cx, &page, how))
}

/// Remembers the consent, or tells the application of the refusal.
#[utoipa::path(
    post,
    path = "/login/consent",
    tag = "Hosted pages",
    operation_id = "login_consent_post",
    responses(
        (status = 303, description = "On to the next step, or `access_denied` to the application"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/login/consent")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = match submitted.0 {
        Ok(params) => decided(&cx, &request, &params).await,
        Err(e) => Err(e),
    };
    answer(&cx, done)
}

async fn decided(
    cx: &Cx,
    request: &HttpRequest,
    params: &Params,
) -> Result<HttpResponse, PageError> {
    let (pending, browser) = pending_in_form(cx, request, params)?;
    let allowed = match params.require("decision")? {
        "allow" => true,
        "refuse" => false,
        _ => return Err(PageError::new(Problem::BadRequest, "invalid_request")),
    };
    let Some((session, scopes)) = wanted(cx, &pending, &browser).await? else {
        return Ok(resume::redirect(cx, &pending));
    };
    remember(cx, &pending, &session, allowed.then_some(scopes)).await?;
    if allowed {
        return Ok(resume::redirect(cx, &pending.after(|p| p.consented(session.id))));
    }
    let error = OAuthError::new(ErrorCode::AccessDenied, "the user refused");
    let spec = &proceed::application(cx, &pending)?.application.spec;
    let delivery = failure(&pending.request.to, cx.issuer(), &error);
    Ok(page::deliver(cx, &delivery, Some(&spec.name)))
}

/// The session whose user is to be asked, and for what; none when there is nothing to ask.
async fn wanted(
    cx: &Cx,
    pending: &Pending,
    browser: &Browser,
) -> Result<Option<(SessionRow, ScopeSet)>, PageError> {
    let app = proceed::application(cx, pending)?;
    let sessions = browser.sessions(cx).await?;
    let accounts = proceed::accounts(cx, app, (&pending.request, &sessions)).await?;
    let (request, spec) = (&pending.request, &app.application.spec);
    match next_step(request, spec, &accounts, &pending.progress, cx.now) {
        Step::Consent { session, scopes } => Ok(find(sessions, session).map(|s| (s, scopes))),
        _ => Ok(None),
    }
}

fn find(sessions: Vec<SessionRow>, id: SessionId) -> Option<SessionRow> {
    sessions.into_iter().find(|s| s.id == id)
}

/// Writes the answer down: the consent and its event, or only the event of a refusal.
async fn remember(
    cx: &Cx,
    pending: &Pending,
    session: &SessionRow,
    scopes: Option<ScopeSet>,
) -> Result<(), PageError> {
    let app = proceed::application(cx, pending)?;
    let (tenant, env, now) = (cx.tenant_id(), cx.env().clone(), cx.now);
    let (user, application) = (session.user, app.application.id);
    let kind = if scopes.is_some() { EventKind::ConsentGiven } else { EventKind::ConsentRefused };
    let event = AuditEvent::new(&env, tenant, kind, Actor::user(tenant, user))
        .on("application", application.0)
        .with(serde_json::json!({ "scopes": scopes }));
    let write = move |tx| async move {
        if let Some(scopes) = scopes {
            let parties = Parties { user, application, organization: None };
            let id: uuid::Uuid = env.id();
            consents::remember(&tx, tenant, (id, &parties), &scopes, now).await?;
        }
        audit::append(&tx, &[event]).await
    };
    Ok(cx.store().write::<_, StoreError, _, _>(tenant, write).await?)
}
