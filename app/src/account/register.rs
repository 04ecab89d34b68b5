//! `GET` and `POST /account/register`: asks for an account, where the tenant lets people.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::tenant::Registration;
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::{EventKind, Kind};
use bailiwick_protocol::Params;

use super::{back, pending};
use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::input::{Submitted, own_form};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::pending::Pending;
use crate::mails::{Wish, leave};
use crate::pages::{FormProblem, Notice, NoticeKind, Page, Problem, Register};
use crate::password::choice::{Owner, Refused, acceptable, hash};

/// The longest name, in characters.
const MAX_NAME: usize = 200;

/// The form.
#[utoipa::path(
    get,
    path = "/account/register",
    tag = "Hosted pages",
    operation_id = "account_register",
    params(("request" = Option<String>, Query, description = "The sealed pending request")),
    responses(
        (status = 200, description = "A page"),
        (status = 403, description = "A page: this tenant makes the accounts itself"),
    )
)]
#[get("/account/register")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        open(&cx)?;
        let params = Params::parse(request.query_string().as_bytes())?;
        let browser = Browser::of(&cx, &request);
        let pending = pending(&cx, &params, &browser)?;
        let hint = pending.as_ref().and_then(|p| p.request.login_hint.clone()).unwrap_or_default();
        Ok(form(&cx, &browser, pending.as_ref(), ("", &hint, None)))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Leaves word for the worker, the same for every address: whether there is an account already is
/// told to the address and to nobody else. The account is made when the link in the mail is used.
#[utoipa::path(
    post,
    path = "/account/register",
    tag = "Hosted pages",
    operation_id = "account_register_post",
    responses(
        (status = 200, description = "A page: look into your mail"),
        (status = 400, description = "The form again: something is missing or not good enough"),
        (status = 403, description = "A page: not here, or the form is not from this browser"),
        (status = 429, description = "A page: too many mails were asked for"),
        (status = 503, description = "The form again: too many passwords wait to be hashed"),
    )
)]
#[post("/account/register")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = ask(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

fn open(cx: &Cx) -> Result<(), PageError> {
    if cx.view.tenant.settings.accounts.registration == Registration::Open {
        return Ok(());
    }
    Err(PageError::new(Problem::Forbidden, "registration_closed").of_kind(Kind::Forbidden))
}

async fn ask(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    open(cx)?;
    let params = params?;
    let browser = own_form(cx, request, &params)?;
    let pending = pending(cx, &params, &browser)?;
    let field = |name| Ok::<_, PageError>(params.get(name)?.unwrap_or_default().trim());
    let (name, typed) = (field("name")?, field("email")?);
    let again =
        |refused: Refused| Ok(form(cx, &browser, pending.as_ref(), (name, typed, Some(refused))));
    if name.chars().count() > MAX_NAME {
        return again(FormProblem::LongName.into());
    }
    let Some(email) = normalize_email(typed) else { return again(FormProblem::NoEmail.into()) };
    if !cx.view.tenant.settings.accounts.admits(&email) {
        return again(FormProblem::OtherDomain.into());
    }
    let password = params.get("password")?.unwrap_or_default();
    let owner = Owner { email: &email, name: Some(name), user: None };
    let password = match acceptable(cx, password, owner).await {
        Ok(password) => password,
        Err(refused) => return again(refused),
    };
    cx.attempt("registration", &email).await?.counted();
    let password_hash = match hash(cx, password).await {
        Ok(hash) => hash,
        Err(problem) => return again(problem.into()),
    };
    let asked = pending.as_ref().and_then(|p| p.request.ui_locale);
    let locale = asked.or(cx.locale).unwrap_or_default();
    let name = (!name.is_empty()).then(|| name.to_owned());
    let (email, browser) = (typed.to_owned(), browser.binding(cx));
    let wish = Wish::Register { email, name, password_hash, browser };
    leave(cx, (wish, locale), Some(EventKind::RegistrationRequested)).await?;
    let back = back(cx, pending.as_ref());
    let kind = NoticeKind::RegistrationSent;
    let done = Notice { kind, email: Some(typed), back: back.as_deref() };
    Ok(show(cx, &Page::Notice(done), Show { locale: Some(locale), ..Show::default() }))
}

fn form(
    cx: &Cx,
    browser: &Browser,
    pending: Option<&Pending>,
    (name, email, refused): (&str, &str, Option<Refused>),
) -> HttpResponse {
    let (back, problem) = (back(cx, pending), refused.map(|r| r.problem));
    let page = Page::Register(Register {
        action: &format!("{}/account/register", cx.issuer()),
        request: &pending.map(|p| p.seal(cx)).unwrap_or_default(),
        csrf: &browser.csrf(cx),
        name,
        email,
        problem,
        strength: refused.and_then(|r| r.strength),
        min_length: cx.view.tenant.settings.passwords.min_length,
        back: back.as_deref(),
    });
    let status = match problem {
        None => StatusCode::OK,
        Some(FormProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let locale = pending.and_then(|p| p.request.ui_locale);
    show(cx, &page, Show { status, browser: Some(browser), locale, ..Show::default() })
}
