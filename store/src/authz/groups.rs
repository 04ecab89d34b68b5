//! Groups of users.

use std::collections::BTreeSet;

use bailiwick_domain::authz::GROUP;
use bailiwick_domain::{GroupId, TenantId, Timestamp};
use bailiwick_entities::groups;
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QueryResult};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::changes;
use crate::error::{Error, Result};
use crate::lookups::Rows;
use crate::sql::{self, Row as _, Set, json, readable};
use crate::tx::TenantTx;

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Shown to people, unique in the tenant.
    pub name: String,
    /// What policies know about it, by name.
    pub attributes: Map<String, Json>,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "g.tenant_id, g.id, g.name, g.attributes, g.version, g.created_at, \
     g.updated_at";

/// Creates a group.
///
/// # Errors
/// [`Error::Taken`] when another group has this name.
pub async fn insert(tx: &TenantTx, tenant: TenantId, new: &Group) -> Result<()> {
    let row = groups::Model {
        tenant_id: tenant.0,
        id: new.id.0,
        name: new.name.clone(),
        attributes: json(&new.attributes),
        version: new.version,
        created_at: new.created_at.0,
        updated_at: new.updated_at.0,
    };
    groups::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("name"))?;
    changes::entity(tx, tenant, (GROUP, new.id), new.created_at).await
}

/// One group.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: GroupId) -> Result<Option<Group>> {
    find(tx, &BTreeSet::from([(tenant, id)])).await?.remove(&(tenant, id)).transpose()
}

/// Groups of any tenants of the transaction.
///
/// # Errors
/// When the database fails; for each group [`Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, GroupId)>,
) -> Result<Rows<GroupId, Group>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM cmd JOIN groups g ON g.tenant_id = cmd.tenant_id AND g.id = cmd.id"
    );
    let rows = Set::of_ids(wanted).run(tx, &sql, &[]).await?;
    rows.iter().map(|row| Ok(((row.id("tenant_id")?, row.id("id")?), read(row)))).collect()
}

/// Changes the name and the attributes of a group whose `version` is still the present one; the
/// result is how it is then.
///
/// # Errors
/// [`Error::Stale`] when its version is another one or it is gone; [`Error::Taken`] when another
/// group has the name.
pub async fn update(tx: &TenantTx, tenant: TenantId, to: &Group, now: Timestamp) -> Result<Group> {
    use groups::Column;
    use sea_orm::{ActiveValue::Set, ColumnTrait as _, QueryFilter as _};
    let change = groups::ActiveModel {
        name: Set(to.name.clone()),
        attributes: Set(json(&to.attributes)),
        version: Set(to.version + 1),
        updated_at: Set(now.0),
        ..Default::default()
    };
    let changed = groups::Entity::update_many()
        .set(change)
        .filter(Column::TenantId.eq(tenant.0))
        .filter(Column::Id.eq(to.id.0))
        .filter(Column::Version.eq(to.version))
        .exec(tx)
        .await
        .map_err(Error::on_insert("name"))?;
    if changed.rows_affected != 1 {
        return Err(Error::Stale("group"));
    }
    changes::entity(tx, tenant, (GROUP, to.id), now).await?;
    Ok(Group { version: to.version + 1, updated_at: now, ..to.clone() })
}

/// Removes a group, with its members and its roles.
///
/// # Errors
/// [`Error::Stale`] when its version is not `version` or it is gone.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    (id, version): (GroupId, i64),
    now: Timestamp,
) -> Result<()> {
    let sql = "DELETE FROM groups WHERE tenant_id = $1 AND id = $2 AND version = $3";
    if sql::exec(tx, sql, [tenant.0.into(), id.0.into(), version.into()]).await? != 1 {
        return Err(Error::Stale("group"));
    }
    // Its members look different too.
    changes::every_entity(tx, tenant, now).await
}

/// The groups after a position, oldest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<(Timestamp, GroupId)>,
    limit: u64,
) -> Result<Vec<Group>> {
    let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.0, id.0));
    let sql = format!(
        "SELECT {COLUMNS} FROM groups g WHERE g.tenant_id = $1 AND (g.created_at, g.id) > ($2, $3) \
         ORDER BY g.created_at, g.id LIMIT $4"
    );
    let args = [tenant.0.into(), at.into(), id.into(), sql::limit(limit)];
    Ok(sql::all(tx, &sql, args).await?.iter().filter_map(|row| readable(read(row))).collect())
}

/// The ids of the groups after an id, in their order: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn ids_after(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<GroupId>,
    limit: u64,
) -> Result<Vec<GroupId>> {
    let sql = "SELECT id FROM groups WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let rows = sql::all(tx, sql, [tenant.0.into(), after.into(), sql::limit(limit)]).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

fn read(row: &QueryResult) -> Result<Group> {
    Ok(Group {
        id: row.id("id")?,
        name: row.value("name")?,
        attributes: row.json("attributes", "group")?,
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
