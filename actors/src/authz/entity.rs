//! What is stored, as entities.

use bailiwick_domain::authz::{GROUP, ROLE, USER};
pub(super) use bailiwick_domain::authz::{ORGANIZATION, SESSION};
use bailiwick_policy::{EntityData, Uid};
use bailiwick_store::authz::objects::EntityRef;
use bailiwick_store::authz::platform::{EntityRow, UserEntity};
use serde_json::{Map, Value, json};

use super::gather::Source;

/// A row as an entity; `None` for an application that is not there.
pub(super) fn data(source: &Source<'_>, uid: &Uid, row: EntityRow) -> Option<EntityData> {
    let fitting = |kind: &str, members| source.compiled.snapshot.attributes(kind, members);
    let named = |kind: &str, id: &str| Uid::new(kind, id).ok();
    let roles = |names: Vec<String>| names.iter().filter_map(|n| named(ROLE, n)).collect();
    let (attrs, parents, tags) = match row {
        EntityRow::User(row) => return user(source, uid, *row),
        EntityRow::Group(row) => {
            let attrs = json!({ "name": row.group.name,
                "attributes": fitting(GROUP, &row.group.attributes) });
            (attrs, roles(row.roles), Map::new())
        }
        EntityRow::Organization(row) => {
            let attributes = fitting(ORGANIZATION, &row.attributes);
            let attrs = json!({ "id": uid.id(), "name": row.name, "attributes": attributes });
            (attrs, Vec::new(), Map::new())
        }
        EntityRow::Application(names) => {
            let app = source.view.applications.by_id(uid.id().parse().ok()?)?;
            let spec = &app.application.spec;
            let attrs = json!({ "client_id": spec.client_id, "name": spec.name });
            (attrs, roles(names), Map::new())
        }
        EntityRow::Session(row) => {
            let user = json!({ "type": USER, "id": row.user.to_string() });
            let (at, acr) = (row.auth_time.as_secs(), row.acr.name());
            let attrs = json!({ "user": user, "auth_time": at, "amr": row.amr, "acr": acr });
            (attrs, Vec::new(), Map::new())
        }
        EntityRow::Object(row) => {
            let parent = |p: EntityRef| named(&p.kind, &p.id);
            let parents = row.data.parents.into_iter().filter_map(parent).collect();
            (Value::Object(row.data.attrs), parents, row.data.tags)
        }
    };
    let Value::Object(attrs) = attrs else { return None };
    Some(EntityData { uid: uid.clone(), attrs, parents, tags })
}

/// A user: in its groups, its roles of the whole tenant and its organizations, and tagged with its
/// roles by organization.
fn user(source: &Source<'_>, uid: &Uid, row: UserEntity) -> Option<EntityData> {
    let UserEntity { user, groups, roles, organizations } = row;
    let mut attrs = json!({
        "id": uid.id(),
        "sub": user.sub,
        "email_verified": user.email_verified,
        "active": user.active,
        "attributes": source.compiled.snapshot.attributes(USER, &user.claims),
    });
    let members = attrs.as_object_mut()?;
    for (name, value) in [("email", user.email), ("name", user.name)] {
        members.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    let named = |kind: &str, id: String| Uid::new(kind, &id).ok();
    let groups = groups.into_iter().filter_map(|id| named(GROUP, id.to_string()));
    let roles = roles.into_iter().filter_map(|name| named(ROLE, name));
    let within = organizations.keys().filter_map(|id| named(ORGANIZATION, id.to_string()));
    let parents = groups.chain(roles).chain(within).collect();
    let roles = |names: &std::collections::BTreeSet<String>| {
        names.iter().map(|name| json!({ "type": ROLE, "id": name })).collect::<Vec<_>>()
    };
    let tags = organizations.iter().filter(|(_, names)| !names.is_empty());
    let tags = tags.map(|(id, names)| (id.to_string(), roles(names).into())).collect();
    let Value::Object(attrs) = attrs else { return None };
    Some(EntityData { uid: uid.clone(), attrs, parents, tags })
}
