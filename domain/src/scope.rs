//! Scopes (RFC 6749 section 3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The scopes that OpenID Connect Core 5.4 and 11 define.
pub const STANDARD: [&str; 6] =
    ["openid", "profile", "email", "phone", "address", "offline_access"];

/// The scope of applications that ask for decisions.
pub const AUTHZ: &str = "authz";

/// A set of scopes. Order never matters; it prints sorted and space-separated.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeSet(BTreeSet<String>);

/// A scope has a character outside `%x21 / %x23-5B / %x5D-7E`, or there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope holds a character that is not allowed, or there are too many scopes")]
pub struct InvalidScope;

impl ScopeSet {
    /// The most scopes in one set.
    pub const MAX: usize = 64;

    /// Parses a space-separated list. Repeated scopes count once.
    ///
    /// # Errors
    /// When a scope has a character that RFC 6749 3.3 forbids, or there are more than [`Self::MAX`].
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        text.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>().try_into()
    }

    /// Whether `scope` is in the set.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every scope of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The scopes in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The scopes in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The set without `scope`.
    #[must_use]
    pub fn without(mut self, scope: &str) -> Self {
        self.0.remove(scope);
        self
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many scopes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl TryFrom<Vec<String>> for ScopeSet {
    type Error = InvalidScope;
    fn try_from(list: Vec<String>) -> Result<Self, InvalidScope> {
        let set: BTreeSet<String> = list.into_iter().collect();
        let ok = |s: &String| {
            !s.is_empty() && s.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        if set.len() > Self::MAX || !set.iter().all(ok) {
            return Err(InvalidScope);
        }
        Ok(Self(set))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

/// As a JSON array of strings; in tokens use the [`fmt::Display`] form.
impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(d)?.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_do_not_matter() {
        let a = ScopeSet::parse("profile  openid openid").expect("valid");
        assert_eq!(a, ScopeSet::parse("openid profile").expect("valid"));
        assert_eq!(a.to_string(), "openid profile");
        assert!(ScopeSet::parse("a\"b").is_err());
        assert!(ScopeSet::parse("a\u{e9}").is_err());
        let many = (0..65).map(|i| format!("s{i}")).collect::<Vec<_>>();
        assert!(ScopeSet::try_from(many).is_err());
    }
}
