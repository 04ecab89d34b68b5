//! The change feed: every change appends a row in its own transaction, and every node polls.

use std::fmt;
use std::sync::atomic::Ordering;

use bailiwick_domain::{TenantId, Timestamp};
use sea_orm::{DbBackend, QueryResult};

use crate::error::Result;
use crate::sql::{self, Row as _, Set};
use crate::tx::{SystemTx, TenantTx};

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The tenant itself.
    Tenant,
    /// An application; the key is its id.
    Applications,
    /// A signing key; the key is its id.
    Keys,
    /// Something stopped being valid; the key says what.
    Revoked,
    /// What policies and roles allow; the key is the organization that the policies are for, and
    /// empty for the whole tenant.
    Policies,
    /// How an entity of policies looks; the key is that of [`entity_key`], or [`EVERY_ENTITY`].
    Entities,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 6] = [
        Self::Tenant,
        Self::Applications,
        Self::Keys,
        Self::Revoked,
        Self::Policies,
        Self::Entities,
    ];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Applications => "applications",
            Self::Keys => "keys",
            Self::Revoked => "revoked",
            Self::Policies => "policies",
            Self::Entities => "entities",
        }
    }

    /// The topic of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number. Commits arrive out of this order.
    pub seq: i64,
    /// The tenant.
    pub tenant: TenantId,
    /// What kind of thing; `None` for one that only a newer version knows.
    pub topic: Option<Topic>,
    /// Which one.
    pub key: String,
    /// Its version after the change.
    pub version: i64,
    /// When.
    pub at: Timestamp,
}

/// A place in the feed, which is ordered by time and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    at: Timestamp,
    seq: i64,
}

/// Before everything of that time.
impl From<Timestamp> for Position {
    fn from(at: Timestamp) -> Self {
        Self { at, seq: i64::MIN }
    }
}

/// After that change.
impl From<&Change> for Position {
    fn from(change: &Change) -> Self {
        Self { at: change.at, seq: change.seq }
    }
}

/// Appends a change, in the transaction that makes it.
///
/// # Errors
/// When the database fails.
pub async fn append(
    tx: &TenantTx,
    tenant: TenantId,
    topic: Topic,
    key: &str,
    version: i64,
    now: Timestamp,
) -> Result<()> {
    sql::exec(
        tx,
        "INSERT INTO changes (tenant_id, topic, key, version, at) VALUES ($1, $2, $3, $4, $5)",
        [tenant.0.into(), topic.name().into(), key.into(), version.into(), now.0.into()],
    )
    .await?;
    tx.announces.store(true, Ordering::Relaxed);
    Ok(())
}

/// The key of a change of every entity of a tenant.
pub const EVERY_ENTITY: &str = "*";

/// More entities than this that change together are told as [`EVERY_ENTITY`].
const MOST_ENTITIES: usize = 100;

/// The key of a change of one entity: its type and its id, which hold no line feed.
#[must_use]
pub fn entity_key(kind: &str, id: impl fmt::Display) -> String {
    format!("{kind}\n{id}")
}

/// The type and the id in a key of [`entity_key`].
#[must_use]
pub fn parse_entity_key(key: &str) -> Option<(&str, &str)> {
    key.split_once('\n')
}

/// Tells that one entity looks different, in the transaction that makes it so.
pub(crate) async fn entity(
    tx: &TenantTx,
    tenant: TenantId,
    (kind, id): (&str, impl fmt::Display),
    now: Timestamp,
) -> Result<()> {
    append(tx, tenant, Topic::Entities, &entity_key(kind, id), 0, now).await
}

/// Tells that entities, or what many of them are in, look different.
pub(crate) async fn every_entity(tx: &TenantTx, tenant: TenantId, now: Timestamp) -> Result<()> {
    append(tx, tenant, Topic::Entities, EVERY_ENTITY, 0, now).await
}

/// As [`entity`], of several: keys of [`entity_key`].
pub(crate) async fn entities(
    tx: &TenantTx,
    tenant: TenantId,
    keys: Vec<String>,
    now: Timestamp,
) -> Result<()> {
    if keys.len() > MOST_ENTITIES {
        return every_entity(tx, tenant, now).await;
    }
    tx.announces.fetch_or(!keys.is_empty(), Ordering::Relaxed);
    let rows = keys.into_iter().map(|key| [tenant.0.into(), key.into()]).collect();
    let sql = "INSERT INTO changes (tenant_id, topic, key, version, at) \
         SELECT tenant_id, $1, key, 0, $2 FROM cmd WHERE tenant_id IS NOT NULL";
    let args = [Topic::Entities.name().into(), now.0.into()];
    Set { columns: [("tenant_id", "uuid"), ("key", "text")], rows }.run(tx, sql, &args).await?;
    Ok(())
}

/// At most `limit` changes of all tenants from a time on, or after a change.
///
/// # Errors
/// When the database fails.
pub async fn since(tx: &SystemTx, from: impl Into<Position>, limit: u64) -> Result<Vec<Change>> {
    let Position { at, seq } = from.into();
    let rows = sql::all(
        tx,
        "SELECT seq, tenant_id, topic, key, version, at FROM changes \
         WHERE (at, seq) > ($1, $2) ORDER BY at, seq LIMIT $3",
        [at.0.into(), seq.into(), sql::limit(limit)],
    )
    .await?;
    rows.iter().map(read).collect()
}

/// The revocations of a tenant from a time on: what a tenant that starts must know.
///
/// # Errors
/// When the database fails.
pub async fn revoked_since(
    tx: &TenantTx,
    tenant: TenantId,
    from: Timestamp,
) -> Result<Vec<Change>> {
    let rows = sql::all(
        tx,
        "SELECT seq, tenant_id, topic, key, version, at FROM changes \
         WHERE tenant_id = $1 AND topic = $2 AND at >= $3 ORDER BY at, seq",
        [tenant.0.into(), Topic::Revoked.name().into(), from.0.into()],
    )
    .await?;
    rows.iter().map(read).collect()
}

/// The time of the database server, which nodes run on; `None` on SQLite.
///
/// # Errors
/// When the database fails.
pub async fn database_time(tx: &SystemTx) -> Result<Option<Timestamp>> {
    if tx.backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at";
    sql::one(tx, sql, []).await?.map(|row| row.time("at")).transpose()
}

fn read(row: &QueryResult) -> Result<Change> {
    Ok(Change {
        seq: row.value("seq")?,
        tenant: row.id("tenant_id")?,
        topic: Topic::parse(&row.value::<String>("topic")?),
        key: row.value("key")?,
        version: row.value("version")?,
        at: row.time("at")?,
    })
}

#[cfg(test)]
mod tests;
