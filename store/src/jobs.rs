//! Durable work: rows committed with their cause, claimed over all tenants, done for one.

use bailiwick_domain::{JobId, TenantId, Timestamp};
use sea_orm::{DbBackend, QueryResult};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::sql::{self, Row as _, readable};
use crate::tx::{SystemTx, TenantTx};

mod purge;

pub use purge::{Deleted, purge_deleted, purge_expired};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Erase a user or application that was removed: [`purge_deleted`].
    PurgeDeleted,
    /// Send a mail or a text message: what it is about is sealed in the payload.
    SendMail,
    /// Delete an account whose person wants that, if that is still so.
    DeleteAccount,
    /// A session has ended: gives each application that it was used for a job of its own.
    SessionEnded,
    /// Tell an application that a session has ended (OpenID Connect Back-Channel Logout 1.0).
    BackchannelLogout,
    /// Look what a draft of policies would have decided.
    ReplayPolicies,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::PurgeDeleted,
        Self::SendMail,
        Self::DeleteAccount,
        Self::SessionEnded,
        Self::BackchannelLogout,
        Self::ReplayPolicies,
    ];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PurgeDeleted => "purge.deleted",
            Self::SendMail => "mail.send",
            Self::DeleteAccount => "account.delete",
            Self::SessionEnded => "logout.session",
            Self::BackchannelLogout => "logout.backchannel",
            Self::ReplayPolicies => "policies.replay",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// A job to give.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: JobKind,
    /// To what.
    pub payload: Value,
    /// Not before.
    pub run_at: Timestamp,
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is to be done.
    pub kind: JobKind,
    /// To what.
    pub payload: Value,
    /// How often it was claimed, this time included.
    pub attempts: i64,
    /// When it was given.
    pub created_at: Timestamp,
}

/// Gives a job, in the transaction of its cause.
///
/// # Errors
/// When the database fails.
pub async fn enqueue(tx: &TenantTx, tenant: TenantId, job: &NewJob, now: Timestamp) -> Result<()> {
    sql::exec(
        tx,
        "INSERT INTO jobs (tenant_id, id, kind, payload, run_at, attempts, created_at) \
         VALUES ($1, $2, $3, $4, $5, 0, $6)",
        [
            tenant.0.into(),
            job.id.0.into(),
            job.kind.name().into(),
            job.payload.clone().into(),
            job.run_at.0.into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// How many jobs of one tenant run at the same time, on all nodes.
const MOST_OF_A_TENANT: i64 = 4;

/// Claims jobs that are due until `until`: at most `limit`, and one for each tenant, unless it has
/// four that are claimed, so that a tenant with many or slow ones cannot hold up the others. Kinds
/// of a newer version are left to it.
///
/// # Errors
/// When the database fails.
pub async fn claim(
    tx: &SystemTx,
    now: Timestamp,
    until: Timestamp,
    limit: u64,
) -> Result<Vec<Job>> {
    let kinds = JobKind::ALL.map(|k| format!("'{}'", k.name())).join(", ");
    let due = "finished_at IS NULL AND run_at <= $1";
    let free = "(coalesce(locked_until, 0) <= $1)";
    let lock = match tx.backend() {
        // What another node is claiming is passed over; what it has claimed is not due any more.
        DbBackend::Postgres => "FOR UPDATE OF j SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "UPDATE jobs SET locked_until = $2, attempts = attempts + 1 \
         WHERE (tenant_id, id) IN (\
           SELECT j.tenant_id, j.id FROM jobs j \
           JOIN (SELECT tenant_id, id, row_number() OVER (\
                   PARTITION BY tenant_id, {free} ORDER BY run_at, id) AS place, \
                   count(*) FILTER (WHERE NOT {free}) OVER (PARTITION BY tenant_id) AS running \
                 FROM jobs WHERE {due} AND kind IN ({kinds})) first \
           ON first.tenant_id = j.tenant_id AND first.id = j.id \
           WHERE first.place = 1 AND first.running < {MOST_OF_A_TENANT} AND {due} AND {free} \
           ORDER BY j.run_at, j.id LIMIT $3 {lock}) \
         RETURNING tenant_id, id, kind, payload, attempts, created_at"
    );
    let rows = sql::all(tx, &sql, [now.0.into(), until.0.into(), sql::limit(limit)]).await?;
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

/// A job is done.
///
/// # Errors
/// [`Error::Stale`] when it was done already.
pub async fn finish(tx: &TenantTx, tenant: TenantId, id: JobId, now: Timestamp) -> Result<()> {
    let changed = sql::exec(
        tx,
        "UPDATE jobs SET finished_at = $3, locked_until = NULL, last_error = NULL \
         WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
        [tenant.0.into(), id.0.into(), now.0.into()],
    )
    .await?;
    if changed == 1 { Ok(()) } else { Err(Error::Stale("job")) }
}

/// A job failed, or is not done in one go: it is due again at `retry_at`.
///
/// # Errors
/// [`Error::Stale`] when it was done already.
pub async fn fail(
    tx: &TenantTx,
    tenant: TenantId,
    id: JobId,
    error: &str,
    retry_at: Timestamp,
) -> Result<()> {
    let changed = sql::exec(
        tx,
        "UPDATE jobs SET run_at = $3, locked_until = NULL, last_error = $4 \
         WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
        [tenant.0.into(), id.0.into(), retry_at.0.into(), error.into()],
    )
    .await?;
    if changed == 1 { Ok(()) } else { Err(Error::Stale("job")) }
}

/// How many jobs are not done.
///
/// # Errors
/// When the database fails.
pub async fn pending_count(tx: &SystemTx) -> Result<u64> {
    let sql = "SELECT count(*) AS n FROM jobs WHERE finished_at IS NULL";
    let row = sql::one(tx, sql, []).await?.ok_or(Error::Corrupt("count"))?;
    u64::try_from(row.value::<i64>("n")?).map_err(|_| Error::Corrupt("count"))
}

fn read(row: &QueryResult) -> Result<Job> {
    Ok(Job {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        kind: JobKind::parse(&row.value::<String>("kind")?).ok_or(Error::Corrupt("job"))?,
        payload: row.value("payload")?,
        attempts: row.value("attempts")?,
        created_at: row.time("created_at")?,
    })
}

#[cfg(test)]
mod tests;
