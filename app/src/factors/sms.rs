//! Numbers that codes are sent to as text messages.

use bailiwick_domain::CredentialId;
use bailiwick_domain::acr::Factor;
use bailiwick_store::credentials::Credential;
use bailiwick_store::vault::Place;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::cx::Cx;

fn place(id: &CredentialId) -> Place<'_> {
    Place { table: "credentials", column: "data", row: id.0.as_bytes().as_slice().into() }
}

/// A number as people write it, in E.164: a plus sign, and 8 to 15 digits of which the first is not
/// zero.
#[must_use]
pub fn number(written: &str) -> Option<String> {
    let kept = |c: &char| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/');
    let number: String = written.trim().chars().filter(kept).take(17).collect();
    let digits = number.strip_prefix('+')?;
    let good = (8..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    good.then_some(number)
}

/// The last digits, for its person to know it again.
#[must_use]
pub fn hint(number: &str) -> String {
    number.get(number.len().saturating_sub(3)..).unwrap_or_default().to_owned()
}

/// The credential to store.
#[must_use]
pub fn credential(cx: &Cx, number: &str) -> Credential {
    let id: CredentialId = cx.env().id();
    let sealed = cx.view.vault.seal(&place(&id), number.as_bytes(), cx.env());
    Credential {
        id,
        factor: Factor::SmsCode,
        name: Some(hint(number)),
        data: STANDARD_NO_PAD.encode(sealed),
        counter: 0,
        created_at: cx.now,
        last_used_at: None,
    }
}

/// The user's number.
#[must_use]
pub fn mine(cx: &Cx, mine: &[Credential]) -> Option<(CredentialId, String)> {
    let credential = mine.iter().find(|c| c.factor == Factor::SmsCode)?;
    let sealed = STANDARD_NO_PAD.decode(&credential.data).ok()?;
    let plain = cx.view.vault.open(&place(&credential.id), &sealed).ok()?;
    Some((credential.id, String::from_utf8(plain.to_vec()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (written, wanted) in [
            ("+49 151 1234-5678", Some("+4915112345678")),
            (" +1 (555) 010.9999 ", Some("+15550109999")),
            ("0151 12345678", None),
            ("+0151 12345678", None),
            ("+49", None),
            ("+49151123456789012", None),
            ("+49 151 1234567a", None),
            ("+\u{661}\u{662}345678", None),
            ("", None),
        ] {
            assert_eq!(number(written).as_deref(), wanted, "{written}");
        }
        assert_eq!((hint("+4915112345678").as_str(), hint("").as_str()), ("678", ""));
    }
}
