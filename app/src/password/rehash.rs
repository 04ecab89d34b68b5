//! A sign-in knows the password: the moment to replace a hash of another system, or one of weaker
//! parameters, by one of ours.

use bailiwick_store::users::SignInRow;
use bailiwick_store::{Error as StoreError, credentials};

use super::{PasswordError, is_outdated};
use crate::cx::Cx;

/// Replaces the hash that `password` has just opened, if it is outdated. The sign-in is done
/// whatever becomes of this: the next one tries again.
pub async fn at_sign_in(cx: &Cx, row: &SignInRow, password: &str) {
    let stored = row.password.as_ref().map(|(_, hash)| hash);
    let Some(old) = stored.filter(|hash| is_outdated(hash, password)) else { return };
    let new = match cx.state.passwords.hash(password.into()).await {
        Ok(new) => new,
        Err(PasswordError::Busy) => return,
        Err(e) => return tracing::warn!(error = %e, "a password was not hashed anew"),
    };
    let (of, old) = ((cx.tenant_id(), row.user.id), old.clone());
    // A password that was set meanwhile stays.
    let write = move |tx| async move { credentials::rehash(&tx, of, &old, &new).await };
    if let Err(e) = cx.store().write::<_, StoreError, _, _>(cx.tenant_id(), write).await {
        tracing::warn!(error = %e, "a better hash of a password was not stored");
    }
}
