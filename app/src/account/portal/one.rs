//! What an account has one of, beside its password: added with the step of the sign-in that setting
//! it up has proved, and removed.

use actix_web::{HttpRequest, HttpResponse};
use bailiwick_actors::Error as ActorError;
use bailiwick_domain::{EventKind, Factor};
use bailiwick_store::credentials::{self, Credential};
use bailiwick_store::{Error as StoreError, TenantTx};

use super::{Me, recovery_codes};
use crate::factors::Proof;
use crate::flow::page::PageError;
use crate::flow::start::{Started, strengthen};
use crate::pages::{Done, LetterKind};

/// Adds it; `None` when there is one already, or there may be none.
pub(super) async fn add(
    me: &Me<'_>,
    request: &HttpRequest,
    (new, proof): (Credential, Proof),
) -> Result<Option<HttpResponse>, PageError> {
    let (cx, factor) = (me.cx, new.factor);
    let data = serde_json::json!({ "factor": factor });
    let news = me.news(me.event(EventKind::FactorAdded).with(data), LetterKind::FactorAdded, None);
    let (tenant, user, allowed) = (cx.tenant_id(), me.user(), cx.offers(factor));
    let write = move |tx: TenantTx| async move {
        let mine = credentials::of_user(&tx, tenant, user).await?;
        if !allowed || mine.iter().any(|c| c.factor == factor) {
            return Err(StoreError::Taken("factor"));
        }
        credentials::add(&tx, (tenant, user), &[new]).await?;
        news.put(&tx, tenant).await
    };
    match cx.store().write(tenant, write).await {
        Err(StoreError::Taken(_)) => return Ok(None),
        other => other?,
    }
    let used = strengthen(cx, (&me.browser, request), &me.session, (proof, false)).await;
    let browser = match used {
        Ok(Started { browser, .. }) => Some(browser),
        Err(ActorError::Store(StoreError::NotFound(_))) => None,
        Err(e) => return Err(e.into()),
    };
    Ok(Some(recovery_codes::after_adding(me, browser.as_ref())))
}

/// Removes it.
pub(super) async fn remove(me: &Me<'_>, factor: Factor) -> Result<HttpResponse, PageError> {
    let (tenant, user) = (me.cx.tenant_id(), me.user());
    let data = serde_json::json!({ "factor": factor });
    let event = me.event(EventKind::FactorRemoved).with(data);
    let news = me.news(event, LetterKind::FactorRemoved, None);
    let write = move |tx: TenantTx| async move {
        credentials::remove_all(&tx, (tenant, user), factor).await?;
        news.put(&tx, tenant).await
    };
    me.cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(me.go(me.tab, Done::FactorRemoved))
}
