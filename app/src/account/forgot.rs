//! `GET` and `POST /account/forgot`: asks for a mail to set a new password.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::EventKind;
use bailiwick_domain::text::normalize_email;
use bailiwick_protocol::Params;

use super::{back, pending};
use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, own_form};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::pending::Pending;
use crate::mails::{Wish, leave};
use crate::pages::{Forgot, FormProblem, Notice, NoticeKind, Page};

/// The form.
#[utoipa::path(
    get,
    path = "/account/forgot",
    tag = "Hosted pages",
    operation_id = "account_forgot",
    params(("request" = Option<String>, Query, description = "The sealed pending request")),
    responses((status = 200, description = "A page"))
)]
#[get("/account/forgot")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let params = Params::parse(request.query_string().as_bytes())?;
        let browser = Browser::of(&cx, &request);
        let pending = pending(&cx, &params, &browser)?;
        let hint = pending.as_ref().and_then(|p| p.request.login_hint.clone()).unwrap_or_default();
        Ok(form(&cx, &browser, pending.as_ref(), (&hint, None)))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Leaves word for the worker, the same for every address: what the page says, and how long it
/// takes to say it, does not depend on who has an account.
#[utoipa::path(
    post,
    path = "/account/forgot",
    tag = "Hosted pages",
    operation_id = "account_forgot_post",
    responses(
        (status = 200, description = "A page: look into your mail, if there is such an account"),
        (status = 400, description = "The form again: not an address"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 429, description = "A page: too many mails were asked for"),
    )
)]
#[post("/account/forgot")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = ask(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

async fn ask(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let browser = own_form(cx, request, &params)?;
    let pending = pending(cx, &params, &browser)?;
    let typed = params.get("email")?.unwrap_or_default();
    let Some(email) = normalize_email(typed) else {
        return Ok(form(cx, &browser, pending.as_ref(), (typed, Some(FormProblem::NoEmail))));
    };
    // Every mail counts as a try: nobody's mailbox is filled from here.
    cx.attempt("recovery", &email).await?.counted();
    let asked = pending.as_ref().and_then(|p| p.request.ui_locale);
    let locale = asked.or(cx.locale).unwrap_or_default();
    leave(cx, (Wish::Recover { email }, locale), Some(EventKind::RecoveryRequested)).await?;
    let back = back(cx, pending.as_ref());
    let done = Notice { kind: NoticeKind::RecoverySent, email: Some(typed), back: back.as_deref() };
    Ok(show(cx, &Page::Notice(done), Show { locale: Some(locale), ..Show::default() }))
}

fn form(
    cx: &Cx,
    browser: &Browser,
    pending: Option<&Pending>,
    (email, problem): (&str, Option<FormProblem>),
) -> HttpResponse {
    let back = back(cx, pending);
    let page = Page::Forgot(Forgot {
        action: &format!("{}/account/forgot", cx.issuer()),
        request: &pending.map(|p| p.seal(cx)).unwrap_or_default(),
        csrf: &browser.csrf(cx),
        email,
        problem,
        back: back.as_deref(),
    });
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let locale = pending.and_then(|p| p.request.ui_locale);
    show(cx, &page, Show { status, browser: Some(browser), locale, ..Show::default() })
}
