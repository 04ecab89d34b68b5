//! The log of decisions.

use bailiwick_domain::{ApplicationId, DecisionId, TenantId, Timestamp};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::error::Result;
use crate::sql::{self, Row as _, Set, json, readable};
use crate::tx::TenantTx;

/// A decision, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its id, a `UUIDv7`.
    pub id: DecisionId,
    /// The tenant that it was made in.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// The application that asked.
    pub application: Option<ApplicationId>,
    /// Who wanted to do it.
    pub principal: String,
    /// What.
    pub action: String,
    /// To what.
    pub resource: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// The ids of the policies that decided.
    pub policies: Vec<String>,
    /// How many policies could not be evaluated.
    pub errors: i64,
    /// The `version` of the tenant's [`super::policies::State`] that it was made with.
    pub snapshot: i64,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// The whole request, sealed by the tenant's vault.
    pub request_sealed: Vec<u8>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// Keeps decisions, of any tenants of the transaction, as one set.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &TenantTx, decisions: &[Decision]) -> Result<()> {
    let row = |d: &Decision| -> [Value; 14] {
        [
            d.tenant.0.into(),
            d.id.0.into(),
            d.at.0.into(),
            d.application.map(|id| id.0).into(),
            d.principal.as_str().into(),
            d.action.as_str().into(),
            d.resource.as_str().into(),
            d.allowed.into(),
            json(&d.policies).into(),
            d.errors.into(),
            d.snapshot.into(),
            d.micros.into(),
            d.request_sealed.clone().into(),
            d.expires_at.0.into(),
        ]
    };
    let columns = [
        ("tenant_id", "uuid"),
        ("id", "uuid"),
        ("at", "bigint"),
        ("application_id", "uuid?"),
        ("principal", "text"),
        ("action", "text"),
        ("resource", "text"),
        ("allowed", "boolean"),
        ("policies", "jsonb"),
        ("errors", "bigint"),
        ("snapshot", "bigint"),
        ("micros", "bigint"),
        ("request_sealed", "bytea"),
        ("expires_at", "bigint"),
    ];
    let sql = "INSERT INTO decisions (tenant_id, id, at, application_id, principal, action, \
         resource, allowed, policies, errors, snapshot, micros, request_sealed, expires_at) \
         SELECT tenant_id, id, at, application_id, principal, action, resource, allowed, policies, \
         errors, snapshot, micros, request_sealed, expires_at FROM cmd \
         WHERE tenant_id IS NOT NULL";
    Set { columns, rows: decisions.iter().map(row).collect() }.run(tx, sql, &[]).await?;
    Ok(())
}

/// The decisions of a time, `from` in it and `to` not, after a position, oldest first: at most
/// `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    (from, to): (Timestamp, Timestamp),
    after: Option<(Timestamp, DecisionId)>,
    limit: u64,
) -> Result<Vec<Decision>> {
    let first = (from, DecisionId(Uuid::nil()));
    let (at, id) = after.map_or(first, |after| after.max(first));
    let sql = "SELECT tenant_id, id, at, application_id, principal, action, resource, allowed, \
         policies, errors, snapshot, micros, request_sealed, expires_at FROM decisions \
         WHERE tenant_id = $1 AND (at, id) > ($2, $3) AND at < $4 ORDER BY at, id LIMIT $5";
    let args = [tenant.0.into(), at.0.into(), id.0.into(), to.0.into(), sql::limit(limit)];
    let rows = sql::all(tx, sql, args).await?;
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

fn read(row: &QueryResult) -> Result<Decision> {
    Ok(Decision {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        at: row.time("at")?,
        application: row.maybe_id("application_id")?,
        principal: row.value("principal")?,
        action: row.value("action")?,
        resource: row.value("resource")?,
        allowed: row.value("allowed")?,
        policies: row.json("policies", "decision")?,
        errors: row.value("errors")?,
        snapshot: row.value("snapshot")?,
        micros: row.value("micros")?,
        request_sealed: row.value("request_sealed")?,
        expires_at: row.time("expires_at")?,
    })
}

/// How many decisions of a time there are, counted up to `most`.
///
/// # Errors
/// When the database fails.
pub async fn count(
    tx: &TenantTx,
    tenant: TenantId,
    (from, to): (Timestamp, Timestamp),
    most: u64,
) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT id FROM decisions \
         WHERE tenant_id = $1 AND at >= $2 AND at < $3 LIMIT $4) AS d";
    let args = [tenant.0.into(), from.0.into(), to.0.into(), sql::limit(most)];
    sql::one(tx, sql, args).await?.map_or(Ok(0), |row| row.value("n"))
}

/// Decisions that were decided by the same policies, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    /// The ids of the policies.
    pub policies: Vec<String>,
    /// What they decided.
    pub allowed: bool,
    /// How many decisions.
    pub count: i64,
    /// How long they took in all, in microseconds.
    pub micros: i64,
    /// How long the slowest took, in microseconds.
    pub slowest: i64,
    /// How many had a policy that could not be evaluated.
    pub failed: i64,
}

/// The latest decisions of a time by the policies that decided them: at most `most` are looked at.
///
/// # Errors
/// When the database fails.
pub async fn by_policies(
    tx: &TenantTx,
    tenant: TenantId,
    (from, to): (Timestamp, Timestamp),
    most: u64,
) -> Result<Vec<Together>> {
    let sql = "SELECT d.policies, d.allowed, CAST(COUNT(*) AS bigint) AS n, \
         CAST(SUM(d.micros) AS bigint) AS micros, CAST(MAX(d.micros) AS bigint) AS slowest, \
         CAST(SUM(CASE WHEN d.errors > 0 THEN 1 ELSE 0 END) AS bigint) AS failed \
         FROM (SELECT policies, allowed, micros, errors FROM decisions \
         WHERE tenant_id = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, id DESC LIMIT $4) AS d \
         GROUP BY d.policies, d.allowed ORDER BY n DESC LIMIT 2000";
    let args = [tenant.0.into(), from.0.into(), to.0.into(), sql::limit(most)];
    let together = |row: &QueryResult| {
        Ok(Together {
            policies: row.json("policies", "decision")?,
            allowed: row.value("allowed")?,
            count: row.value("n")?,
            micros: row.value("micros")?,
            slowest: row.value("slowest")?,
            failed: row.value("failed")?,
        })
    };
    sql::all(tx, sql, args).await?.iter().map(together).collect()
}

/// Whom the latest decisions of a time refused most often, with how often: at most `most` decisions
/// are looked at, and twenty principals answered.
///
/// # Errors
/// When the database fails.
pub async fn refused_most(
    tx: &TenantTx,
    tenant: TenantId,
    (from, to): (Timestamp, Timestamp),
    most: u64,
) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT d.principal, CAST(COUNT(*) AS bigint) AS n \
         FROM (SELECT principal, allowed FROM decisions \
         WHERE tenant_id = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, id DESC LIMIT $4) AS d \
         WHERE NOT d.allowed GROUP BY d.principal ORDER BY n DESC, d.principal LIMIT 20";
    let args = [tenant.0.into(), from.0.into(), to.0.into(), sql::limit(most)];
    let rows = sql::all(tx, sql, args).await?;
    rows.iter().map(|row| Ok((row.value("principal")?, row.value("n")?))).collect()
}
