//! Codes of authenticator apps (RFC 6238): six digits, 30 seconds, HMAC-SHA-1, which is what every
//! app has. A code counts for its own 30 seconds and those beside them, for clocks that are wrong.

use bailiwick_domain::Timestamp;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// Bytes of a secret (RFC 4226 4 R6 recommends 160 bits).
pub const SECRET: usize = 20;

/// A secret that an authenticator app has.
pub struct Authenticator(Totp);

impl Authenticator {
    /// With this secret, under these names in the app.
    ///
    /// `None` when the secret is too short.
    #[must_use]
    pub fn new(secret: &[u8], issuer: &str, account: &str) -> Option<Self> {
        // The label is `issuer:account`: neither may hold a colon.
        let plain = |text: &str| {
            let text: String = text.chars().filter(|c| *c != ':' && !c.is_control()).collect();
            if text.trim().is_empty() { "account".to_owned() } else { text }
        };
        Builder::new()
            .with_secret(Secret::from(secret.to_vec()))
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account))
            .build()
            .ok()
            .map(Self)
    }

    /// The address that a QR code holds (the Key URI format).
    #[must_use]
    pub fn uri(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_url().unwrap_or_default())
    }

    /// The time step that this code is of, if it is right. Each step may be used once, and none
    /// before it any more: for the caller to remember (RFC 6238 5.2).
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let six = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
        let now = u64::try_from(now.as_secs()).ok().filter(|_| six)?;
        self.0.check(&digits, now).and_then(|step| i64::try_from(step).ok())
    }
}

/// A secret as people type it: groups of four letters and digits.
#[must_use]
pub fn readable(secret: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(Secret::from(secret.to_vec()).to_base32());
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 5 / 4 + 1));
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1, the last six digits.
    #[test]
    fn the_vectors_of_the_rfc() {
        let app = Authenticator::new(b"12345678901234567890", "Acme", "ada").expect("long enough");
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(app.step_of(code, Timestamp::from_secs(time)), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn a_code_counts_for_its_step_and_those_beside_it() {
        let app = Authenticator::new(b"12345678901234567890", "Acme", "ada").expect("long enough");
        let at = |time| app.step_of("287082", Timestamp::from_secs(time));
        assert_eq!([at(0), at(29), at(30), at(59), at(89)], [Some(1); 5]);
        assert_eq!([at(90), at(1_000)], [None; 2]);
        assert_eq!(app.step_of("287 082", Timestamp::from_secs(59)), Some(1), "as apps show it");
        for wrong in ["", "28708", "2870822", "28708a", "\u{0662}87082", "+28708"] {
            assert_eq!(app.step_of(wrong, Timestamp::from_secs(59)), None, "{wrong}");
        }
    }

    #[test]
    fn names_end_up_in_the_address() {
        let secret = [7; SECRET];
        let app = Authenticator::new(&secret, "A: c&me", "ada@example.com").expect("long enough");
        let uri = app.uri();
        assert!(uri.starts_with("otpauth://totp/A%20c%26me:ada"), "{}", uri.as_str());
        assert!(uri.contains("issuer=A%20c%26me") && uri.contains("secret="), "{}", uri.as_str());
        assert!(Authenticator::new(&secret, "", ":").is_some());
        assert!(Authenticator::new(&[7; 8], "Acme", "ada").is_none());
        assert_eq!(readable(&secret).split(' ').count(), 8);
    }
}
