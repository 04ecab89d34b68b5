//! Authenticator apps.

use bailiwick_domain::CredentialId;
use bailiwick_domain::acr::Factor;
use bailiwick_protocol::totp::{Authenticator, SECRET};
use bailiwick_store::credentials::Credential;
use bailiwick_store::vault::Place;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::Proof;
use crate::cx::Cx;

fn place(id: &CredentialId) -> Place<'_> {
    Place { table: "credentials", column: "data", row: id.0.as_bytes().as_slice().into() }
}

/// A new secret.
#[must_use]
pub fn secret(cx: &Cx) -> Zeroizing<[u8; SECRET]> {
    Zeroizing::new(cx.env().bytes::<SECRET>())
}

/// The app that holds a secret, by the names that it shows.
#[must_use]
pub fn app(cx: &Cx, secret: &[u8], account: &str) -> Option<Authenticator> {
    Authenticator::new(secret, &cx.view.tenant.name, account)
}

/// The credential to store; the code of `step` was used to set it up.
#[must_use]
pub fn credential(cx: &Cx, secret: &[u8], step: i64) -> Credential {
    let id: CredentialId = cx.env().id();
    let sealed = cx.view.vault.seal(&place(&id), secret, cx.env());
    Credential {
        id,
        factor: Factor::Totp,
        name: None,
        data: STANDARD_NO_PAD.encode(sealed),
        counter: step,
        created_at: cx.now,
        last_used_at: None,
    }
}

/// Whether this is a code of one of the user's apps. Each is looked at, so that time does not tell
/// which it was.
#[must_use]
pub fn check(cx: &Cx, mine: &[Credential], code: &str) -> Option<Proof> {
    let mut right = None;
    for credential in mine.iter().filter(|c| c.factor == Factor::Totp) {
        let sealed = STANDARD_NO_PAD.decode(&credential.data).unwrap_or_default();
        let Ok(secret) = cx.view.vault.open(&place(&credential.id), &sealed) else {
            tracing::error!(credential = %credential.id, "a sealed secret cannot be opened");
            continue;
        };
        let step = app(cx, &secret, "account").and_then(|app| app.step_of(code, cx.now));
        if let Some(step) = step.filter(|step| *step > credential.counter) {
            right = Some(Proof::Totp { credential: credential.id, step });
        }
    }
    right
}
