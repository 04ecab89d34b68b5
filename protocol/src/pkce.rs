//! Proof Key for Code Exchange (RFC 7636), with S256 only.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// The one method that we take: `plain` protects against nothing that S256 does not, and is
/// forbidden by RFC 9700 2.1.1.
pub const METHOD: &str = "S256";

/// Whether `text` can be an S256 challenge: 32 bytes as unpadded base64url, in its one spelling
/// (RFC 7636 4.2).
#[must_use]
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

/// Whether `text` can be a verifier: `43*128unreserved` (RFC 7636 4.1).
#[must_use]
pub fn is_verifier(text: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// Whether the verifier is well-formed and its SHA-256 is the challenge (RFC 7636 4.6). Takes the
/// same time wherever they differ.
#[must_use]
pub fn verify_s256(verifier: &str, challenge: &str) -> bool {
    let computed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    is_verifier(verifier) && bool::from(computed.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc() {
        assert!(is_verifier(VERIFIER));
        assert!(is_challenge(CHALLENGE));
        assert!(verify_s256(VERIFIER, CHALLENGE));
    }

    #[test]
    fn nothing_else_verifies() {
        assert!(!verify_s256(CHALLENGE, CHALLENGE), "that would be the method plain");
        assert!(!verify_s256(&VERIFIER.replace('d', "D"), CHALLENGE));
        assert!(!verify_s256(VERIFIER, ""));
        assert!(!verify_s256("", CHALLENGE));
        let short = "a".repeat(42);
        let its_challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, short.as_bytes()));
        assert!(!verify_s256(&short, &its_challenge), "a verifier that could be guessed");
    }

    #[test]
    fn lengths_and_characters() {
        assert!(is_verifier(&"~".repeat(128)));
        for wrong in ["a".repeat(42), "a".repeat(129), "a".repeat(42) + "=", "\u{e9}".repeat(30)] {
            assert!(!is_verifier(&wrong), "{wrong}");
        }
        // The last: the same 32 bytes with a stray bit in the last character.
        for wrong in ["", "short", &"=".repeat(43), &(CHALLENGE.to_owned() + "="), &"9".repeat(43)]
        {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }
}
