//! A link that makes the account that was asked for.

use actix_web::HttpResponse;
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::{EventKind, Kind};
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;
use bailiwick_store::account_links::{self, Purpose};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::users::{self, Email, NewUser};

use super::{Form, Opened, Used, over};
use crate::cx::Cx;
use crate::flow::page::PageError;
use crate::mails::send::Registration;
use crate::pages::{ConfirmRegistration, FormProblem, NoticeKind, Page, Problem};
use crate::password::MAX_PASSWORD;
use crate::password::choice::busy;

pub(super) fn page(opened: &Opened<'_>, form: &Form<'_>) -> Result<HttpResponse, PageError> {
    let wanted: Registration = opened.held()?;
    let page = ConfirmRegistration {
        action: form.action,
        token: opened.token,
        csrf: form.csrf,
        email: &wanted.email,
        ask_password: wanted.browser != opened.browser.binding(opened.cx),
        problem: form.problem(),
    };
    Ok(form.show(opened, &Page::ConfirmRegistration(page)))
}

pub(super) async fn apply(opened: &Opened<'_>, params: &Params) -> Result<Used, PageError> {
    let wanted: Registration = opened.held()?;
    let password = params.get("password")?.unwrap_or_default();
    if wanted.browser != opened.browser.binding(opened.cx)
        && let Err(problem) = knows(opened.cx, password, &wanted).await
    {
        return Ok(Used::Again(problem.into()));
    }
    register(opened, wanted).await?;
    Ok(Used::Done(NoticeKind::Registered, None))
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

async fn register(opened: &Opened<'_>, wanted: Registration) -> Result<(), PageError> {
    let cx = opened.cx;
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
