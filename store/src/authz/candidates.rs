//! The ids of entities of a type, in their order: what a search looks through.

use std::collections::BTreeSet;

use bailiwick_domain::authz::{APPLICATION, GROUP, ORGANIZATION, ROLE, SESSION, USER};
use bailiwick_domain::{GroupId, OrganizationId, TenantId, UserId};
use sea_orm::Value;
use uuid::Uuid;

use super::{groups, objects, roles};
use crate::error::Result;
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;
use crate::{organizations, users};

/// The most places of [`Among`]: each takes a statement a page.
const PLACES: usize = 32;

/// Whether everything of a type can be looked through. Sessions cannot; applications are in memory.
#[must_use]
pub fn is_listed(kind: &str) -> bool {
    !matches!(kind, SESSION | APPLICATION)
}

/// The ids of a type after one of them: at most `limit`. What is no id comes before all.
///
/// # Errors
/// When the database fails.
pub async fn ids_after(
    tx: &TenantTx,
    tenant: TenantId,
    kind: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<String>> {
    fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    }
    Ok(match kind {
        USER => {
            let after = after.and_then(|id| id.parse().ok());
            texts(&users::ids_after(tx, tenant, after, limit).await?)
        }
        GROUP => {
            let after = after.and_then(|id| id.parse().ok());
            texts(&groups::ids_after(tx, tenant, after, limit).await?)
        }
        ORGANIZATION => {
            let after = after.and_then(|id| id.parse().ok());
            texts(&organizations::ids_after(tx, tenant, after, limit).await?)
        }
        ROLE => {
            let found = roles::page(tx, tenant, after, limit).await?;
            found.into_iter().map(|role| role.name).collect()
        }
        SESSION | APPLICATION => Vec::new(),
        kind => objects::ids_after(tx, tenant, kind, after, limit).await?,
    })
}

/// Where those users are found who are something, are in it, or hold it.
#[derive(Clone, Debug)]
pub struct Among(Vec<Place>);

#[derive(Clone, Debug)]
enum Place {
    User(UserId),
    Group(GroupId),
    Organization(OrganizationId),
    Role(String),
}

impl Place {
    /// The table and the column of the place, with what it is there, and the column of its users.
    fn column(&self) -> (&'static str, &'static str, Value, &'static str) {
        match self {
            Self::User(id) => ("users", "id", id.0.into(), "id"),
            Self::Group(id) => ("group_members", "group_id", id.0.into(), "user_id"),
            Self::Organization(id) => ("members", "organization_id", id.0.into(), "user_id"),
            Self::Role(name) => ("role_assignments", "role", name.as_str().into(), "user_id"),
        }
    }
}

impl Among {
    /// The places that stand for these types and ids: every user is found there who is one of them, is
    /// in one of them, or has one of these roles in whatever organization. `None` when a user can be
    /// in something else, or in more than a statement each can be asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(
        tx: &TenantTx,
        tenant: TenantId,
        entities: &[(String, String)],
    ) -> Result<Option<Self>> {
        let mut places = Vec::new();
        for (kind, id) in entities {
            if places.len() >= PLACES {
                return Ok(None);
            }
            // Nobody can be in what has no id of ours.
            match kind.as_str() {
                USER => places.extend(id.parse().ok().map(Place::User)),
                GROUP => places.extend(id.parse().ok().map(Place::Group)),
                ORGANIZATION => places.extend(id.parse().ok().map(Place::Organization)),
                ROLE => {
                    places.push(Place::Role(id.clone()));
                    places.extend(groups_with(tx, tenant, id).await?.map(Place::Group));
                }
                _ => return Ok(None),
            }
        }
        Ok((places.len() <= PLACES).then_some(Self(places)))
    }

    /// The ids of these users after one of them, in their order: at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ids_after(
        &self,
        tx: &TenantTx,
        tenant: TenantId,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<String>> {
        let after = after.and_then(|id| id.parse().ok()).map_or(Uuid::nil(), |id: UserId| id.0);
        let mut found = BTreeSet::<UserId>::new();
        for place in &self.0 {
            let (table, column, is, user) = place.column();
            let sql = format!(
                "SELECT DISTINCT m.{user} AS id FROM {table} m \
                 JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.{user} \
                 WHERE m.tenant_id = $1 AND m.{column} = $2 AND m.{user} > $3 \
                 AND u.deleted_at IS NULL ORDER BY m.{user} LIMIT $4"
            );
            let args = [tenant.0.into(), is, after.into(), sql::limit(limit)];
            for row in sql::all(tx, &sql, args).await? {
                found.insert(row.id("id")?);
            }
        }
        // Each place gave its first ones: so the first ones of all are among them.
        let first = found.iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(first.map(ToString::to_string).collect())
    }
}

/// Groups that have a role anywhere, one more than there may be.
async fn groups_with(
    tx: &TenantTx,
    tenant: TenantId,
    role: &str,
) -> Result<impl Iterator<Item = GroupId>> {
    let sql = "SELECT DISTINCT group_id FROM role_assignments \
         WHERE tenant_id = $1 AND role = $2 AND group_id IS NOT NULL LIMIT $3";
    let args = [tenant.0.into(), role.into(), sql::limit(PLACES as u64 + 1)];
    let rows = sql::all(tx, sql, args).await?;
    Ok(rows.iter().map(|row| row.id("group_id")).collect::<Result<Vec<_>>>()?.into_iter())
}
