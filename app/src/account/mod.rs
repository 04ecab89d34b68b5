//! What people do with their own accounts, without being signed in: one file a page.

use bailiwick_domain::text::normalize_email;
use bailiwick_protocol::Params;
use secrecy::SecretString;

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::page::PageError;
use crate::flow::pending::Pending;
use crate::pages::FormProblem;
use crate::password::{MAX_PASSWORD, MIN_PASSWORD};

pub mod dev_mail;
pub mod forgot;
pub mod link;
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

/// A password that may be set for an account with this address.
fn new_password(password: &str, email: &str) -> Result<SecretString, FormProblem> {
    match password.len() {
        0..MIN_PASSWORD => Err(FormProblem::ShortPassword),
        MIN_PASSWORD..=MAX_PASSWORD => {
            let lower = password.trim().to_lowercase();
            let local = email.split_once('@').map_or(email, |(local, _)| local);
            if lower == email || lower == local || normalize_email(&lower).as_deref() == Some(email)
            {
                return Err(FormProblem::SameAsEmail);
            }
            Ok(password.into())
        }
        _ => Err(FormProblem::LongPassword),
    }
}
