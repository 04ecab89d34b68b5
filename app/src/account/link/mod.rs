//! `GET` and `POST /account/link`: what a link of a mail does. Programs that look through mails
//! follow links, so that following one only shows a page; the form on it does something. A file for
//! each purpose.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::Kind;
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;
use bailiwick_store::account_links::{self, Link, Purpose};
use bailiwick_store::vault::Label;
use serde::de::DeserializeOwned;

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, own_form};
use crate::flow::page::{PageError, Show, answer, show};
use crate::mails::send::place;
use crate::pages::{FormProblem, Notice, NoticeKind, Page, Problem};
use crate::password::choice::Refused;

mod email;
mod password;
mod register;
mod sign_in;

/// A secret of ours has 43 characters.
const MAX_TOKEN: usize = 64;

/// A link that works, opened in a browser.
struct Opened<'a> {
    cx: &'a Cx,
    browser: Browser,
    token: &'a str,
    mac: [u8; 32],
    link: Link,
    plain: Vec<u8>,
}

/// What a link came to.
enum Used {
    /// It is done, and this is what to say.
    Done(NoticeKind, Option<String>),
    /// The form again.
    Again(Refused),
}

/// Asks what the link is for.
#[utoipa::path(
    get,
    path = "/account/link",
    tag = "Hosted pages",
    operation_id = "account_link",
    params(("token" = String, Query, description = "The secret in the mail")),
    responses(
        (status = 200, description = "A page that asks"),
        (status = 404, description = "A page: the link was used, is too old, or has a successor"),
    )
)]
#[get("/account/link")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let _ = cx.admit(None)?;
        let params = Params::parse(request.query_string().as_bytes())?;
        let token = params.get("token")?.unwrap_or_default();
        Opened::of(&cx, Browser::of(&cx, &request), token).await?.page(None)
    };
    let done = done.await;
    answer(&cx, done)
}

/// Does what the link is for, once.
#[utoipa::path(
    post,
    path = "/account/link",
    tag = "Hosted pages",
    operation_id = "account_link_post",
    responses(
        (status = 200, description = "A page: done"),
        (status = 400, description = "The form again: the password is not good enough"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 404, description = "A page: the link was used, is too old, or has a successor"),
        (status = 503, description = "The form again: too many passwords wait to be hashed"),
    )
)]
#[post("/account/link")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = use_link(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

async fn use_link(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let browser = own_form(cx, request, &params)?;
    let opened = Opened::of(cx, browser, params.get("token")?.unwrap_or_default()).await?;
    let used = match opened.link.purpose {
        Purpose::Register => register::apply(&opened, &params).await?,
        Purpose::ResetPassword | Purpose::Invite => password::apply(&opened, &params).await?,
        Purpose::ChangeEmail => email::apply(&opened).await?,
        // Its form leads to the sign-in.
        Purpose::SignIn => return Err(over(cx, Purpose::SignIn)),
    };
    match used {
        Used::Again(refused) => opened.page(Some(refused)),
        Used::Done(kind, email) => {
            let done = Notice { kind, email: email.as_deref(), back: None };
            Ok(show(cx, &Page::Notice(done), Show::default()))
        }
    }
}

fn over(cx: &Cx, purpose: Purpose) -> PageError {
    let error = PageError::new(Problem::LinkOver, "link_over").of_kind(Kind::NotFound);
    let again = match purpose {
        Purpose::ResetPassword | Purpose::Invite => "/forgot",
        Purpose::Register => "/register",
        Purpose::ChangeEmail => "/email",
        // Only the application can begin anew.
        Purpose::SignIn => return error,
    };
    error.retry(format!("{}/account{again}", cx.issuer()))
}

impl<'a> Opened<'a> {
    async fn of(cx: &'a Cx, browser: Browser, token: &'a str) -> Result<Self, PageError> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(over(cx, Purpose::ResetPassword));
        }
        let mac = cx.view.vault.mac(Label::AccountLink, token.as_bytes());
        let tenant = cx.tenant_id();
        let read = move |tx| async move { account_links::get(&tx, tenant, &mac).await };
        let link = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
        let purpose = link.as_ref().map_or(Purpose::ResetPassword, |link| link.purpose);
        let link = link.filter(|link| link.works(cx.now)).ok_or_else(|| over(cx, purpose))?;
        let sealed = link.sealed.as_deref().unwrap_or_default();
        let plain = cx.view.vault.open(&place(&mac), sealed)?.to_vec();
        Ok(Self { cx, browser, token, mac, link, plain })
    }

    /// What the link holds.
    fn held<T: DeserializeOwned>(&self) -> Result<T, PageError> {
        let corrupt = |_| StoreError::Corrupt("account link").into();
        serde_json::from_slice(&self.plain).map_err(corrupt)
    }

    /// The form, with why it is shown again.
    fn page(&self, refused: Option<Refused>) -> Result<HttpResponse, PageError> {
        let action = format!("{}/account/link", self.cx.issuer());
        let csrf = self.browser.csrf(self.cx);
        let form = Form { action: &action, csrf: &csrf, refused };
        match self.link.purpose {
            Purpose::ResetPassword | Purpose::Invite => Ok(password::page(self, &form)),
            Purpose::Register => register::page(self, &form),
            Purpose::ChangeEmail => email::page(self, &form),
            Purpose::SignIn => sign_in::page(self, &form),
        }
    }
}

/// What the form of a link has.
struct Form<'a> {
    action: &'a str,
    csrf: &'a str,
    refused: Option<Refused>,
}

impl Form<'_> {
    fn problem(&self) -> Option<FormProblem> {
        self.refused.map(|r| r.problem)
    }

    fn show(&self, opened: &Opened<'_>, page: &Page<'_>) -> HttpResponse {
        let status = match self.problem() {
            None => StatusCode::OK,
            Some(FormProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Some(_) => StatusCode::BAD_REQUEST,
        };
        let browser = Some(&opened.browser);
        show(opened.cx, page, Show { status, browser, ..Show::default() })
    }
}
