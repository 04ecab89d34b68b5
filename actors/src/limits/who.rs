//! Who is counted: tags for the tables of a node, keys for all nodes.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::IpAddr;

use bailiwick_domain::{ApplicationId, Env};
use bailiwick_store::vault::Label;
use uuid::Uuid;

use super::Scope;
use crate::view::TenantView;

/// Where a request comes from, as far as it is counted: an address of IPv4, or a /64 network of
/// IPv6, of which everybody has at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(Option<u64>, bool);

impl Network {
    /// Where an address counts; requests without one count together.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|a| a.to_canonical()) {
            None => Self(None, false),
            Some(IpAddr::V4(ip)) => Self(Some(u64::from(ip.to_bits())), false),
            Some(IpAddr::V6(ip)) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self(Some(u64::from_be_bytes([a, b, c, d, e, f, g, h])), true)
            }
        }
    }
}

/// Makes tags that nobody outside can compute: a hash under a key of this run of the node.
/// Not to be shown: its state is the key.
#[derive(Clone)]
pub(crate) struct Tags(DefaultHasher);

impl Tags {
    pub(crate) fn new(env: &Env) -> Self {
        // SipHash that has taken in 32 secret bytes is SipHash under a secret state.
        let mut keyed = DefaultHasher::new();
        keyed.write(&env.bytes::<32>());
        Self(keyed)
    }

    pub(crate) fn of(&self, who: &impl Hash) -> u64 {
        let mut hasher = self.0.clone();
        who.hash(&mut hasher);
        hasher.finish()
    }
}

/// What can be named to other nodes.
pub(crate) trait Name {
    /// Unambiguous within its scope.
    fn write(&self, out: &mut Vec<u8>);
}

impl Name for () {
    fn write(&self, _: &mut Vec<u8>) {}
}

impl Name for Uuid {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Name for Network {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.0.is_some()) + 2 * u8::from(self.1));
        out.extend_from_slice(&self.0.unwrap_or(0).to_be_bytes());
    }
}

impl Name for Option<ApplicationId> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        out.extend_from_slice(self.map_or(Uuid::nil(), |app| app.0).as_bytes());
    }
}

impl Name for &str {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u64).to_be_bytes());
        out.extend_from_slice(self.as_bytes());
    }
}

impl<A: Name, B: Name> Name for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
}

/// The name of a limit on every node. A MAC under a key of the tenant: whoever sees it learns of
/// nobody.
pub(crate) fn key(view: &TenantView, scope: Scope, who: &impl Name) -> [u8; 16] {
    let mut text = Vec::with_capacity(96);
    scope.name().write(&mut text);
    who.write(&mut text);
    let mac = view.vault.mac(Label::Limits, &text);
    mac.first_chunk().copied().expect("a MAC has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let from = |text: &str| Network::of(Some(text.parse().expect("an address")));
        assert_eq!(from("2001:db8:1:2::1"), from("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(from("2001:db8:1:2::1"), from("2001:db8:1:3::1"));
        assert_ne!(from("192.0.2.1"), from("192.0.2.2"));
        assert_eq!(from("::ffff:192.0.2.1"), from("192.0.2.1"));
        // A network of IPv6 whose first half is the number of an address of IPv4.
        assert_ne!(from("0:0:c000:201::"), from("192.0.2.1"));
        assert_ne!(Network::of(None), from("0.0.0.0"));
    }

    #[test]
    fn tags_are_those_of_one_run() {
        let (one, other) = (Tags::new(&Env::system()), Tags::new(&Env::system()));
        assert_eq!(one.of(&("a", 1)), one.of(&("a", 1)));
        assert_ne!(one.of(&("a", 1)), one.of(&("a", 2)));
        assert_ne!(one.of(&("a", 1)), other.of(&("a", 1)));
    }

    #[test]
    fn names_are_unambiguous() {
        let bytes = |name: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            name(&mut out);
            out
        };
        let one = bytes(&|out| ("ab", "c").write(out));
        assert_ne!(one, bytes(&|out| ("a", "bc").write(out)));
        let none = Network::of(None);
        let zero = Network::of(Some(IpAddr::from([0, 0, 0, 0])));
        assert_ne!(bytes(&|out| none.write(out)), bytes(&|out| zero.write(out)));
    }
}
