//! `GET` and `POST /account/email`: another e-mail address.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::EventKind;
use bailiwick_domain::text::normalize_email;
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::mails::{EmailChange, News, Wish};
use crate::pages::{ChangeEmail, Content, Done, FormProblem, Tab};

/// The form.
#[utoipa::path(
    get,
    path = "/account/email",
    tag = "Account",
    operation_id = "account_email",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/email")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Email, Needs::Fresh)).await?;
        Ok(page(&me, "", None))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Leaves word for the worker, the same for every address: whether somebody has it already is told
/// to the address and to nobody else. It changes when the links of the mails are used.
#[utoipa::path(
    post,
    path = "/account/email",
    tag = "Account",
    operation_id = "account_email_post",
    responses(
        (status = 303, description = "A mail is on its way"),
        (status = 400, description = "The form again: not an address that may be used"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 429, description = "A page: too many mails were asked for"),
    )
)]
#[post("/account/email")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Email, Needs::Fresh)).await?;
        change(&me, &params).await
    };
    let done = done.await;
    answer(&cx, done)
}

fn page(me: &Me<'_>, typed: &str, problem: Option<FormProblem>) -> HttpResponse {
    let content = ChangeEmail { present: me.session.email.as_deref(), new: typed };
    me.again(&Content::ChangeEmail(content), problem.map(|p| (p, None)))
}

async fn change(me: &Me<'_>, params: &Params) -> Result<HttpResponse, PageError> {
    let cx = me.cx;
    let typed = params.get("email")?.unwrap_or_default().trim();
    let Some(email) = normalize_email(typed) else {
        return Ok(page(me, typed, Some(FormProblem::NoEmail)));
    };
    if !cx.view.tenant.settings.accounts.admits_domain(&email) {
        return Ok(page(me, typed, Some(FormProblem::OtherDomain)));
    }
    let from = me.session.email.clone();
    if from.as_deref().and_then(normalize_email).is_some_and(|present| present == email) {
        return Ok(page(me, typed, Some(FormProblem::SameAddress)));
    }
    cx.attempt("email.change", &me.user().to_string()).await?.counted();
    // Who never showed that the present address is theirs is asked at the new one only.
    let agreed = from.is_none() || !me.session.email_verified;
    let change = EmailChange { user: me.user(), from, to: typed.to_owned(), agreed };
    let event = me.event(EventKind::EmailChangeRequested);
    let news = News::new(cx, event, Some(Wish::ChangeEmail(change)), me.locale);
    let tenant = cx.tenant_id();
    let write = move |tx| async move { news.put(&tx, tenant).await };
    cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(me.go(Tab::Profile, Done::EmailAsked))
}
