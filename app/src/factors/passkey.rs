//! Passkeys.

use bailiwick_domain::acr::Factor;
use bailiwick_domain::{CredentialId, UserId};
use bailiwick_protocol::passkey::{Begun, PasskeyError, RelyingParty};
use bailiwick_store::Error as StoreError;
use bailiwick_store::credentials::Credential;

use super::{Ceremony, Proof, of_user};
use crate::cx::Cx;
use crate::flow::browser::Browser;

/// The longest answer of a browser that is looked at, in bytes.
const MAX_ANSWER: usize = 16 * 1024;

/// What a page needs to ask for a passkey.
pub struct Asking {
    /// For the page's script.
    pub options: String,
    /// Comes back with the answer.
    pub ceremony: String,
}

/// The tenant as a relying party; none where it has no host name.
#[must_use]
pub fn party(cx: &Cx) -> Option<RelyingParty> {
    RelyingParty::new(cx.issuer(), &cx.view.tenant.name).ok()
}

fn asking(cx: &Cx, browser: &Browser, of: (&str, Option<UserId>), begun: Begun) -> Asking {
    let ceremony = Ceremony::seal(cx, browser, of, begun.state);
    Asking { options: begun.options.to_string(), ceremony }
}

/// Begins to ask for one of these passkeys of a user, or of whoever it is.
#[must_use]
pub fn ask(cx: &Cx, browser: &Browser, of: Option<(UserId, &[Credential])>) -> Option<Asking> {
    let (user, mine) = of.unzip();
    let mine = mine.unwrap_or_default().iter().filter(|c| c.factor == Factor::Passkey);
    let mine: Vec<&str> = mine.map(|c| c.data.as_str()).collect();
    if user.is_some() && mine.is_empty() {
        return None;
    }
    let begun = told(party(cx)?.sign_in(&mine))?;
    Some(asking(cx, browser, ("passkey.use", user), begun))
}

/// Begins to register a passkey.
#[must_use]
pub fn register(
    cx: &Cx,
    browser: &Browser,
    (user, email, name): (UserId, &str, &str),
    mine: &[Credential],
) -> Option<Asking> {
    let have = mine.iter().filter(|c| c.factor == Factor::Passkey);
    let have: Vec<&str> = have.map(|c| c.data.as_str()).collect();
    let begun = told(party(cx)?.register((user.0, email, name), &have))?;
    Some(asking(cx, browser, ("passkey.add", Some(user)), begun))
}

/// The passkey that a browser made, and the ceremony to spend with it.
#[must_use]
pub fn registered(
    cx: &Cx,
    browser: &Browser,
    user: UserId,
    (answer, ceremony): (&str, &str),
) -> Option<(Credential, Ceremony)> {
    let ceremony = Ceremony::open(cx, browser, ("passkey.add", Some(user)), ceremony)?;
    let answer = Some(answer).filter(|a| a.len() <= MAX_ANSWER)?;
    let new = told(party(cx)?.registered(answer, &ceremony.state))?;
    let credential = Credential {
        id: CredentialId(new.id),
        factor: Factor::Passkey,
        name: None,
        data: new.data,
        counter: 0,
        created_at: cx.now,
        last_used_at: None,
    };
    Some((credential, ceremony))
}

/// The use of a passkey: of this user, or of whoever it is. `None` when anything does not fit.
///
/// # Errors
/// When the database fails.
pub async fn check(
    cx: &Cx,
    browser: &Browser,
    user: Option<UserId>,
    (answer, ceremony): (&str, &str),
) -> Result<Option<(UserId, Proof)>, StoreError> {
    let opened = Ceremony::open(cx, browser, ("passkey.use", user), ceremony);
    let (Some(ceremony), Some(party), true) = (opened, party(cx), answer.len() <= MAX_ANSWER)
    else {
        return Ok(None);
    };
    let Some((claimed, id)) = told(RelyingParty::claimed(answer)) else { return Ok(None) };
    let Some(owner) = user.or(claimed.map(UserId)) else { return Ok(None) };
    let mine = of_user(cx, owner).await?;
    let kept = mine.into_iter().find(|c| c.factor == Factor::Passkey && c.id.0 == id);
    let Some(kept) = kept else { return Ok(None) };
    let used = told(party.used(answer, &ceremony.state, &kept.data));
    Ok(used.map(|used| (owner, Proof::Passkey { kept: Box::new(kept), used, ceremony })))
}

/// Why it does not fit is for operators: whoever sent it knows.
fn told<T>(result: Result<T, PasskeyError>) -> Option<T> {
    result.inspect_err(|error| tracing::info!(%error, "a passkey was refused")).ok()
}
