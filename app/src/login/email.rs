//! `POST /login/email`: sign-in with a code or link in a mail, in place of the password.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_actors::limits::Limited;
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::{EventKind, Kind};
use bailiwick_protocol::Params;
use bailiwick_store::{Error as StoreError, users};

use super::sign_in;
use super::signed_in::signed_in;
use crate::cx::Cx;
use crate::factors::{Proof, sent_code};
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, pending_in_form};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::pending::Pending;
use crate::flow::proceed;
use crate::http::limits;
use crate::mails::{SignInLink, Wish, leave};
use crate::pages::{EmailCode, FactorProblem, Page, Problem, SignInProblem, Wait};

const WHAT: &str = "sign_in.email";

/// Sends a code, or checks it and starts a session.
#[utoipa::path(
    post,
    path = "/login/email",
    tag = "Hosted pages",
    operation_id = "login_email_post",
    responses(
        (status = 200, description = "A page that asks for the code: the same for every address"),
        (status = 303, description = "Signed in: on to the next step"),
        (status = 400, description = "The sign-in form again: not an address"),
        (status = 401, description = "The form again: the code is not right"),
        (status = 403, description = "A page: not here, or the form is not from this browser"),
        (status = 429, description = "The form again, or a page: too many tries"),
    )
)]
#[post("/login/email")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let (pending, browser) = pending_in_form(&cx, &request, &params)?;
        if !cx.view.tenant.settings.accounts.email_codes {
            let off = PageError::new(Problem::Forbidden, "email_codes_off");
            return Err(off.of_kind(Kind::Forbidden));
        }
        match params.get("ceremony")? {
            Some(ceremony) => check(&cx, (pending, browser), &request, (&params, ceremony)).await,
            None => send(&cx, (&pending, &browser), &params).await,
        }
    };
    let done = done.await;
    answer(&cx, done)
}

/// Leaves word for the worker, the same for every address.
async fn send(
    cx: &Cx,
    (pending, browser): (&Pending, &Browser),
    params: &Params,
) -> Result<HttpResponse, PageError> {
    let typed = params.get("email")?.unwrap_or_default();
    let Some(email) = normalize_email(typed) else {
        let shown = (typed, Some(SignInProblem::NoEmail), None);
        return sign_in::form(cx, (pending, browser), false, shown);
    };
    // Every mail counts as a try: nobody's mailbox is filled from here.
    cx.attempt("email_code.send", &email).await?.counted();
    let made = sent_code::make(cx, browser, (WHAT, None), &email);
    let link = SignInLink {
        request: pending.seal(cx),
        ceremony: made.ceremony.clone(),
        code: made.code,
        browser: browser.binding(cx),
    };
    let locale = pending.request.ui_locale.or(cx.locale).unwrap_or_default();
    let wish = Wish::SignInCode { email, link };
    leave(cx, (wish, locale), Some(EventKind::SignInCodeRequested)).await?;
    page(cx, (pending, browser), (typed, &made.ceremony), None)
}

async fn check(
    cx: &Cx,
    (pending, browser): (Pending, Browser),
    request: &HttpRequest,
    (params, ceremony): (&Params, &str),
) -> Result<HttpResponse, PageError> {
    let typed = params.get("code")?.unwrap_or_default();
    let given = sent_code::open(cx, &browser, (WHAT, None), (typed, ceremony));
    let Some(given) = given else {
        let shown = ("", Some(SignInProblem::Stale), None);
        return sign_in::form(cx, (&pending, &browser), false, shown);
    };
    let email = given.to.clone();
    let again = |problem| page(cx, (&pending, &browser), (&email, ceremony), Some(problem));
    let attempt = match cx.attempt("email_code", &email).await {
        Ok(attempt) => attempt,
        Err(limited) => return too_many(cx, (&pending, &browser), (&email, ceremony), &limited),
    };
    let (tenant, address) = (cx.tenant_id(), email.clone());
    let read = move |tx| async move { users::by_email(&tx, tenant, &address).await };
    let user = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let (Some((email, spent)), Some(user)) = (given.right(), user.filter(|u| u.active)) else {
        attempt.failed(cx.now);
        cx.refused("session.refused", None);
        return again((FactorProblem::Wrong, None));
    };
    attempt.succeeded(cx.now).await;
    let proof = Proof::EmailCode { email, ceremony: spent };
    let at = (pending.clone(), &browser, request);
    match signed_in(cx, at, user.id, (proof, SignInProblem::Stale)).await? {
        Ok(done) => Ok(done),
        Err(problem) => sign_in::form(cx, (&pending, &browser), false, ("", Some(problem), None)),
    }
}

fn too_many(
    cx: &Cx,
    at: (&Pending, &Browser),
    sent: (&str, &str),
    limited: &Limited,
) -> Result<HttpResponse, PageError> {
    let wait = Some(Wait::of(limited.retry_after));
    let mut answer = page(cx, at, sent, Some((FactorProblem::TooMany, wait)))?;
    limits::refuse(answer.headers_mut(), limited);
    Ok(answer)
}

fn page(
    cx: &Cx,
    (pending, browser): (&Pending, &Browser),
    (email, ceremony): (&str, &str),
    problem: Option<(FactorProblem, Option<Wait>)>,
) -> Result<HttpResponse, PageError> {
    let (problem, wait) = problem.unzip();
    let sealed = pending.seal(cx);
    let page = Page::EmailCode(EmailCode {
        action: &format!("{}/login/email", cx.issuer()),
        request: &sealed,
        csrf: &browser.csrf(cx),
        application: proceed::name(proceed::application(cx, pending)?),
        email,
        ceremony,
        problem,
        wait: wait.flatten(),
        back: &format!("{}/login?request={sealed}", cx.issuer()),
    });
    let status = problem.map_or(StatusCode::OK, FactorProblem::status);
    let redirect = Some(pending.request.to.redirect_uri.as_str());
    let locale = pending.request.ui_locale;
    Ok(show(cx, &page, Show { status, browser: Some(browser), redirect, locale }))
}
