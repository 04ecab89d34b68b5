//! Typed ids. In Rust each kind is its own type; in the APIs each kind has its own prefix.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What the id starts with in the APIs.
            pub const PREFIX: &'static str = $prefix;
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($prefix, text).map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'de, str>>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    TenantId = "ten";
    /// An organization of a tenant.
    OrganizationId = "org";
    /// An application (an OAuth client); its `client_id` is another thing.
    ApplicationId = "app";
    /// A client secret of an application.
    SecretId = "sec";
    /// A user. Not the `sub` of tokens, which is random.
    UserId = "usr";
    /// An identifier of a user: an e-mail address, a user name, a phone number.
    IdentifierId = "idt";
    /// A credential of a user: a password, a passkey.
    CredentialId = "crd";
    /// A browser that somebody signed in with.
    BrowserId = "brw";
    /// A session of one account in one browser: the `sid` of tokens.
    SessionId = "ses";
    /// One authorization by one user for one application.
    GrantId = "grt";
    /// A family of refresh tokens.
    FamilyId = "fam";
    /// A key of the management API.
    ApiKeyId = "key";
    /// A signing key: the `kid` of tokens.
    SigningKeyId = "sig";
    /// A data-encryption key of a tenant.
    DataKeyId = "dek";
    /// A replay of decisions with a draft of policies.
    ReplayId = "rpl";
    /// An audit event.
    EventId = "evt";
    /// A durable piece of work.
    JobId = "job";
    /// A usage receipt.
    ReceiptId = "rcp";
    /// A command given to a committer.
    CommandId = "cmd";
    /// A group of users.
    GroupId = "grp";
    /// A role that somebody has.
    AssignmentId = "asg";
    /// Policies that are being written.
    DraftId = "drf";
    /// A logged decision.
    DecisionId = "dec";
    /// One run of one node.
    BootId = "bot";
}

/// Exactly `prefix_` and 32 lower-case hexadecimal digits: one spelling for one id.
fn parse(prefix: &str, text: &str) -> Result<Uuid, InvalidId> {
    let hex = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|hex| {
            hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
        .ok_or(InvalidId)?;
    Uuid::try_parse(hex).map_err(|_| InvalidId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_one_id() {
        let id = UserId(Uuid::from_u128(0xab));
        assert_eq!(id.to_string(), "usr_000000000000000000000000000000ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "app_000000000000000000000000000000ab",
            "usr_000000000000000000000000000000AB",
            "usr_00000000-0000-0000-0000-0000000000ab",
            "usr_ab",
            "usr000000000000000000000000000000ab",
            "",
        ] {
            assert_eq!(wrong.parse::<UserId>(), Err(InvalidId), "{wrong}");
        }
    }
}
