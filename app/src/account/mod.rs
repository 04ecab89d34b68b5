//! What people do with their own accounts: one file a page. Those for people who are signed in are in
//! [`portal`].

use bailiwick_protocol::Params;

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::page::PageError;
use crate::flow::pending::Pending;

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
