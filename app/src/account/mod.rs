//! What people do with their own accounts: one file a page. Those for people who are signed in are in
//! [`portal`].

use bailiwick_domain::EventKind;
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;
use bailiwick_store::audit::{self, Actor, AuditEvent};

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::page::PageError;
use crate::flow::pending::Pending;
use crate::mails::Asked;

pub mod dev_mail;
pub mod forgot;
pub mod link;
pub mod portal;
pub mod register;

/// What of a sign-in somebody came from: none is as good as one that is too old, because nothing
/// here depends on it but the way back.
fn pending(cx: &Cx, params: &Params, browser: &Browser) -> Result<Option<Pending>, PageError> {
    let sealed = params.get("request")?.unwrap_or_default();
    Ok(Pending::open(cx, sealed, browser).ok())
}

/// The way back to the sign-in form.
fn back(cx: &Cx, pending: Option<&Pending>) -> Option<String> {
    pending.map(|p| format!("{}/login?request={}", cx.issuer(), p.seal(cx)))
}

/// Leaves a wish for the worker, and a line in the audit trail.
async fn leave(cx: &Cx, asked: Asked, kind: EventKind) -> Result<(), StoreError> {
    let (tenant, now, env) = (cx.tenant_id(), cx.now, cx.env().clone());
    let vault = cx.view.vault.clone();
    let event = AuditEvent::new(cx.env(), tenant, kind, Actor::system(tenant));
    let write = move |tx| async move {
        asked.enqueue(&tx, tenant, &vault, (&env, now)).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write(tenant, write).await
}
