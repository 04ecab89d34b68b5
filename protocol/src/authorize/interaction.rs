//! What the user must do before a request is answered: a pure decision, taken anew after each page.

use bailiwick_domain::application::ApplicationType;
use bailiwick_domain::{Acr, ApplicationSpec, ScopeSet, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AuthorizationRequest, Prompt};
use crate::error::{ErrorCode, OAuthError};

/// A live session of an active user in the browser at hand.
#[derive(Clone, Debug)]
pub struct Account {
    /// The session.
    pub session: SessionId,
    /// The user's `sub` as the application that asks sees it.
    pub sub: String,
    /// The user's e-mail address, to compare with `login_hint`.
    pub email: Option<String>,
    /// When the user last signed in.
    pub auth_time: Timestamp,
    /// What the steps of the session's sign-in reach.
    pub acr: Acr,
    /// What they could reach together with what else the user may be asked for.
    pub reach: Acr,
    /// What they could reach if the user set something up first.
    pub offer: Acr,
    /// What the tenant asks of this user in this browser.
    pub demand: Acr,
    /// What the user has consented to for this application; none when never asked.
    pub consent: Option<ScopeSet>,
    /// Whether the user is a member of the organization that the request names; also when it names
    /// none. One that is not there has no members.
    pub member: bool,
}

/// What the user has done for this request so far. It is sealed together with the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    session: Option<SessionId>,
    signed_in: bool,
    consented: bool,
}

impl Progress {
    /// The user chose this session. What was done with another one no longer counts.
    #[must_use]
    pub fn chose(self, session: SessionId) -> Self {
        if self.session == Some(session) {
            return self;
        }
        Self { session: Some(session), ..Self::default() }
    }

    /// The user signed in, which made or renewed this session, and thereby chose it.
    #[must_use]
    pub fn signed_in(self, session: SessionId) -> Self {
        Self { signed_in: true, ..self.chose(session) }
    }

    /// The user of this session consented.
    #[must_use]
    pub fn consented(self, session: SessionId) -> Self {
        Self { consented: true, ..self.chose(session) }
    }
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The request is answered for the user of this session.
    Issue {
        /// The session.
        session: SessionId,
    },
    /// The user signs in.
    Login {
        /// The session whose user signs in again; none when anybody may.
        session: Option<SessionId>,
        /// Why, for the page to say.
        reason: LoginReason,
    },
    /// The user of this session proves more than so far.
    Factor {
        /// The session.
        session: SessionId,
        /// What is to be reached.
        acr: Acr,
    },
    /// The user of this session has nothing to prove it with, and sets something up.
    Enrol {
        /// The session.
        session: SessionId,
        /// What is to be reached.
        acr: Acr,
    },
    /// The user chooses among the sessions, or signs in with another account.
    SelectAccount,
    /// The user consents.
    Consent {
        /// The session.
        session: SessionId,
        /// To what: the scopes that the page names.
        scopes: ScopeSet,
    },
    /// The request is refused at its redirect URI, see [`AuthorizationRequest::refuse`].
    Fail(OAuthError),
}

/// Why the user must sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginReason {
    /// Nobody is signed in.
    NoSession,
    /// The application asks for it: `prompt=login`.
    Asked,
    /// The last sign-in is older than `max_age`.
    TooOld,
    /// The application asks for another user than those who are signed in.
    OtherUser,
}

/// The next step of a request. With `prompt=none` no page may be shown: each is an error then
/// (Core 3.1.2.1 and 3.1.2.6).
///
/// `accounts` are the live sessions of the browser, of active users only; `now` measures
/// `max_age`. An [`Step::Issue`] is still to be checked by the statement that issues.
#[must_use]
pub fn next_step(
    request: &AuthorizationRequest,
    app: &ApplicationSpec,
    accounts: &[Account],
    progress: &Progress,
    now: Timestamp,
) -> Step {
    let step = decide(request, app, accounts, progress, now);
    if !request.asks(Prompt::None) {
        return step;
    }
    let fail = |code, description| Step::Fail(OAuthError::new(code, description));
    match step {
        Step::Login { .. } => fail(ErrorCode::LoginRequired, "the user must sign in"),
        Step::SelectAccount => {
            fail(ErrorCode::AccountSelectionRequired, "the user must choose an account")
        }
        Step::Consent { .. } => fail(ErrorCode::ConsentRequired, "the user must consent"),
        Step::Factor { .. } | Step::Enrol { .. } => {
            fail(ErrorCode::InteractionRequired, "the user must prove more than by signing in")
        }
        Step::Issue { .. } | Step::Fail(_) => step,
    }
}

fn decide(
    request: &AuthorizationRequest,
    app: &ApplicationSpec,
    accounts: &[Account],
    progress: &Progress,
    now: Timestamp,
) -> Step {
    let account = match choose(request, accounts, progress) {
        Ok(account) => account,
        Err(step) => return step,
    };
    let session = account.session;
    // What was done with a session that has ended since does not count for another one.
    let progress = if progress.session == Some(session) { progress } else { &Progress::default() };
    if let Some(reason) = stale(request, account, now).filter(|_| !progress.signed_in) {
        return Step::Login { session: Some(session), reason };
    }
    match needed(request, app, account) {
        Err(error) => return Step::Fail(error),
        Ok(acr) if account.acr >= acr => {}
        Ok(acr) if account.reach >= acr => return Step::Factor { session, acr },
        Ok(acr) => return Step::Enrol { session, acr },
    }
    // Only now: who has not proven all that is asked for learns nothing about the user.
    if !account.member {
        let description = "the user is not a member of the organization";
        return Step::Fail(OAuthError::new(ErrorCode::AccessDenied, description));
    }
    match consent_to(request, app, account, progress.consented) {
        Some(scopes) => Step::Consent { session, scopes },
        None => Step::Issue { session },
    }
}

/// The account to answer for, or the page that finds it.
fn choose<'a>(
    request: &AuthorizationRequest,
    accounts: &'a [Account],
    progress: &Progress,
) -> Result<&'a Account, Step> {
    let login = |reason| Err(Step::Login { session: None, reason });
    if accounts.is_empty() {
        return login(LoginReason::NoSession);
    }
    if let Some(chosen) = accounts.iter().find(|a| progress.session == Some(a.session)) {
        return if request.fits(&chosen.sub) { Ok(chosen) } else { login(LoginReason::OtherUser) };
    }
    if request.asks(Prompt::SelectAccount) {
        return Err(Step::SelectAccount);
    }
    let fitting: Vec<&Account> = accounts.iter().filter(|a| request.fits(&a.sub)).collect();
    let hinted = |a: &&&Account| match (&a.email, &request.login_hint) {
        (Some(email), Some(hint)) => email.to_lowercase() == hint.trim().to_lowercase(),
        _ => false,
    };
    match fitting.as_slice() {
        [] => login(LoginReason::OtherUser),
        [only] => Ok(only),
        several => match several.iter().find(hinted) {
            Some(account) => Ok(account),
            // Whoever signs in again has chosen.
            None if request.asks(Prompt::Login) => login(LoginReason::Asked),
            None => Err(Step::SelectAccount),
        },
    }
}

/// Why the authentication is not recent enough, if it is not (Core 3.1.2.1 `prompt`, `max_age`).
fn stale(request: &AuthorizationRequest, account: &Account, now: Timestamp) -> Option<LoginReason> {
    if request.asks(Prompt::Login) {
        return Some(LoginReason::Asked);
    }
    // In whole seconds, as the client computes it from `auth_time`. Core 3.1.2.1 (errata 2):
    // "max_age=0 is equivalent to prompt=login".
    let age = now.as_secs().saturating_sub(account.auth_time.as_secs());
    let age = u64::try_from(age).unwrap_or(0);
    let too_old = request.max_age.is_some_and(|max| max == 0 || age > max);
    too_old.then_some(LoginReason::TooOld)
}

/// The level that is needed: the tenant's and the application's, and what the request asks for as
/// far as the user can reach it. Core 5.5.1.1: an essential `acr` that cannot be reached is a
/// failed sign-in.
fn needed(
    request: &AuthorizationRequest,
    app: &ApplicationSpec,
    account: &Account,
) -> Result<Acr, OAuthError> {
    let floor = account.demand.max(app.required_acr.unwrap_or_default());
    let reach = account.acr.max(account.reach);
    let wanted = request.wanted_acr();
    let essential = request.claims.id_token.get("acr").is_some_and(|wish| wish.essential);
    let most = if essential { reach.max(account.offer) } else { reach };
    let asked = match wanted.iter().filter(|acr| **acr <= most).min() {
        Some(lowest) => *lowest,
        None if essential => Acr::Resistant,
        None => Acr::One,
    };
    // With none of ours among the values, none can be reached.
    let hopeless = essential && wanted.is_empty();
    let acr = floor.max(asked);
    if hopeless || (account.acr < acr && reach.max(account.offer) < acr) {
        let description = "no way of signing in reaches the acr that is asked for";
        return Err(OAuthError::new(ErrorCode::UnmetAuthenticationRequirements, description));
    }
    Ok(acr)
}

/// What the user must be asked to consent to, if anything. `asked` says that it was asked for this
/// request: that settles a demand to ask again, but what is remembered is still the truth.
fn consent_to(
    request: &AuthorizationRequest,
    app: &ApplicationSpec,
    account: &Account,
    asked: bool,
) -> Option<ScopeSet> {
    let wanted = request.consent_scopes();
    let again = request.asks(Prompt::Consent) || !(app.first_party || is_assured(request, app));
    if again && !asked {
        return Some(wanted);
    }
    if app.first_party {
        return None;
    }
    let Some(given) = &account.consent else { return Some(wanted) };
    let missing = given.iter().fold(wanted, ScopeSet::without);
    (!missing.is_empty()).then_some(missing)
}

/// RFC 8252 8.6: unless the identity of a native application can be proven, its request "SHOULD be
/// processed as if no previous request had been approved". An `https` redirect URI proves it, and
/// so does a secret; any program on the device can answer at the others.
fn is_assured(request: &AuthorizationRequest, app: &ApplicationSpec) -> bool {
    app.kind != ApplicationType::Native
        || app.is_confidential()
        || request.to.redirect_uri.starts_with("https://")
}

#[cfg(test)]
mod tests;
