//! `GET` and `POST /account/link`: what a link of a mail does. Programs that look through mails
//! follow links, so that following one only shows a page; the form on it does something.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::{EventKind, Kind, UserId};
use bailiwick_protocol::Params;
use bailiwick_store::account_links::{self, Link, Purpose};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::users::{self, Email, NewUser};
use bailiwick_store::vault::Label;
use bailiwick_store::{Error as StoreError, credentials};

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::cut_off::{cut_off, tell};
use crate::flow::input::{Submitted, own_form};
use crate::flow::page::{PageError, Show, answer, show};
use crate::mails::send::{Registration, place};
use crate::mails::{Asked, Wish};
use crate::pages::{
    ConfirmRegistration, FormProblem, NewPassword, Notice, NoticeKind, Page, Problem,
};
use crate::password::MAX_PASSWORD;
use crate::password::choice::{Owner, Refused, acceptable, busy, hash};

/// A secret of ours has 43 characters.
const MAX_TOKEN: usize = 64;

/// A link that works, opened.
struct Opened {
    mac: [u8; 32],
    link: Link,
    plain: Vec<u8>,
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
        let opened = open(&cx, token).await?;
        let browser = Browser::of(&cx, &request);
        page(&cx, &browser, (token, &opened), None)
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

fn over(cx: &Cx, purpose: Purpose) -> PageError {
    let place = match purpose {
        Purpose::ResetPassword => "forgot",
        Purpose::Register => "register",
    };
    let again = format!("{}/account/{place}", cx.issuer());
    PageError::new(Problem::LinkOver, "link_over").of_kind(Kind::NotFound).retry(again)
}

async fn open(cx: &Cx, token: &str) -> Result<Opened, PageError> {
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
    Ok(Opened { mac, link, plain })
}

fn page(
    cx: &Cx,
    browser: &Browser,
    (token, opened): (&str, &Opened),
    refused: Option<Refused>,
) -> Result<HttpResponse, PageError> {
    let problem = refused.map(|r| r.problem);
    let (action, csrf) = (format!("{}/account/link", cx.issuer()), browser.csrf(cx));
    let (action, csrf) = (action.as_str(), csrf.as_str());
    let status = match problem {
        None => StatusCode::OK,
        Some(FormProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let how = Show { status, browser: Some(browser), ..Show::default() };
    Ok(match opened.link.purpose {
        Purpose::ResetPassword => {
            let email = &String::from_utf8_lossy(&opened.plain);
            let page = NewPassword {
                action,
                token,
                csrf,
                email,
                problem,
                strength: refused.and_then(|r| r.strength),
                min_length: cx.view.tenant.settings.passwords.min_length,
            };
            show(cx, &Page::NewPassword(page), how)
        }
        Purpose::Register => {
            let wanted = registration(opened)?;
            let (email, ask_password) = (&wanted.email, wanted.browser != browser.binding(cx));
            let page = ConfirmRegistration { action, token, csrf, email, ask_password, problem };
            show(cx, &Page::ConfirmRegistration(page), how)
        }
    })
}

async fn use_link(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let browser = own_form(cx, request, &params)?;
    let token = params.get("token")?.unwrap_or_default();
    let opened = open(cx, token).await?;
    let kind = match opened.link.purpose {
        Purpose::Register => {
            let wanted = registration(&opened)?;
            let password = params.get("password")?.unwrap_or_default();
            if wanted.browser != browser.binding(cx)
                && let Err(problem) = knows(cx, password, &wanted).await
            {
                return page(cx, &browser, (token, &opened), Some(problem.into()));
            }
            register(cx, &opened, wanted).await?;
            NoticeKind::Registered
        }
        Purpose::ResetPassword => {
            let email = String::from_utf8_lossy(&opened.plain).into_owned();
            let password = params.get("password")?.unwrap_or_default();
            let again = |refused| page(cx, &browser, (token, &opened), Some(refused));
            let owner = Owner { email: &email, name: None, user: opened.link.user };
            let password = match acceptable(cx, password, owner).await {
                Ok(password) => password,
                Err(refused) => return again(refused),
            };
            let hash = match hash(cx, password).await {
                Ok(hash) => hash,
                Err(problem) => return again(problem.into()),
            };
            let user = opened.link.user.ok_or_else(|| over(cx, Purpose::ResetPassword))?;
            set_password(cx, &opened, (user, email), hash).await?;
            NoticeKind::PasswordSet
        }
    };
    let done = Notice { kind, email: None, back: None };
    Ok(show(cx, &Page::Notice(done), Show::default()))
}

/// The new password, and the end of everything that the old one had opened.
async fn set_password(
    cx: &Cx,
    opened: &Opened,
    (user, email): (UserId, String),
    hash: String,
) -> Result<(), PageError> {
    let (tenant, now, env, mac) = (cx.tenant_id(), cx.now, cx.env().clone(), opened.mac);
    let (vault, page) = (cx.view.vault.clone(), cx.locale);
    let history = cx.view.tenant.settings.passwords.history;
    let write = move |tx| async move {
        let used = account_links::use_once(&tx, tenant, &mac, now).await?;
        used.ok_or(StoreError::NotFound("link"))?;
        // Whoever reads the mail of an address that the account has no longer gets nothing.
        let owner = users::by_email(&tx, tenant, &email).await?;
        let owner =
            owner.filter(|o| o.id == user && o.active).ok_or(StoreError::NotFound("user"))?;
        credentials::set_password(&tx, (tenant, user), &hash, history, now).await?;
        users::verified(&tx, (tenant, user), &email, now).await?;
        let revoked = cut_off(&tx, tenant, user, now).await?;
        let locale = owner.locale().or(page).unwrap_or_default();
        let changed = Asked::new(Wish::PasswordChanged { email }, locale);
        changed.enqueue(&tx, tenant, &vault, (&env, now)).await?;
        let actor = Actor::user(tenant, user);
        let event = AuditEvent::new(&env, tenant, EventKind::PasswordReset, actor);
        audit::append(&tx, &[event.on("user", user.0)]).await?;
        Ok::<_, StoreError>(revoked)
    };
    match cx.store().write(tenant, write).await {
        Ok(revoked) => {
            tell(cx, revoked).await;
            Ok(())
        }
        // Another use of the link was first, or the account is gone.
        Err(StoreError::NotFound(_)) => Err(over(cx, Purpose::ResetPassword)),
        Err(e) => Err(e.into()),
    }
}

fn registration(opened: &Opened) -> Result<Registration, PageError> {
    serde_json::from_slice(&opened.plain).map_err(|_| StoreError::Corrupt("account link").into())
}

/// Whether somebody knows the password that the account is to have.
async fn knows(cx: &Cx, password: &str, wanted: &Registration) -> Result<(), FormProblem> {
    let typed = password.get(..MAX_PASSWORD).unwrap_or(password).into();
    match cx.state.passwords.verify(typed, Some(wanted.password_hash.clone())).await {
        Ok(true) if password.len() <= MAX_PASSWORD => Ok(()),
        Ok(_) => Err(FormProblem::OtherPassword),
        Err(e) => Err(busy(e)),
    }
}

async fn register(cx: &Cx, opened: &Opened, wanted: Registration) -> Result<(), PageError> {
    let Registration { email, name, password_hash, .. } = wanted;
    // The tenant may have closed its doors meanwhile.
    let admitted =
        normalize_email(&email).is_some_and(|e| cx.view.tenant.settings.accounts.admits(&e));
    if !admitted {
        return Err(
            PageError::new(Problem::Forbidden, "registration_closed").of_kind(Kind::Forbidden)
        );
    }
    let (tenant, now, env, mac) = (cx.tenant_id(), cx.now, cx.env().clone(), opened.mac);
    let new = NewUser {
        id: env.id(),
        sub: env.token::<16>(),
        email: Email::new(&email, true),
        name,
        claims: serde_json::Map::new(),
        password_hash: Some(password_hash),
    };
    let write = move |tx| async move {
        let used = account_links::use_once(&tx, tenant, &mac, now).await?;
        used.ok_or(StoreError::NotFound("link"))?;
        let user = users::create(&tx, tenant, &new, now).await?;
        let actor = Actor::user(tenant, user.id);
        let event = AuditEvent::new(&env, tenant, EventKind::UserRegistered, actor);
        audit::append(&tx, &[event.on("user", user.id.0)]).await
    };
    match cx.store().write(tenant, write).await {
        Ok(()) => Ok(()),
        // Another use of a link was first.
        Err(StoreError::NotFound(_) | StoreError::Taken(_)) => Err(over(cx, Purpose::Register)),
        Err(e) => Err(e.into()),
    }
}
