//! `GET` and `POST /login/accounts`: which of the accounts in this browser.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::SessionId;
use bailiwick_protocol::Params;

use super::resume;
use crate::cx::Cx;
use crate::flow::input::{Submitted, pending_in_form, pending_in_query};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::proceed;
use crate::pages::{Account, Accounts, Page, Problem};

/// The account chooser.
#[utoipa::path(
    get,
    path = "/login/accounts",
    tag = "Hosted pages",
    operation_id = "login_accounts",
    params(("request" = String, Query, description = "The sealed pending request")),
    responses((status = 200, description = "A page"))
)]
#[get("/login/accounts")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = choose(&cx, &request).await;
    answer(&cx, done)
}

async fn choose(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let (pending, browser) = pending_in_query(cx, request)?;
    let app = proceed::application(cx, &pending)?;
    let sessions = browser.sessions(cx).await?;
    let ids: Vec<String> = sessions.iter().map(|s| s.id.to_string()).collect();
    let accounts = sessions.iter().zip(&ids).map(|(s, id)| Account {
        value: id,
        name: s.name.as_deref(),
        identifier: s.email.as_deref().unwrap_or(&s.sub),
        signed_in: true,
    });
    let sealed = pending.seal(cx);
    let page = Page::Accounts(Accounts {
        action: &format!("{}/login/accounts", cx.issuer()),
        request: &sealed,
        csrf: &browser.csrf(cx),
        application: proceed::name(app),
        accounts: accounts.collect(),
        another_account: &format!("{}/login?request={sealed}", cx.issuer()),
    });
    let redirect = Some(pending.request.to.redirect_uri.as_str());
    let locale = pending.request.ui_locale;
    Ok(show(cx, &page, Show { browser: Some(&browser), redirect, locale, ..Show::default() }))
}

/// Goes on with the chosen account.
#[utoipa::path(
    post,
    path = "/login/accounts",
    tag = "Hosted pages",
    operation_id = "login_accounts_post",
    responses(
        (status = 303, description = "On to the next step"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/login/accounts")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = submitted.0.and_then(|params| chosen(&cx, &request, &params));
    answer(&cx, done)
}

fn chosen(cx: &Cx, request: &HttpRequest, params: &Params) -> Result<HttpResponse, PageError> {
    let (pending, _) = pending_in_form(cx, request, params)?;
    // Whether it is alive, and in this browser, is asked when the next step is decided.
    let unknown = |_| PageError::new(Problem::BadRequest, "invalid_request");
    let session: SessionId = params.require("account")?.parse().map_err(unknown)?;
    Ok(resume::redirect(cx, &pending.after(|p| p.chose(session))))
}
