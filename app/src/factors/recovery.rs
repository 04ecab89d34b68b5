//! Ten codes for the day when the phone is lost. Each begins with two characters that say which it
//! is, so that looking for one costs one hash and not ten.

use bailiwick_domain::CredentialId;
use bailiwick_domain::acr::Factor;
use bailiwick_store::credentials::Credential;
use secrecy::SecretString;

use super::Proof;
use crate::cx::Cx;
use crate::password::PasswordError;

/// How many codes there are at first.
pub const CODES: usize = 10;
/// Characters of a code: two that say which, and ten with 50 bits that nobody knows.
const LENGTH: usize = 12;
/// Base32 without what looks like something else, in lower case, as people type it.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";

/// New codes, as they are shown once, and what is stored of them.
///
/// # Errors
/// [`PasswordError::Busy`] when too many hashes wait.
pub async fn generate(cx: &Cx) -> Result<(Vec<String>, Vec<Credential>), PasswordError> {
    let mut codes: Vec<String> = Vec::with_capacity(CODES);
    while codes.len() < CODES {
        let code = code(cx);
        if !codes.iter().any(|c| c.get(..2) == code.get(..2)) {
            codes.push(code);
        }
    }
    let mut stored = Vec::with_capacity(CODES);
    for code in &codes {
        let (which, secret) = code.split_at(2);
        let hash = cx.state.passwords.hash(SecretString::from(secret)).await?;
        stored.push(Credential {
            id: cx.env().id(),
            factor: Factor::RecoveryCode,
            name: None,
            data: format!("{which}:{hash}"),
            counter: 0,
            created_at: cx.now,
            last_used_at: None,
        });
    }
    Ok((codes.iter().map(|code| shown(code)).collect(), stored))
}

fn code(cx: &Cx) -> String {
    let of = |b: &u8| char::from(ALPHABET[usize::from(b % 32)]);
    cx.env().bytes::<LENGTH>().iter().map(of).collect()
}

fn shown(code: &str) -> String {
    let (a, rest) = code.split_at(4);
    let (b, c) = rest.split_at(4);
    format!("{a}-{b}-{c}")
}

/// Whether this is one of the user's codes that are left: one hash of work, whether or not there
/// is any.
///
/// # Errors
/// [`PasswordError::Busy`] when too many hashes wait.
pub async fn check(
    cx: &Cx,
    mine: &[Credential],
    typed: &str,
) -> Result<Option<Proof>, PasswordError> {
    let code: String = typed.chars().filter(char::is_ascii_alphanumeric).take(LENGTH + 1).collect();
    let code = code.to_ascii_lowercase();
    let (which, secret) = code.split_at(code.len().min(2));
    let found = mine.iter().filter(|c| c.factor == Factor::RecoveryCode).find_map(|c| {
        let hash = c.data.strip_prefix(which)?.strip_prefix(':')?;
        Some((c.id, hash.to_owned()))
    });
    let (id, hash): (Option<CredentialId>, _) = found.unzip();
    let right = cx.state.passwords.verify(SecretString::from(secret), hash).await?;
    Ok(id.filter(|_| right).map(|credential| Proof::RecoveryCode { credential }))
}
