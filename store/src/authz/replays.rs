//! Replays: what a draft of policies would have decided, where others were decided by.

use bailiwick_domain::{DecisionId, DraftId, ReplayId, TenantId, Timestamp};
use sea_orm::QueryResult;
use serde_json::Value as Json;

use super::policies::Scope;
use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// A replay and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// The draft, which may have changed or gone since.
    pub draft: DraftId,
    /// What it is for.
    pub scope: Scope,
    /// What the draft held.
    pub bundle: Json,
    /// The decisions of this time: `from` in it, and `to` not.
    pub from: Timestamp,
    /// The end of the time.
    pub to: Timestamp,
    /// The last decision that was looked at.
    pub after: Option<(Timestamp, DecisionId)>,
    /// How many decisions there are to look at, about.
    pub total: i64,
    /// How many were looked at.
    pub done: i64,
    /// What was found.
    pub report: Json,
    /// Why it ended early.
    pub error: Option<String>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

const COLUMNS: &str = "tenant_id, id, draft_id, scope, bundle, from_at, to_at, after_at, after_id, \
     total, done, report, error, finished_at, created_at, expires_at";

/// Keeps a new replay.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &TenantTx, tenant: TenantId, new: &Replay) -> Result<()> {
    let sql = format!(
        "INSERT INTO policy_replays ({COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    let (at, id) = new.after.unzip();
    let args = [
        tenant.0.into(),
        new.id.0.into(),
        new.draft.0.into(),
        new.scope.id().into(),
        new.bundle.clone().into(),
        new.from.0.into(),
        new.to.0.into(),
        at.map(|at| at.0).into(),
        id.map(|id| id.0).into(),
        new.total.into(),
        new.done.into(),
        new.report.clone().into(),
        new.error.clone().into(),
        new.finished_at.map(|at| at.0).into(),
        new.created_at.0.into(),
        new.expires_at.0.into(),
    ];
    sql::exec(tx, &sql, args).await?;
    Ok(())
}

/// One replay.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: ReplayId) -> Result<Option<Replay>> {
    let sql = format!("SELECT {COLUMNS} FROM policy_replays WHERE tenant_id = $1 AND id = $2");
    let row = sql::one(tx, &sql, [tenant.0.into(), id.0.into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Notes how far a replay is, if it was `done` so far before.
///
/// # Errors
/// [`Error::Stale`] when somebody else went on with it.
pub async fn advance(tx: &TenantTx, tenant: TenantId, to: &Replay, done: i64) -> Result<()> {
    let (at, id) = to.after.unzip();
    let sql = "UPDATE policy_replays SET after_at = $4, after_id = $5, done = $6, report = $7, \
         error = $8, finished_at = $9 WHERE tenant_id = $1 AND id = $2 AND done = $3 \
         AND finished_at IS NULL";
    let args = [
        tenant.0.into(),
        to.id.0.into(),
        done.into(),
        at.map(|at| at.0).into(),
        id.map(|id| id.0).into(),
        to.done.into(),
        to.report.clone().into(),
        to.error.clone().into(),
        to.finished_at.map(|at| at.0).into(),
    ];
    if sql::exec(tx, sql, args).await? == 1 { Ok(()) } else { Err(Error::Stale("replay")) }
}

fn read(row: &QueryResult) -> Result<Replay> {
    let after = row.maybe_time("after_at")?.zip(row.maybe_id("after_id")?);
    Ok(Replay {
        id: row.id("id")?,
        draft: row.id("draft_id")?,
        scope: row.id("scope")?,
        bundle: row.value("bundle")?,
        from: row.time("from_at")?,
        to: row.time("to_at")?,
        after,
        total: row.value("total")?,
        done: row.value("done")?,
        report: row.value("report")?,
        error: row.value("error")?,
        finished_at: row.maybe_time("finished_at")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
