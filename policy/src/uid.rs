//! References to entities: `Type::"id"`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::str::FromStr as _;
use std::sync::{Arc, LazyLock};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The types of the entities that the platform itself knows, in every tenant.
pub const PLATFORM_TYPES: [&str; 6] =
    ["Application", "Group", "Organization", "Role", "Session", "User"];

const MAX_KIND: usize = 200;
const MAX_ID: usize = 512;

/// A reference to an entity: `Type::"id"`. In JSON `{"type": "Document", "id": "7"}`.
///
/// Types and ids are compared byte for byte. Cheap to clone, to compare and to hash.
#[derive(Clone)]
pub struct Uid(Arc<Inner>);

struct Inner {
    kind: Box<str>,
    id: Box<str>,
    hash: u64,
    cedar: EntityUid,
}

/// Why a type and an id do not make a reference to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUid {
    /// The type is not a name, or too long.
    #[error("a type is a name such as `Document` or `Shop::Order`, of at most {MAX_KIND} bytes")]
    Kind,
    /// The id is empty or too long.
    #[error("an id has 1 to {MAX_ID} bytes")]
    Length,
    /// The id holds a control character.
    #[error("an id holds no control characters")]
    Control,
}

impl Uid {
    /// A reference to an entity by its full type name and its id.
    ///
    /// # Errors
    /// When the type is not a name, or the id has not 1 to 512 bytes or holds control characters.
    pub fn new(kind: &str, id: &str) -> Result<Self, BadUid> {
        if kind.len() > MAX_KIND {
            return Err(BadUid::Kind);
        }
        if id.is_empty() || id.len() > MAX_ID {
            return Err(BadUid::Length);
        }
        if id.chars().any(char::is_control) {
            return Err(BadUid::Control);
        }
        let name = EntityTypeName::from_str(kind).map_err(|_| BadUid::Kind)?;
        let cedar = EntityUid::from_type_name_and_id(name, EntityId::new(id));
        Ok(Self::join(kind, id, cedar))
    }

    /// What a policy names, which may be longer than what is accepted from outside.
    pub(crate) fn of(cedar: &EntityUid) -> Self {
        let kind = cedar.type_name().to_string();
        Self::join(&kind, cedar.id().unescaped(), cedar.clone())
    }

    fn join(kind: &str, id: &str, cedar: EntityUid) -> Self {
        // Keyed, because ids come from outside and the hash is used as it is by `UidMap`.
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let hash = STATE.hash_one((kind, id));
        Self(Arc::new(Inner { kind: kind.into(), id: id.into(), hash, cedar }))
    }

    /// The action that a name means: `Action::"name"`, or what `Ns::Action::"name"` says in full.
    ///
    /// # Errors
    /// When the name cannot be an id.
    pub(crate) fn action(name: &str) -> Result<Self, BadUid> {
        if name.ends_with('"')
            && name.contains("Action::\"")
            && let Ok(uid) = EntityUid::from_str(name)
            && uid.type_name().basename() == "Action"
        {
            let uid = Self::of(&uid);
            return Self::new(uid.kind(), uid.id());
        }
        Self::new("Action", name)
    }

    /// The name of an action, as short as [`Uid::action`] understands it.
    pub(crate) fn action_name(&self) -> String {
        if self.kind() == "Action" { self.id().to_owned() } else { self.to_string() }
    }

    /// The full name of the type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The id. It may hold any character but control characters: escape it to print it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Whether the platform itself says what this entity looks like.
    #[must_use]
    pub fn is_platform(&self) -> bool {
        PLATFORM_TYPES.contains(&self.kind())
    }

    pub(crate) fn is_action(&self) -> bool {
        self.0.cedar.type_name().basename() == "Action"
    }

    pub(crate) fn cedar(&self) -> &EntityUid {
        &self.0.cedar
    }
}

impl PartialEq for Uid {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash
                && self.0.id == other.0.id
                && self.0.kind == other.0.kind)
    }
}

impl Eq for Uid {}

impl Hash for Uid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl PartialOrd for Uid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Uid {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.kind(), self.id()).cmp(&(other.kind(), other.id()))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::\"{}\"", self.kind(), self.id().escape_debug())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Parts { kind: self.kind().into(), id: self.id().into() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { kind, id } = Parts::deserialize(deserializer)?;
        Self::new(&kind, &id).map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts<'a> {
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    id: std::borrow::Cow<'a, str>,
}

/// A map by reference that does not hash again what a [`Uid`] has hashed already.
pub(crate) type UidMap<V> = std::collections::HashMap<Uid, V, BuildHasherDefault<Kept>>;

/// Hands out the one number that it was given.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kept(u64);

impl Hasher for Kept {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_bounded_names_with_any_printable_id() {
        for kind in ["Document", "Shop::Order", "_x::Y1"] {
            assert_eq!(Uid::new(kind, "7").unwrap().kind(), kind);
        }
        for kind in ["", "in", "a b", "A::", "::A", "A:B", "Ä", "__cedar::String", "A\n", " A"] {
            assert_eq!(Uid::new(kind, "7").unwrap_err(), BadUid::Kind, "{kind}");
        }
        assert_eq!(Uid::new(&"A".repeat(201), "7").unwrap_err(), BadUid::Kind);
        for id in ["", &"x".repeat(513)] {
            assert_eq!(Uid::new("A", id).unwrap_err(), BadUid::Length);
        }
        for id in ["a\nb", "\0", "\u{7f}", "\u{85}"] {
            assert_eq!(Uid::new("A", id).unwrap_err(), BadUid::Control);
        }
        let odd = Uid::new("A", "\"\\ é e\u{301} \u{202e}").unwrap();
        assert_eq!(EntityUid::from_str(&odd.to_string()).unwrap(), *odd.cedar());
        assert_ne!(Uid::new("A", "é").unwrap(), Uid::new("A", "e\u{301}").unwrap());
    }

    #[test]
    fn json_is_type_and_id() {
        let uid: Uid = serde_json::from_str(r#"{"type":"A","id":"x\"y"}"#).unwrap();
        assert_eq!(serde_json::to_string(&uid).unwrap(), r#"{"type":"A","id":"x\"y"}"#);
        assert!(serde_json::from_str::<Uid>(r#"{"type":"A","id":"x","more":1}"#).is_err());
        assert!(serde_json::from_str::<Uid>(r#"{"type":"A","id":""}"#).is_err());
    }

    #[test]
    fn actions_have_short_and_full_names() {
        assert_eq!(Uid::action("read").unwrap().to_string(), r#"Action::"read""#);
        assert_eq!(Uid::action(r#"Action::"read""#).unwrap(), Uid::action("read").unwrap());
        let full = Uid::action(r#"Shop::Action::"read""#).unwrap();
        assert_eq!((full.kind(), full.id()), ("Shop::Action", "read"));
        assert_eq!(full.action_name(), r#"Shop::Action::"read""#);
        assert_eq!(Uid::action("Shop::read").unwrap().kind(), "Action");
    }
}
