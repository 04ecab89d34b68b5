//! What people do with their own accounts: one file a page. Those for people who are signed in are in
//! [`portal`].

use bailiwick_domain::EventKind;
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use secrecy::SecretString;

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::page::PageError;
use crate::flow::pending::Pending;
use crate::mails::Asked;
use crate::pages::FormProblem;
use crate::password::{MAX_PASSWORD, MIN_PASSWORD, PasswordError};

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

/// A password that may be set for an account with this address and name.
async fn acceptable(
    cx: &Cx,
    password: &str,
    (email, name): (&str, Option<&str>),
) -> Result<SecretString, FormProblem> {
    if password.len() < MIN_PASSWORD {
        return Err(FormProblem::ShortPassword);
    }
    if password.len() > MAX_PASSWORD {
        return Err(FormProblem::LongPassword);
    }
    let (lower, local) = (password.trim().to_lowercase(), email.split('@').next());
    if lower == email || Some(lower.as_str()) == local {
        return Err(FormProblem::SameAsEmail);
    }
    let address = email.split(['@', '.', '-', '_', '+']);
    let words = address.chain(name.into_iter().flat_map(str::split_whitespace));
    let tenant = &cx.view.tenant;
    let about = words.chain([tenant.name.as_str(), &tenant.slug]).map(str::to_owned).collect();
    match cx.state.passwords.is_guessable(password.into(), about).await {
        Ok(false) => Ok(password.into()),
        Ok(true) => Err(FormProblem::Guessable),
        Err(e) => Err(busy(e)),
    }
}

/// The hash of a new password.
async fn hash(cx: &Cx, password: SecretString) -> Result<String, FormProblem> {
    cx.state.passwords.hash(password).await.map_err(busy)
}

fn busy(e: PasswordError) -> FormProblem {
    tracing::warn!(error = %e, "a password was not set");
    FormProblem::Busy
}
