//! `GET` and `POST /account/password`: another password.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_actors::limits::Limited;
use bailiwick_domain::EventKind;
use bailiwick_domain::text::normalize_email;
use bailiwick_protocol::Params;
use bailiwick_store::users::{self, IdentifierKind};
use bailiwick_store::{Error as StoreError, credentials, remembered, sessions};
use secrecy::SecretString;

use super::{Me, Needs, ended};
use crate::cx::Cx;
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::http::limits;
use crate::pages::{Content, Done, FormProblem, LetterKind, Password, Tab, Wait};
use crate::password::MAX_PASSWORD;
use crate::password::choice::{Owner, Refused, acceptable, busy, hash};

/// The form.
#[utoipa::path(
    get,
    path = "/account/password",
    tag = "Account",
    operation_id = "account_password",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/password")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Password, Needs::Fresh)).await?;
        Ok(me.show(&content(&me)))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Sets the password, for who knows the present one. Every other session ends.
#[utoipa::path(
    post,
    path = "/account/password",
    tag = "Account",
    operation_id = "account_password_post",
    responses(
        (status = 303, description = "Done"),
        (status = 400, description = "The form again: a password is not right or not good enough"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 429, description = "The form again: too many tries"),
        (status = 503, description = "The form again: too many passwords wait to be hashed"),
    )
)]
#[post("/account/password")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Password, Needs::Fresh)).await?;
        change(&me, &params).await
    };
    let done = done.await;
    answer(&cx, done)
}

fn content<'a>(me: &'a Me<'_>) -> Content<'a> {
    Content::Password(Password { email: me.identifier() })
}

async fn change(me: &Me<'_>, params: &Params) -> Result<HttpResponse, PageError> {
    let cx = me.cx;
    let again = |refused: Refused| Ok(me.refused(&content(me), refused));
    let present = params.get("current")?.unwrap_or_default();
    let attempt = match cx.attempt("password.change", &me.user().to_string()).await {
        Ok(attempt) => attempt,
        Err(limited) => return Ok(too_many(me, &limited)),
    };
    let (tenant, email) = (cx.tenant_id(), me.session.email.clone().unwrap_or_default());
    let address = normalize_email(&email).unwrap_or_default();
    let read = move |tx| async move {
        users::find_for_sign_in(&tx, tenant, IdentifierKind::Email, &address).await
    };
    let row = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let stored = row.filter(|r| r.user.id == me.user()).and_then(|r| r.password);
    // Who has none, and has just signed in by other means, sets the first one.
    if let Some((_, known)) = &stored {
        let typed = SecretString::from(present.get(..MAX_PASSWORD).unwrap_or(present));
        match cx.state.passwords.verify(typed, Some(known.clone())).await {
            Ok(true) if present.len() <= MAX_PASSWORD => {}
            Ok(_) => {
                attempt.failed(cx.now);
                cx.refused("password.refused", None);
                return again(FormProblem::CurrentPassword.into());
            }
            Err(e) => {
                attempt.released().await;
                return again(busy(e).into());
            }
        }
    }
    attempt.succeeded(cx.now).await;
    let password = params.get("password")?.unwrap_or_default();
    let name = me.session.name.as_deref();
    let owner = Owner { email: &email, name, user: Some(me.user()) };
    let password = match acceptable(cx, password, owner).await {
        Ok(password) => password,
        Err(refused) => return again(refused),
    };
    let hash = match hash(cx, password).await {
        Ok(hash) => hash,
        Err(problem) => return again(problem.into()),
    };
    set(me, hash).await?;
    Ok(me.go(Tab::Overview, Done::PasswordChanged))
}

async fn set(me: &Me<'_>, hash: String) -> Result<(), PageError> {
    let cx = me.cx;
    let (tenant, user, now, here) = (cx.tenant_id(), me.user(), cx.now, me.session.id);
    let news = me.news(me.event(EventKind::PasswordChanged), LetterKind::PasswordChanged, None);
    let history = cx.view.tenant.settings.passwords.history;
    let write = move |tx| async move {
        credentials::set_password(&tx, (tenant, user), &hash, history, now).await?;
        // Whoever knew the old one is out, and so is every browser that was let off more easily.
        let others = sessions::of_user(&tx, (tenant, user), now, 1_000).await?;
        let others: Vec<_> = others.iter().map(|s| s.id).filter(|id| *id != here).collect();
        let gone = sessions::end(&tx, tenant, &others, now).await?;
        remembered::forget(&tx, tenant, user).await?;
        news.put(&tx, tenant).await?;
        Ok::<_, StoreError>(gone)
    };
    let gone = cx.store().write(tenant, write).await?;
    ended(cx, gone).await;
    Ok(())
}

fn too_many(me: &Me<'_>, limited: &Limited) -> HttpResponse {
    let wait = Some(Wait::of(limited.retry_after));
    let mut answer = me.again(&content(me), Some((FormProblem::TooMany, wait)));
    limits::refuse(answer.headers_mut(), limited);
    answer
}
