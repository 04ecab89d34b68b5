//! The group read of entities: what the platform knows as policies look at it, and the tenants'
//! own entities.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::authz::{APPLICATION, GROUP, ORGANIZATION, SESSION, USER, is_entity_type};
use bailiwick_domain::user::{Authentication, User};
use bailiwick_domain::{
    Acr, ApplicationId, GroupId, OrganizationId, SessionId, TenantId, Timestamp, UserId, acr, authz,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::groups::{self, Group};
use super::objects::{self, EntityRef, Object};
use crate::error::Result;
use crate::lookups::Rows;
use crate::organizations::{self, Organization};
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

/// What an entity is read by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKey {
    /// A user.
    User(UserId),
    /// A group.
    Group(GroupId),
    /// An organization.
    Organization(OrganizationId),
    /// The roles of an application; the rest of it is in memory.
    Application(ApplicationId),
    /// A session.
    Session(SessionId),
    /// An entity of the tenant's own.
    Object(EntityRef),
}

impl EntityKey {
    /// The key of an entity; `None` for one that has no row whatever it is called: a role, an
    /// action, what is no id of ours, and what no entity can be named.
    #[must_use]
    pub fn new(kind: &str, id: &str) -> Option<Self> {
        match kind {
            USER => id.parse().ok().map(Self::User),
            GROUP => id.parse().ok().map(Self::Group),
            ORGANIZATION => id.parse().ok().map(Self::Organization),
            APPLICATION => id.parse().ok().map(Self::Application),
            SESSION => id.parse().ok().map(Self::Session),
            _ if authz::PLATFORM_TYPES.contains(&kind) || !is_entity_type(kind) => None,
            _ => authz::is_entity_id(id)
                .then(|| Self::Object(EntityRef { kind: kind.to_owned(), id: id.to_owned() })),
        }
    }

    pub(crate) const fn user(&self) -> Option<UserId> {
        if let Self::User(id) = self { Some(*id) } else { None }
    }
}

/// An entity.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityRow {
    /// A user.
    User(Box<UserEntity>),
    /// A group.
    Group(GroupEntity),
    /// An organization.
    Organization(Organization),
    /// The roles of an application in the whole tenant, sorted; none for one that is not there.
    Application(Vec<String>),
    /// A session.
    Session(SessionEntity),
    /// An entity of the tenant's own.
    Object(Object),
}

/// A user and what it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct UserEntity {
    /// The user; it may be inactive.
    pub user: User,
    /// Its groups.
    pub groups: BTreeSet<GroupId>,
    /// Its own roles in the whole tenant; those of its groups are the groups'.
    pub roles: BTreeSet<String>,
    /// The organizations that it is a member of, with its roles there: its own, and those that its
    /// groups have there.
    pub organizations: BTreeMap<OrganizationId, BTreeSet<String>>,
}

/// A group and its roles.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupEntity {
    /// The group.
    pub group: Group,
    /// Its roles in the whole tenant, sorted.
    pub roles: Vec<String>,
}

/// A session that is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEntity {
    /// Its id.
    pub id: SessionId,
    /// Its user.
    pub user: UserId,
    /// When the user last authenticated.
    pub auth_time: Timestamp,
    /// How (RFC 8176), sorted.
    pub amr: Vec<String>,
    /// How surely.
    pub acr: Acr,
}

/// Entities of any tenants of the transaction; `users` holds the users among them that are there.
///
/// # Errors
/// When the database fails; for each entity [`crate::Error::Corrupt`].
pub(crate) async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, EntityKey)>,
    users: &Rows<UserId, User>,
    now: Timestamp,
) -> Result<Rows<EntityKey, EntityRow>> {
    let mut found = Rows::new();
    let (tenants_users, mut groups, mut organizations) =
        (pick(wanted, EntityKey::user), BTreeSet::new(), BTreeSet::new());
    let (mut applications, mut sessions, mut objects) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (tenant, key) in wanted {
        let tenant = *tenant;
        match key {
            EntityKey::User(_) => {}
            EntityKey::Group(id) => drop(groups.insert((tenant, *id))),
            EntityKey::Organization(id) => drop(organizations.insert((tenant, *id))),
            EntityKey::Application(id) => drop(applications.insert((tenant, *id))),
            EntityKey::Session(id) => drop(sessions.insert((tenant, *id))),
            EntityKey::Object(uid) => drop(objects.insert((tenant, uid.clone()))),
        }
    }
    found.extend(of_users(tx, &tenants_users, users).await?);
    found.extend(of_groups(tx, &groups).await?);
    for ((tenant, id), row) in organizations::find(tx, &organizations).await? {
        found.insert((tenant, EntityKey::Organization(id)), row.map(EntityRow::Organization));
    }
    let mut roles = roles_of(tx, "application_id", &applications).await?;
    for (tenant, id) in applications {
        let roles = roles.remove(&(tenant, id.0)).unwrap_or_default();
        found.insert((tenant, EntityKey::Application(id)), Ok(EntityRow::Application(roles)));
    }
    found.extend(of_sessions(tx, &sessions, now).await?);
    for ((tenant, uid), row) in objects::find(tx, &objects).await? {
        found.insert((tenant, EntityKey::Object(uid)), row.map(EntityRow::Object));
    }
    Ok(found)
}

fn pick<T: Ord>(
    wanted: &BTreeSet<(TenantId, EntityKey)>,
    id: impl Fn(&EntityKey) -> Option<T>,
) -> BTreeSet<(TenantId, T)> {
    wanted.iter().filter_map(|(tenant, key)| Some((*tenant, id(key)?))).collect()
}

/// What users are in, in one statement.
const OF_USERS: &str = "SELECT cmd.tenant_id, cmd.id, 'group' AS what, g.group_id AS other, \
     '' AS role FROM cmd \
     JOIN group_members g ON g.tenant_id = cmd.tenant_id AND g.user_id = cmd.id \
     UNION ALL SELECT cmd.tenant_id, cmd.id, 'organization', m.organization_id, '' FROM cmd \
     JOIN members m ON m.tenant_id = cmd.tenant_id AND m.user_id = cmd.id \
     JOIN organizations o ON o.tenant_id = m.tenant_id AND o.id = m.organization_id \
     WHERE o.deleted_at IS NULL \
     UNION ALL SELECT cmd.tenant_id, cmd.id, 'role', r.organization_id, r.role FROM cmd \
     JOIN role_assignments r ON r.tenant_id = cmd.tenant_id AND r.user_id = cmd.id \
     UNION ALL SELECT cmd.tenant_id, cmd.id, 'role', r.organization_id, r.role FROM cmd \
     JOIN group_members g ON g.tenant_id = cmd.tenant_id AND g.user_id = cmd.id \
     JOIN role_assignments r ON r.tenant_id = g.tenant_id AND r.group_id = g.group_id \
     WHERE r.organization_id <> $1";

async fn of_users(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, UserId)>,
    users: &Rows<UserId, User>,
) -> Result<Rows<EntityKey, EntityRow>> {
    let mut found: Rows<UserId, UserEntity> = Rows::new();
    for key in wanted {
        let Some(user) = users.get(key).cloned() else { continue };
        let alone = |user| UserEntity {
            user,
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            organizations: BTreeMap::new(),
        };
        found.insert(*key, user.map(alone));
    }
    let mut roles = Vec::new();
    for row in Set::of_ids(wanted).run(tx, OF_USERS, &[Uuid::nil().into()]).await? {
        let key: (TenantId, UserId) = (row.id("tenant_id")?, row.id("id")?);
        let Some(Ok(entity)) = found.get_mut(&key) else { continue };
        match row.value::<String>("what")?.as_str() {
            "group" => drop(entity.groups.insert(row.id("other")?)),
            "organization" => {
                entity.organizations.insert(row.id("other")?, BTreeSet::new());
            }
            _ => roles.push((key, row.maybe_id("other")?, row.value("role")?)),
        }
    }
    // Last: a role in an organization is a member's alone.
    for (key, organization, role) in roles {
        let Some(Ok(entity)) = found.get_mut(&key) else { continue };
        match organization {
            None => drop(entity.roles.insert(role)),
            Some(id) => drop(entity.organizations.get_mut(&id).map(|there| there.insert(role))),
        }
    }
    let row = |((tenant, id), entity): ((TenantId, UserId), Result<UserEntity>)| {
        ((tenant, EntityKey::User(id)), entity.map(|e| EntityRow::User(Box::new(e))))
    };
    Ok(found.into_iter().map(row).collect())
}

async fn of_groups(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, GroupId)>,
) -> Result<Rows<EntityKey, EntityRow>> {
    let mut roles = roles_of(tx, "group_id", wanted).await?;
    let found = groups::find(tx, wanted).await?.into_iter().map(|((tenant, id), group)| {
        let roles = roles.remove(&(tenant, id.0)).unwrap_or_default();
        let row = group.map(|group| EntityRow::Group(GroupEntity { group, roles }));
        ((tenant, EntityKey::Group(id)), row)
    });
    Ok(found.collect())
}

/// The roles in the whole tenant of what is in this column.
async fn roles_of<T: Copy + Into<Uuid>>(
    tx: &TenantTx,
    column: &str,
    wanted: &BTreeSet<(TenantId, T)>,
) -> Result<BTreeMap<(TenantId, Uuid), Vec<String>>> {
    let sql = format!(
        "SELECT r.tenant_id, r.{column} AS id, r.role FROM cmd JOIN role_assignments r \
         ON r.tenant_id = cmd.tenant_id AND r.{column} = cmd.id AND r.organization_id = $1 \
         ORDER BY r.role"
    );
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for row in Set::of_ids(wanted).run(tx, &sql, &[Uuid::nil().into()]).await? {
        let key = (row.id("tenant_id")?, row.id("id")?);
        found.entry(key).or_default().push(row.value("role")?);
    }
    Ok(found)
}

async fn of_sessions(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, SessionId)>,
    now: Timestamp,
) -> Result<Rows<EntityKey, EntityRow>> {
    let sql = "SELECT s.tenant_id, s.id, s.user_id, s.auth_time, s.authentications FROM cmd \
         JOIN sessions s ON s.tenant_id = cmd.tenant_id AND s.id = cmd.id \
         JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id \
         WHERE s.ended_at IS NULL AND s.expires_at > $1 AND s.idle_expires_at > $1 \
         AND u.active AND u.deleted_at IS NULL";
    let rows = Set::of_ids(wanted).run(tx, sql, &[now.0.into()]).await?;
    let row = |row: &QueryResult| {
        let key = (row.id("tenant_id")?, EntityKey::Session(row.id("id")?));
        Ok((key, session(row).map(EntityRow::Session)))
    };
    rows.iter().map(row).collect()
}

fn session(row: &QueryResult) -> Result<SessionEntity> {
    let steps: Vec<Authentication> = row.json("authentications", "session")?;
    Ok(SessionEntity {
        id: row.id("id")?,
        user: row.id("user_id")?,
        auth_time: row.time("auth_time")?,
        amr: acr::amr(&steps),
        acr: Acr::of(&steps),
    })
}
