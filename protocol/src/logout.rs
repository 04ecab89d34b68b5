//! The logout endpoint (OpenID Connect RP-Initiated Logout 1.0) as a decision.
//!
//! The browser is redirected only with a valid `id_token_hint`, to a URI that is registered for
//! the application that the hint was issued to. Without a valid hint the user is asked first,
//! because any page can send a browser here.

use bailiwick_domain::{ApplicationSpec, SessionId};

use crate::authorize::response::with_query;
use crate::error::OAuthError;
use crate::params::Params;
use crate::tokens::IdTokenHint;

mod told;

pub use told::{BACKCHANNEL_EVENT, LogoutToken, frontchannel_uri};

/// An `id_token_hint` that [`crate::tokens::verify_id_token_hint`] accepted.
#[derive(Clone, Copy, Debug)]
pub struct Hint<'a> {
    /// What it says.
    pub token: &'a IdTokenHint,
    /// The application of its audience; none when it has been removed.
    pub app: Option<&'a ApplicationSpec>,
}

/// A live session in the browser at hand.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The session.
    pub session: SessionId,
    /// The user's `sub` as the application of the hint sees it; without a hint, any.
    pub sub: String,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These sessions end without a question; there may be none left to end.
    End {
        /// The sessions.
        sessions: Vec<SessionId>,
        /// Where the user is then.
        then: Then,
    },
    /// A page asks, and its POST (protected against forgery) ends all sessions of the browser.
    Confirm {
        /// Where the user is then.
        then: Then,
    },
    /// An error page; nothing ends.
    Refuse(OAuthError),
}

/// Where the user is after logging out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// At a page that says so.
    Page,
    /// At this address of the application; `state` is in it.
    Redirect(String),
}

/// Decides on a logout request of a browser with these sessions.
///
/// `hint` is the verified hint; none when the request has none or one that is not valid: what
/// failed to verify is not used for anything (RP-Initiated Logout 1.0 4).
#[must_use]
pub fn decide(params: &Params, hint: Option<Hint<'_>>, signed: &[Signed]) -> Decision {
    let Some(hint) = hint else {
        return match nothing_repeated(params) {
            Err(error) => Decision::Refuse(error),
            Ok(()) if signed.is_empty() => Decision::End { sessions: vec![], then: Then::Page },
            Ok(()) => Decision::Confirm { then: Then::Page },
        };
    };
    match destination(params, hint) {
        Err(error) => Decision::Refuse(error),
        Ok(then) => {
            let sessions = ending(hint, signed);
            // Other people's sessions are not the hint's to end.
            if sessions.is_empty() && !signed.is_empty() {
                Decision::Confirm { then }
            } else {
                Decision::End { sessions, then }
            }
        }
    }
}

/// RFC 6749 3.1, which RP-Initiated Logout builds on.
fn nothing_repeated(params: &Params) -> Result<(), OAuthError> {
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint"]
        .iter()
        .try_for_each(|name| params.get(name).map(drop))
}

/// RP-Initiated Logout 1.0 2 and 3: "The OP MUST NOT perform post-logout redirection if the value
/// of `post_logout_redirect_uri` supplied does not exactly match one of the previously registered
/// values", and `client_id` must be the client "that the ID Token was issued to".
fn destination(params: &Params, hint: Hint<'_>) -> Result<Then, OAuthError> {
    nothing_repeated(params)?;
    let client_id = params.get("client_id")?;
    if client_id.is_some_and(|id| hint.token.aud.iter().all(|aud| aud != id)) {
        return Err(OAuthError::invalid_request("id_token_hint was issued to another client_id"));
    }
    let Some(asked) = params.get("post_logout_redirect_uri")? else { return Ok(Then::Page) };
    let app = hint.app.filter(|app| hint.token.aud.contains(&app.client_id));
    if !app.is_some_and(|app| app.post_logout_redirect_uris.iter().any(|uri| uri == asked)) {
        let description = "post_logout_redirect_uri is not registered for this application";
        return Err(OAuthError::invalid_request(description));
    }
    Ok(Then::Redirect(match params.get("state")? {
        Some(state) => with_query(asked, &[("state", state.to_owned())]),
        None => asked.to_owned(),
    }))
}

/// The session that the hint names; when it has ended, the present ones of its user: an
/// application keeps the first ID token that it got, and the user may have signed in again since.
fn ending(hint: Hint<'_>, signed: &[Signed]) -> Vec<SessionId> {
    let named: Vec<_> =
        signed.iter().map(|s| s.session).filter(|id| Some(*id) == hint.token.sid).collect();
    if !named.is_empty() {
        return named;
    }
    signed.iter().filter(|s| s.sub == hint.token.sub).map(|s| s.session).collect()
}

#[cfg(test)]
mod tests;
