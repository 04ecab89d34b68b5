//! What an access token says of what its subject may do: roles (RFC 9068 2.2.3.1) and permissions.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::application::AccessTokenClaim;

use crate::error::OAuthError;

/// The most roles, and the most permissions, of one token.
pub const MOST: usize = 200;
/// The most bytes of both lists as JSON: tokens travel in header fields, of which most servers take
/// 8 KiB.
pub const MOST_BYTES: usize = 5 * 1024;

/// The claims; a list is there when the application wants it, even an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleClaims {
    /// Names of roles, sorted.
    pub roles: Option<Vec<String>>,
    /// What these roles permit, sorted.
    pub permissions: Option<Vec<String>>,
}

impl RoleClaims {
    /// The claims that an application wants, of roles with what each of them permits.
    ///
    /// # Errors
    /// `invalid_scope` when they do not fit into a token. A list is never cut: whoever reads the
    /// token would take what is missing for what is not allowed, or worse, not forbidden.
    pub fn new(
        wanted: &BTreeSet<AccessTokenClaim>,
        held: BTreeMap<String, Vec<String>>,
    ) -> Result<Self, OAuthError> {
        let wants = |claim| wanted.contains(&claim);
        let (names, permits): (Vec<_>, Vec<_>) = held.into_iter().unzip();
        let permits: BTreeSet<String> = permits.into_iter().flatten().collect();
        let claims = Self {
            roles: wants(AccessTokenClaim::Roles).then_some(names),
            permissions: wants(AccessTokenClaim::Permissions)
                .then(|| permits.into_iter().collect()),
        };
        let lists = || [&claims.roles, &claims.permissions].into_iter().flatten();
        let bytes = lists().map(|list| serde_json::to_vec(list).map_or(usize::MAX, |v| v.len()));
        if lists().any(|list| list.len() > MOST) || bytes.sum::<usize>() > MOST_BYTES {
            let kib = MOST_BYTES / 1024;
            return Err(OAuthError::invalid_scope(format!(
                "the roles and permissions do not fit into an access token: at most {MOST} of \
                 each, together {kib} KiB"
            )));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(roles: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        roles.iter().map(|(name, permits)| ((*name).to_owned(), owned(permits))).collect()
    }

    #[test]
    fn lists_are_sorted_and_only_those_that_are_wanted() {
        use AccessTokenClaim::{Permissions, Roles};
        let roles = || held(&[("writer", &["b", "a"]), ("reader", &["a"])]);
        let both = RoleClaims::new(&[Roles, Permissions].into(), roles()).unwrap();
        assert_eq!(both.roles.unwrap(), ["reader", "writer"]);
        assert_eq!(both.permissions.unwrap(), ["a", "b"]);
        let one = RoleClaims::new(&[Permissions].into(), roles()).unwrap();
        assert_eq!((one.roles, one.permissions.unwrap().len()), (None, 2));
        let none = RoleClaims::new(&[Roles].into(), BTreeMap::new()).unwrap();
        assert_eq!(none.roles, Some(Vec::new()));
        assert_eq!(RoleClaims::new(&BTreeSet::new(), roles()).unwrap(), RoleClaims::default());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_cut() {
        let many = |n: usize, length: usize| -> Vec<String> {
            (0..n).map(|i| format!("{i:0length$}")).collect()
        };
        let of = |permits: Vec<String>| {
            let held = BTreeMap::from([("r".to_owned(), permits)]);
            RoleClaims::new(&[AccessTokenClaim::Permissions].into(), held)
        };
        assert_eq!(of(many(MOST, 3)).unwrap().permissions.unwrap().len(), MOST);
        assert!(of(many(MOST + 1, 3)).is_err());
        assert!(of(many(100, 60)).is_err());
        // What nobody wants does not count.
        let held = BTreeMap::from([("r".to_owned(), many(MOST + 1, 3))]);
        assert!(RoleClaims::new(&[AccessTokenClaim::Roles].into(), held).is_ok());
    }
}
