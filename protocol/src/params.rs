//! Parameters of a request: `application/x-www-form-urlencoded`, in a query or in a body.

use std::fmt;
use std::ops::Range;

use crate::error::OAuthError;

/// Larger requests are refused before they are looked at.
pub const MAX_BYTES: usize = 128 * 1024;
const MAX_PAIRS: usize = 100;
const MAX_NAME: usize = 100;
const MAX_VALUE: usize = 8 * 1024;
const MAX_LONG_VALUE: usize = 16 * 1024;
/// Parameters that hold a JWT or JSON of others' making.
const LONG: [&str; 3] = ["client_assertion", "id_token_hint", "claims"];

/// The decoded parameters, in order. Unknown ones are kept and harm nobody (RFC 6749 3.1).
#[derive(Clone, Default)]
pub struct Params {
    // Names and values one after the other, so that a request costs two allocations.
    text: String,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl Params {
    /// Parses a query or a body.
    ///
    /// # Errors
    /// `invalid_request` when it is not well-formed (a broken percent-encoding, invalid UTF-8),
    /// holds NUL, or is out of bounds: 100 parameters, names of 100 bytes, values of 8 KiB
    /// (16 KiB for `client_assertion`, `id_token_hint` and `claims`), 128 KiB in all.
    pub fn parse(bytes: &[u8]) -> Result<Self, OAuthError> {
        if bytes.len() > MAX_BYTES {
            return Err(OAuthError::invalid_request("the request is too long"));
        }
        let mut buf = Vec::with_capacity(bytes.len());
        let mut pairs = Vec::with_capacity(8);
        for piece in bytes.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            if pairs.len() == MAX_PAIRS {
                return Err(OAuthError::invalid_request("too many parameters"));
            }
            let mut halves = piece.splitn(2, |b| *b == b'=');
            let name = decode_into(&mut buf, halves.next().unwrap_or_default())?;
            let value = decode_into(&mut buf, halves.next().unwrap_or_default())?;
            pairs.push((name, value));
        }
        let text = String::from_utf8(buf)
            .map_err(|_| OAuthError::invalid_request("a parameter is not valid UTF-8"))?;
        let params = Self { text, pairs };
        params.check_bounds()?;
        Ok(params)
    }

    fn check_bounds(&self) -> Result<(), OAuthError> {
        // Two halves of one character in neighbouring parameters would be valid UTF-8 together.
        let whole = |r: &Range<usize>| self.text.get(r.clone()).is_some();
        if !self.pairs.iter().all(|(n, v)| whole(n) && whole(v)) {
            return Err(OAuthError::invalid_request("a parameter is not valid UTF-8"));
        }
        for (name, value) in self.iter() {
            let max = if LONG.contains(&name) { MAX_LONG_VALUE } else { MAX_VALUE };
            if name.len() > MAX_NAME || value.len() > max {
                return Err(OAuthError::invalid_request("a parameter is too long"));
            }
        }
        if self.text.contains('\0') {
            return Err(OAuthError::invalid_request("a parameter holds a NUL character"));
        }
        Ok(())
    }

    /// The value of a parameter that may be given once. An empty value counts as absent
    /// (RFC 6749 3.1).
    ///
    /// # Errors
    /// `invalid_request` when it is given twice (RFC 6749 3.1), even if one of them is empty.
    pub fn get(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(OAuthError::invalid_request(format!("{name} is given more than once")));
        }
        Ok(first.filter(|v| !v.is_empty()))
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` when it is absent, empty or given twice.
    pub fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name)?.ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }

    /// Every value of a parameter that may be repeated, such as `resource` (RFC 8707), empty ones
    /// too.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter_map(move |(n, value)| (n == name).then_some(value))
    }

    /// Every parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let part = |r: &Range<usize>| self.text.get(r.clone()).unwrap_or_default();
        self.pairs.iter().map(move |(name, value)| (part(name), part(value)))
    }
}

/// Names only: values are secrets, codes and tokens.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

fn decode_into(buf: &mut Vec<u8>, piece: &[u8]) -> Result<Range<usize>, OAuthError> {
    let start = buf.len();
    form_decode(buf, piece)
        .ok_or_else(|| OAuthError::invalid_request("a percent-encoding is broken"))?;
    Ok(start..buf.len())
}

/// Appends the decoded bytes of one name or value; `None` when a percent-encoding is broken.
pub(crate) fn form_decode(buf: &mut Vec<u8>, piece: &[u8]) -> Option<()> {
    let mut bytes = piece.iter().copied();
    while let Some(byte) = bytes.next() {
        buf.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            other => other,
        });
    }
    Some(())
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Params {
        Params::parse(text.as_bytes()).expect("well-formed")
    }

    fn refused(bytes: &[u8]) -> String {
        Params::parse(bytes).expect_err("must be refused").description.into_owned()
    }

    #[test]
    fn decodes() {
        let params = parse("a=x+y%20z%2b&&b&c==%C3%A9&=no+name&resource=1&resource=2");
        assert_eq!(params.get("a"), Ok(Some("x y z+")));
        assert_eq!(params.get("b"), Ok(None));
        assert_eq!(params.get("absent"), Ok(None));
        assert_eq!(params.get("c"), Ok(Some("=\u{e9}")));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(params.require("b").expect_err("empty").description, "b is missing");
    }

    #[test]
    fn repetition_is_refused_even_beside_an_empty_value() {
        for text in ["a=1&a=2", "a=1&a=1", "a=&a=1", "a&a"] {
            assert!(parse(text).get("a").is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_and_out_of_bounds() {
        assert_eq!(refused(b"a=%zz"), "a percent-encoding is broken");
        assert_eq!(refused(b"a=%4"), "a percent-encoding is broken");
        assert_eq!(refused(b"a=%ff"), "a parameter is not valid UTF-8");
        assert_eq!(refused(b"a=\xff"), "a parameter is not valid UTF-8");
        assert_eq!(refused(b"a%c3=%a9"), "a parameter is not valid UTF-8");
        assert_eq!(refused(b"a=%00"), "a parameter holds a NUL character");
        assert_eq!(refused(b"a%00b=1"), "a parameter holds a NUL character");
        let value = |name: &str, len: usize| format!("{name}={}", "x".repeat(len));
        assert!(Params::parse(value("scope", MAX_VALUE).as_bytes()).is_ok());
        assert_eq!(refused(value("scope", MAX_VALUE + 1).as_bytes()), "a parameter is too long");
        assert!(Params::parse(value("claims", MAX_LONG_VALUE).as_bytes()).is_ok());
        assert_eq!(
            refused(value("claims", MAX_LONG_VALUE + 1).as_bytes()),
            "a parameter is too long"
        );
        assert_eq!(refused("n".repeat(101).as_bytes()), "a parameter is too long");
        assert_eq!(refused("a&".repeat(101).as_bytes()), "too many parameters");
        assert_eq!(refused(&vec![b'a'; MAX_BYTES + 1]), "the request is too long");
    }

    #[test]
    fn values_stay_out_of_the_debug_form() {
        assert_eq!(format!("{:?}", parse("client_secret=hush")), r#"["client_secret"]"#);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(params) = Params::parse(&bytes) {
                for (name, _) in params.iter() {
                    let _ = params.get(name);
                }
            }
        }

        #[test]
        fn reads_what_a_browser_writes(
            pairs in proptest::collection::vec(("[^\0]{1,10}", "[^\0]{0,20}"), 0..20)
        ) {
            let text = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&pairs)
                .finish();
            let params = parse(&text);
            let read: Vec<_> =
                params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(read, pairs);
        }
    }
}
