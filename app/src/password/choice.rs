//! A password that somebody chooses: whether it may be set.

use bailiwick_domain::UserId;
use bailiwick_store::{Error as StoreError, credentials};
use secrecy::{ExposeSecret as _, SecretString};

use super::strength::Strength;
use super::{MAX_PASSWORD, PasswordError, is_short};
use crate::cx::Cx;
use crate::pages::FormProblem;

/// Whose password it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The address.
    pub email: &'a str,
    /// The display name.
    pub name: Option<&'a str>,
    /// The user, when there is one already: whose last passwords may count.
    pub user: Option<UserId>,
}

/// Why a password may not be set.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// What the form says.
    pub problem: FormProblem,
    /// How hard the password is to guess, when that is why.
    pub strength: Option<Strength>,
}

impl From<FormProblem> for Refused {
    fn from(problem: FormProblem) -> Self {
        Self { problem, strength: None }
    }
}

/// The password, when it may be set.
///
/// # Errors
/// Why not, for the form.
pub async fn acceptable(
    cx: &Cx,
    password: &str,
    owner: Owner<'_>,
) -> Result<SecretString, Refused> {
    let tenant = &cx.view.tenant;
    if is_short(password, tenant.settings.passwords.min_length) {
        return Err(FormProblem::ShortPassword.into());
    }
    if password.len() > MAX_PASSWORD {
        return Err(FormProblem::LongPassword.into());
    }
    let (lower, local) = (password.trim().to_lowercase(), owner.email.split('@').next());
    if lower == owner.email || Some(lower.as_str()) == local {
        return Err(FormProblem::SameAsEmail.into());
    }
    let address = owner.email.split(['@', '.', '-', '_', '+']);
    let words = address.chain(owner.name.into_iter().flat_map(str::split_whitespace));
    let about = words.chain([tenant.name.as_str(), &tenant.slug]).map(str::to_owned).collect();
    let strength = cx.state.passwords.strength(password.into(), about).await.map_err(busy)?;
    if !strength.is_enough() {
        return Err(Refused { problem: FormProblem::Guessable, strength: Some(strength) });
    }
    let password = SecretString::from(password);
    if let Some(user) = owner.user
        && was_used(cx, &password, user).await?
    {
        return Err(FormProblem::Reused.into());
    }
    if is_breached(cx, &password).await {
        return Err(FormProblem::Breached.into());
    }
    Ok(password)
}

/// Whether the user has this password or had it lately, as far as the tenant looks back.
async fn was_used(cx: &Cx, password: &SecretString, user: UserId) -> Result<bool, FormProblem> {
    let history = cx.view.tenant.settings.passwords.history;
    if history == 0 {
        return Ok(false);
    }
    let of = (cx.tenant_id(), user);
    let read = move |tx| async move { credentials::last_passwords(&tx, of, history).await };
    let read = cx.store().read::<_, StoreError, _, _>(cx.tenant_id(), read).await;
    let hashes = read.map_err(|e| {
        tracing::warn!(error = %e, "a user's last passwords could not be read");
        FormProblem::Busy
    })?;
    // One at a time, so that sign-ins get their turn in between.
    for hash in hashes {
        match cx.state.passwords.verify(password.clone(), Some(hash)).await {
            Ok(true) => return Ok(true),
            // One that nothing opens is not this one.
            Ok(false) | Err(PasswordError::Failed) => {}
            Err(e @ PasswordError::Busy) => return Err(busy(e)),
        }
    }
    Ok(false)
}

/// Whether the tenant wants to know, and the password is known from a breach. A service that does
/// not say stops nobody.
pub async fn is_breached(cx: &Cx, password: &SecretString) -> bool {
    if !cx.view.tenant.settings.passwords.breach_check {
        return false;
    }
    let [random] = cx.env().bytes::<1>();
    let (breached, outcome) = match cx.state.breaches.hold(password.expose_secret(), random).await {
        Ok(true) => (true, "breached"),
        Ok(false) => (false, "clean"),
        Err(e) => {
            tracing::warn!(error = %e, "a password was not checked for breaches");
            (false, "unknown")
        }
    };
    metrics::counter!("bailiwick_breach_checks_total", "outcome" => outcome).increment(1);
    breached
}

/// The hash of a new password.
///
/// # Errors
/// [`FormProblem::Busy`].
pub async fn hash(cx: &Cx, password: SecretString) -> Result<String, FormProblem> {
    cx.state.passwords.hash(password).await.map_err(busy)
}

/// What the form says when the pool did not do its work.
pub fn busy(e: PasswordError) -> FormProblem {
    tracing::warn!(error = %e, "a password was not set");
    FormProblem::Busy
}
