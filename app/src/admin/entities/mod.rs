//! Entities that the tenant keeps here for its policies, beside those that the platform knows.

pub mod bulk;
mod check;
pub mod delete;
pub mod get;
mod hierarchy;
pub mod list;
pub mod patch;
pub mod put;
mod write;

use actix_web::HttpRequest;
use bailiwick_domain::TenantId;
use bailiwick_store::authz::objects::{self, EntityRef, Object, ObjectData};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::check::check_name;
use super::auth::Load;
use super::page::Place;
use super::problem::Problem;

/// What names an entity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntityReference)]
pub struct ReferenceMembers {
    /// The name of its type.
    #[serde(rename = "type")]
    #[schema(example = "Folder")]
    kind: String,
    /// Its id among those of its type.
    #[schema(example = "plans")]
    id: String,
}

impl From<ReferenceMembers> for EntityRef {
    fn from(it: ReferenceMembers) -> Self {
        Self { kind: it.kind, id: it.id }
    }
}

/// What may be set in an entity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityMembers {
    /// The name of its type. May be left out where the path says it.
    #[serde(rename = "type")]
    #[schema(example = "Document")]
    kind: Option<String>,
    /// Its id among those of its type. May be left out where the path says it.
    #[schema(example = "roadmap")]
    id: Option<String>,
    /// Its attributes, in the JSON format of Cedar: at most 16 KiB, 8 levels deep.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({
        "public": false,
        "owner": { "type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f" }
    }))]
    attrs: Map<String, Value>,
    /// What it is in: at most 100, of the platform's types too.
    #[serde(default)]
    parents: Vec<ReferenceMembers>,
    /// Its tags, as its attributes.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({}))]
    tags: Map<String, Value>,
}

impl EntityMembers {
    /// The entity that the path names, with these members.
    fn at(self, uid: EntityRef) -> Result<ObjectData, Problem> {
        for (name, said, is) in [("type", &self.kind, &uid.kind), ("id", &self.id, &uid.id)] {
            if said.as_ref().is_some_and(|said| said != is) {
                return Err(Problem::mistake(name, "is another one in the path"));
            }
        }
        Ok(self.named(uid))
    }

    fn named(self, uid: EntityRef) -> ObjectData {
        let parents = self.parents.into_iter().map(EntityRef::from).collect();
        ObjectData { uid, attrs: self.attrs, parents, tags: self.tags }
    }
}

/// An entity.
#[derive(Serialize, ToSchema)]
#[schema(as = Entity)]
pub struct EntityBody<'a> {
    /// The name of its type.
    #[serde(rename = "type")]
    #[schema(example = "Document")]
    kind: &'a str,
    /// Its id among those of its type.
    #[schema(example = "roadmap")]
    id: &'a str,
    /// Its attributes.
    #[schema(value_type = Object, example = json!({ "public": false }))]
    attrs: &'a Map<String, Value>,
    /// What it is in.
    #[schema(value_type = Vec<ReferenceMembers>)]
    parents: &'a [EntityRef],
    /// Its tags.
    #[schema(value_type = Object, example = json!({}))]
    tags: &'a Map<String, Value>,
    /// Counts its changes: `v1` is the ETag of version 1.
    #[schema(example = 1)]
    version: i64,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    updated_at: String,
}

impl<'a> From<&'a Object> for EntityBody<'a> {
    fn from(object: &'a Object) -> Self {
        let data = &object.data;
        Self {
            kind: &data.uid.kind,
            id: &data.uid.id,
            attrs: &data.attrs,
            parents: &data.parents,
            tags: &data.tags,
            version: object.version,
            created_at: object.created_at.to_rfc3339(),
            updated_at: object.updated_at.to_rfc3339(),
        }
    }
}

impl Load for Object {
    type Id = EntityRef;

    fn id(request: &HttpRequest) -> Result<EntityRef, Problem> {
        named_by(request)
    }

    async fn load(
        tx: TenantTx,
        tenant: TenantId,
        uid: EntityRef,
    ) -> Result<Option<Self>, StoreError> {
        objects::get(&tx, tenant, &uid).await
    }

    fn version(&self) -> i64 {
        self.version
    }
}

/// The entity that `/entities/{type}/{id}` names.
///
/// # Errors
/// What is wrong with its name.
fn named_by(request: &HttpRequest) -> Result<EntityRef, Problem> {
    // The router replaces what is not UTF-8, and then two names would be one.
    let mut parts = request.uri().path().rsplit('/').map(decoded);
    let wrong = |name| Problem::mistake(name, "must be UTF-8, percent-encoded (RFC 3986 2.1)");
    let id = parts.next().flatten().ok_or_else(|| wrong("id"))?;
    let kind = parts.next().flatten().ok_or_else(|| wrong("type"))?;
    let uid = EntityRef { kind, id };
    let mut mistakes = Vec::new();
    check_name("", &uid, &mut mistakes);
    if mistakes.is_empty() { Ok(uid) } else { Err(Problem::mistakes(mistakes)) }
}

/// A part of a path as the text that it is the encoding of.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = if *first == b'%' {
            let (pair, after) = rest.split_first_chunk::<2>()?;
            rest = after;
            hex::decode(pair).ok()?.pop()?
        } else {
            *first
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

/// A place in a list that is ordered by type and id.
impl Place for EntityRef {
    fn to_bytes(&self) -> Vec<u8> {
        [self.kind.as_bytes(), b"\n", self.id.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, id) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        Some(Self { kind: kind.to_owned(), id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_have_one_reading() {
        for (part, text) in [
            ("a%2Fb", "a/b"),
            ("a+b%20c", "a+b c"),
            ("%2525", "%25"),
            ("%c3%A4", "ä"),
            ("a:b", "a:b"),
            ("%F0%9F%92%A9", "💩"),
        ] {
            assert_eq!(decoded(part).as_deref(), Some(text), "{part}");
        }
        for wrong in ["%ff", "%", "%4", "%zz", "%c3", "a%+1"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_place_is_what_it_was() {
        let place = EntityRef { kind: "Crm::Deal".into(), id: "a\"ä".into() };
        assert_eq!(EntityRef::from_bytes(&place.to_bytes()), Some(place));
    }
}
