//! Browsers that a user is not asked for a second factor in.

use bailiwick_domain::{BrowserId, TenantId, Timestamp, UserId};

use crate::error::Result;
use crate::sql;
use crate::tx::TenantTx;

/// Remembers a browser for a user.
///
/// # Errors
/// When the database fails.
pub async fn remember(
    tx: &TenantTx,
    (tenant, user, browser): (TenantId, UserId, BrowserId),
    until: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO remembered_browsers (tenant_id, browser_id, user_id, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, browser_id, user_id) DO UPDATE SET expires_at = excluded.expires_at";
    let args = [tenant.0.into(), browser.0.into(), user.0.into(), now.0.into(), until.0.into()];
    sql::exec(tx, sql, args).await?;
    Ok(())
}

/// Forgets every browser of a user; the result is how many.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &TenantTx, tenant: TenantId, user: UserId) -> Result<u64> {
    let sql = "DELETE FROM remembered_browsers WHERE tenant_id = $1 AND user_id = $2";
    sql::exec(tx, sql, [tenant.0.into(), user.0.into()]).await
}

/// How many browsers a user is remembered in.
///
/// # Errors
/// When the database fails.
pub async fn count(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    now: Timestamp,
) -> Result<i64> {
    use crate::sql::Row as _;
    let sql = "SELECT COUNT(*) AS n FROM remembered_browsers WHERE tenant_id = $1 \
         AND user_id = $2 AND expires_at > $3";
    let row = sql::one(tx, sql, [tenant.0.into(), user.0.into(), now.0.into()]).await?;
    row.map_or(Ok(0), |row| row.value("n"))
}
