//! Entities that a tenant keeps here for its policies, beside those that the platform knows.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::{TenantId, Timestamp};
use sea_orm::{QueryResult, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::changes::{self, entity_key};
use crate::error::{Error, Result};
use crate::lookups::Rows;
use crate::sql::{self, Row as _, Set, json, readable};
use crate::tx::TenantTx;

/// What names an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityRef {
    /// The name of its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id among those of its type.
    pub id: String,
}

/// An entity as somebody describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectData {
    /// What names it.
    pub uid: EntityRef,
    /// Its attributes, by name.
    pub attrs: Map<String, Json>,
    /// What it is in.
    pub parents: Vec<EntityRef>,
    /// Its tags, by name.
    pub tags: Map<String, Json>,
}

/// An entity as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub data: ObjectData,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "o.tenant_id, o.kind, o.id, o.attrs, o.parents, o.tags, o.version, \
     o.created_at, o.updated_at";

/// One entity.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, uid: &EntityRef) -> Result<Option<Object>> {
    let key = (tenant, uid.clone());
    find(tx, &BTreeSet::from([key.clone()])).await?.remove(&key).transpose()
}

/// Entities of any tenants of the transaction.
///
/// # Errors
/// When the database fails; for each entity [`Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, EntityRef)>,
) -> Result<Rows<EntityRef, Object>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM cmd JOIN objects o ON o.tenant_id = cmd.tenant_id \
         AND o.kind = cmd.kind AND o.id = cmd.id"
    );
    let rows = keys(wanted.iter().map(|(tenant, uid)| (*tenant, uid))).run(tx, &sql, &[]).await?;
    rows.iter().map(|row| Ok(((row.id("tenant_id")?, uid(row)?), read(row)))).collect()
}

/// What each of these entities is in. One that is not there is left out.
///
/// # Errors
/// When the database fails, or a row is not readable.
pub async fn parents_of(
    tx: &TenantTx,
    tenant: TenantId,
    wanted: &BTreeSet<EntityRef>,
) -> Result<BTreeMap<EntityRef, Vec<EntityRef>>> {
    let sql = "SELECT o.kind, o.id, o.parents FROM cmd JOIN objects o \
         ON o.tenant_id = cmd.tenant_id AND o.kind = cmd.kind AND o.id = cmd.id";
    let rows = keys(wanted.iter().map(|uid| (tenant, uid))).run(tx, sql, &[]).await?;
    rows.iter().map(|row| Ok((uid(row)?, row.json("parents", "entity")?))).collect()
}

/// Writes entities, each once, in place of those of the same names. The result is how they are
/// now, by their names.
///
/// # Errors
/// When the database fails.
pub async fn put(
    tx: &TenantTx,
    tenant: TenantId,
    mut written: Vec<ObjectData>,
    now: Timestamp,
) -> Result<Vec<Object>> {
    written.sort_unstable_by(|a, b| a.uid.cmp(&b.uid));
    let rows = written.iter().map(|data| {
        [
            tenant.0.into(),
            data.uid.kind.as_str().into(),
            data.uid.id.as_str().into(),
            json(&data.attrs).into(),
            json(&data.parents).into(),
            json(&data.tags).into(),
        ]
    });
    let rows: Vec<[Value; 6]> = rows.collect();
    let columns = [
        ("tenant_id", "uuid"),
        ("kind", "text"),
        ("id", "text"),
        ("attrs", "jsonb"),
        ("parents", "jsonb"),
        ("tags", "jsonb"),
    ];
    let sql = "INSERT INTO objects (tenant_id, kind, id, attrs, parents, tags, version, \
         created_at, updated_at) \
         SELECT tenant_id, kind, id, attrs, parents, tags, 1, $1, $1 FROM cmd \
         WHERE tenant_id IS NOT NULL \
         ON CONFLICT (tenant_id, kind, id) DO UPDATE SET attrs = excluded.attrs, \
         parents = excluded.parents, tags = excluded.tags, version = objects.version + 1, \
         updated_at = excluded.updated_at RETURNING kind, id, version, created_at";
    let mut made = BTreeMap::new();
    for row in (Set { columns, rows }).run(tx, sql, &[now.0.into()]).await? {
        made.insert(uid(&row)?, (row.value("version")?, row.time("created_at")?));
    }
    tell(tx, tenant, written.iter().map(|data| &data.uid), now).await?;
    let object = |data: ObjectData| {
        let (version, created_at) = made.remove(&data.uid).ok_or(Error::Stale("entity"))?;
        Ok(Object { data, version, created_at, updated_at: now })
    };
    written.into_iter().map(object).collect()
}

/// Changes an entity whose `version` is still the present one; the result is how it is then.
///
/// # Errors
/// [`Error::Stale`] when its version is another one or it is gone.
pub async fn update(tx: &TenantTx, tenant: TenantId, to: Object, now: Timestamp) -> Result<Object> {
    let sql = "UPDATE objects SET attrs = $5, parents = $6, tags = $7, updated_at = $8, \
         version = version + 1 WHERE tenant_id = $1 AND kind = $2 AND id = $3 AND version = $4";
    let args = [
        tenant.0.into(),
        to.data.uid.kind.as_str().into(),
        to.data.uid.id.as_str().into(),
        to.version.into(),
        json(&to.data.attrs).into(),
        json(&to.data.parents).into(),
        json(&to.data.tags).into(),
        now.0.into(),
    ];
    if sql::exec(tx, sql, args).await? != 1 {
        return Err(Error::Stale("entity"));
    }
    tell(tx, tenant, [&to.data.uid], now).await?;
    Ok(Object { version: to.version + 1, updated_at: now, ..to })
}

/// Removes an entity.
///
/// # Errors
/// [`Error::Stale`] when its version is not `version` or it is gone.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    (uid, version): (&EntityRef, i64),
    now: Timestamp,
) -> Result<()> {
    let sql = "DELETE FROM objects WHERE tenant_id = $1 AND kind = $2 AND id = $3 AND version = $4";
    let args = [tenant.0.into(), uid.kind.as_str().into(), uid.id.as_str().into(), version.into()];
    if sql::exec(tx, sql, args).await? != 1 {
        return Err(Error::Stale("entity"));
    }
    tell(tx, tenant, [uid], now).await
}

/// Removes entities; the result is those that were there.
///
/// # Errors
/// When the database fails.
pub async fn delete_all(
    tx: &TenantTx,
    tenant: TenantId,
    wanted: &BTreeSet<EntityRef>,
    now: Timestamp,
) -> Result<BTreeSet<EntityRef>> {
    let sql = "DELETE FROM objects WHERE (tenant_id, kind, id) IN \
         (SELECT tenant_id, kind, id FROM cmd WHERE tenant_id IS NOT NULL) RETURNING kind, id";
    let rows = keys(wanted.iter().map(|uid| (tenant, uid))).run(tx, sql, &[]).await?;
    let gone = rows.iter().map(uid).collect::<Result<BTreeSet<_>>>()?;
    tell(tx, tenant, &gone, now).await?;
    Ok(gone)
}

/// The entities after one, in the order of their types and ids, of one type if it is given: at
/// most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    kind: Option<&str>,
    after: Option<&EntityRef>,
    limit: u64,
) -> Result<Vec<Object>> {
    let (after_kind, after_id) = after.map_or(("", ""), |a| (a.kind.as_str(), a.id.as_str()));
    let (range, from) = match kind {
        Some(kind) => ("o.kind = $2 AND o.id > $3", kind),
        None => ("(o.kind, o.id) > ($2, $3)", after_kind),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM objects o WHERE o.tenant_id = $1 AND {range} \
         ORDER BY o.kind, o.id LIMIT $4"
    );
    let args = [tenant.0.into(), from.into(), after_id.into(), sql::limit(limit)];
    Ok(sql::all(tx, &sql, args).await?.iter().filter_map(|row| readable(read(row))).collect())
}

/// The ids of the entities of a type after an id, in their order: at most `limit`.
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
    let sql = "SELECT id FROM objects WHERE tenant_id = $1 AND kind = $2 AND id > $3 \
         ORDER BY id LIMIT $4";
    let after = after.unwrap_or_default();
    let args = [tenant.0.into(), kind.into(), after.into(), sql::limit(limit)];
    sql::all(tx, sql, args).await?.iter().map(|row| row.value("id")).collect()
}

/// The types that anything is kept of: as many steps in the index as there are types, however many
/// entities there are of each.
///
/// # Errors
/// When the database fails.
pub async fn types(tx: &TenantTx, tenant: TenantId) -> Result<Vec<String>> {
    let sql = "WITH RECURSIVE types(kind) AS (\
         SELECT MIN(kind) FROM objects WHERE tenant_id = $1 \
         UNION ALL SELECT (SELECT MIN(o.kind) FROM objects o \
         WHERE o.tenant_id = $1 AND o.kind > t.kind) FROM types t WHERE t.kind IS NOT NULL) \
         SELECT kind FROM types WHERE kind IS NOT NULL";
    sql::all(tx, sql, [tenant.0.into()]).await?.iter().map(|row| row.value("kind")).collect()
}

async fn tell(
    tx: &TenantTx,
    tenant: TenantId,
    changed: impl IntoIterator<Item = &EntityRef>,
    now: Timestamp,
) -> Result<()> {
    let keys = changed.into_iter().map(|uid| entity_key(&uid.kind, &uid.id)).collect();
    changes::entities(tx, tenant, keys, now).await
}

fn keys<'a>(wanted: impl Iterator<Item = (TenantId, &'a EntityRef)>) -> Set<3> {
    let row = |(tenant, uid): (TenantId, &EntityRef)| {
        [tenant.0.into(), uid.kind.as_str().into(), uid.id.as_str().into()]
    };
    let columns = [("tenant_id", "uuid"), ("kind", "text"), ("id", "text")];
    Set { columns, rows: wanted.map(row).collect() }
}

fn uid(row: &QueryResult) -> Result<EntityRef> {
    Ok(EntityRef { kind: row.value("kind")?, id: row.value("id")? })
}

fn read(row: &QueryResult) -> Result<Object> {
    Ok(Object {
        data: ObjectData {
            uid: uid(row)?,
            attrs: row.json("attrs", "entity")?,
            parents: row.json("parents", "entity")?,
            tags: row.json("tags", "entity")?,
        },
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
