//! A link to set a new password, or the first one of somebody who was invited.

use actix_web::HttpResponse;
use bailiwick_domain::{EventKind, UserId};
use bailiwick_protocol::Params;
use bailiwick_store::account_links::{self, Purpose};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::{Error as StoreError, credentials, users};

use super::{Form, Opened, Used, over};
use crate::flow::cut_off::{cut_off, tell};
use crate::flow::page::PageError;
use crate::mails::{Asked, Wish};
use crate::pages::{LetterKind, NewPassword, NoticeKind, Page};
use crate::password::choice::{Owner, acceptable, hash};

pub(super) fn page(opened: &Opened<'_>, form: &Form<'_>) -> HttpResponse {
    let page = NewPassword {
        action: form.action,
        token: opened.token,
        csrf: form.csrf,
        email: &String::from_utf8_lossy(&opened.plain),
        invited: opened.link.purpose == Purpose::Invite,
        problem: form.problem(),
        strength: form.refused.and_then(|r| r.strength),
        min_length: opened.cx.view.tenant.settings.passwords.min_length,
    };
    form.show(opened, &Page::NewPassword(page))
}

pub(super) async fn apply(opened: &Opened<'_>, params: &Params) -> Result<Used, PageError> {
    let (cx, user) = (opened.cx, opened.link.user);
    let email = String::from_utf8_lossy(&opened.plain).into_owned();
    let password = params.get("password")?.unwrap_or_default();
    let owner = Owner { email: &email, name: None, user };
    let password = match acceptable(cx, password, owner).await {
        Ok(password) => password,
        Err(refused) => return Ok(Used::Again(refused)),
    };
    let hash = match hash(cx, password).await {
        Ok(hash) => hash,
        Err(problem) => return Ok(Used::Again(problem.into())),
    };
    let purpose = opened.link.purpose;
    let user = user.ok_or_else(|| over(cx, purpose))?;
    set(opened, (user, email), hash).await?;
    let invited = purpose == Purpose::Invite;
    Ok(Used::Done(if invited { NoticeKind::Registered } else { NoticeKind::PasswordSet }, None))
}

/// The new password, and the end of everything that the old one had opened.
async fn set(
    opened: &Opened<'_>,
    (user, email): (UserId, String),
    hash: String,
) -> Result<(), PageError> {
    let cx = opened.cx;
    let (tenant, now, env, mac) = (cx.tenant_id(), cx.now, cx.env().clone(), opened.mac);
    let (vault, page) = (cx.view.vault.clone(), cx.locale);
    let invited = opened.link.purpose == Purpose::Invite;
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
        if !invited {
            let changed = Asked::new(Wish::told(email, LetterKind::PasswordChanged), locale);
            changed.enqueue(&tx, tenant, &vault, (&env, now)).await?;
        }
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
        Err(StoreError::NotFound(_)) => Err(over(cx, opened.link.purpose)),
        Err(e) => Err(e.into()),
    }
}
