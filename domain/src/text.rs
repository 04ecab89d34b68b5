//! Bounds and normal forms of outside text.

/// Normalises an e-mail address for comparison: trimmed and lower-cased.
///
/// `None` when it is not an address that we accept: exactly one `@` with text on both sides,
/// at most 254 bytes (RFC 5321 4.5.3.1), no control characters or spaces.
#[must_use]
pub fn normalize_email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.split_once('@')?;
    let ok = !local.is_empty()
        && local.len() <= 64
        && !host.is_empty()
        && !host.contains('@')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && text.len() <= 254
        && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    ok.then(|| text.to_lowercase())
}

/// Whether `slug` can name a tenant: 2 to 40 of `a-z 0-9 -`, starting and ending with a letter or
/// digit, so that it is also a DNS label.
#[must_use]
pub fn is_slug(slug: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    (2..=40).contains(&slug.len())
        && slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && edge(slug.bytes().next())
        && edge(slug.bytes().next_back())
}

/// Whether `text` can be shown as a name: 1 to 200 bytes, not blank, no control characters.
#[must_use]
pub fn is_display_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 200 && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        assert_eq!(normalize_email(" Ada@Example.COM "), Some("ada@example.com".into()));
        for wrong in ["", "ada", "@x", "a@", "a@@b", "a b@c", "a\0@b", "a@.b", "a@b."] {
            assert_eq!(normalize_email(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn slugs() {
        assert!(is_slug("acme-2"));
        for wrong in ["a", "-ab", "ab-", "Ab", "a_b", &"a".repeat(41), "a.b", ""] {
            assert!(!is_slug(wrong), "{wrong:?}");
        }
    }
}
