//! A link that changes the address of an account: at the present address it leads to a mail to the
//! new one, and there it is done.

use actix_web::HttpResponse;
use bailiwick_domain::EventKind;
use bailiwick_domain::text::normalize_email;
use bailiwick_store::account_links::{self, Purpose};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::users::{self, Email, UserPatch};
use bailiwick_store::{Error as StoreError, TenantTx};

use super::{Form, Opened, Used, over};
use crate::flow::page::PageError;
use crate::mails::{Asked, EmailChange, Wish};
use crate::pages::{ConfirmEmail, LetterKind, NoticeKind, Page};

pub(super) fn page(opened: &Opened<'_>, form: &Form<'_>) -> Result<HttpResponse, PageError> {
    let change: EmailChange = opened.held()?;
    let page = ConfirmEmail {
        action: form.action,
        token: opened.token,
        csrf: form.csrf,
        new: &change.to,
        agreed: change.agreed,
    };
    Ok(form.show(opened, &Page::ConfirmEmail(page)))
}

pub(super) async fn apply(opened: &Opened<'_>) -> Result<Used, PageError> {
    let change: EmailChange = opened.held()?;
    let (cx, to) = (opened.cx, change.to.clone());
    let (tenant, now, env, mac) = (cx.tenant_id(), cx.now, cx.env().clone(), opened.mac);
    let (vault, locale) = (cx.view.vault.clone(), cx.locale.unwrap_or_default());
    let agreed = change.agreed;
    let write = move |tx| async move {
        let used = account_links::use_once(&tx, tenant, &mac, now).await?;
        used.ok_or(StoreError::NotFound("link"))?;
        if !agreed {
            let change = EmailChange { agreed: true, ..change };
            let asked = Asked::new(Wish::ChangeEmail(change), locale);
            return asked.enqueue(&tx, tenant, &vault, (&env, now)).await;
        }
        set(&tx, &change, (tenant, now)).await?;
        // Also where nobody was asked: somebody may read it who should know.
        if let Some(email) = change.from.clone() {
            let told = Asked::new(Wish::told(email, LetterKind::EmailChanged), locale);
            told.enqueue(&tx, tenant, &vault, (&env, now)).await?;
        }
        let actor = Actor::user(tenant, change.user);
        let event = AuditEvent::new(&env, tenant, EventKind::EmailChanged, actor);
        audit::append(&tx, &[event.on("user", change.user.0)]).await
    };
    match cx.store().write(tenant, write).await {
        Ok(()) if agreed => Ok(Used::Done(NoticeKind::EmailChanged, Some(to))),
        Ok(()) => Ok(Used::Done(NoticeKind::EmailAgreed, Some(to))),
        // Another use of a link was first, or the address is somebody's by now.
        Err(StoreError::NotFound(_) | StoreError::Taken(_) | StoreError::Stale(_)) => {
            Err(over(cx, Purpose::ChangeEmail))
        }
        Err(e) => Err(e.into()),
    }
}

/// The new address, if the account still has the one that it was asked for with.
async fn set(
    tx: &TenantTx,
    change: &EmailChange,
    (tenant, now): (bailiwick_domain::TenantId, bailiwick_domain::Timestamp),
) -> Result<(), StoreError> {
    let gone = StoreError::NotFound("user");
    let user = users::get(tx, tenant, change.user).await?.filter(|user| user.active);
    let Some(user) = user else { return Err(gone) };
    let same = |a: &Option<String>, b: &Option<String>| {
        a.as_deref().and_then(normalize_email) == b.as_deref().and_then(normalize_email)
    };
    if !same(&user.email, &change.from) {
        return Err(gone);
    }
    let email = Email::new(&change.to, true).ok_or(gone)?;
    let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
    users::update(tx, tenant, user.id, user.version, &patch, now).await?;
    Ok(())
}
