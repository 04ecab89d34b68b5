//! Where and in which browsers users signed in lately: a row a browser.

use bailiwick_domain::{BrowserId, TenantId, Timestamp, UserId};

use crate::error::Result;
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// The last sign-in of a user in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The browser.
    pub browser: BrowserId,
    /// What it said of itself and where it was, sealed.
    pub device: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

/// The last sign-ins of a user, the newest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn of_user(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    now: Timestamp,
    limit: u64,
) -> Result<Vec<SignIn>> {
    let sql = "SELECT browser_id, device, at FROM sign_ins WHERE tenant_id = $1 AND user_id = $2 \
         AND expires_at > $3 ORDER BY at DESC, browser_id LIMIT $4";
    let args = [tenant.0.into(), user.0.into(), now.0.into(), sql::limit(limit)];
    let read = |row: &sea_orm::QueryResult| {
        Ok(SignIn {
            browser: row.id("browser_id")?,
            device: row.value("device")?,
            at: row.time("at")?,
        })
    };
    sql::all(tx, sql, args).await?.iter().map(read).collect()
}

/// Notes a sign-in, and for how long.
///
/// # Errors
/// When the database fails.
pub async fn note(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    new: &SignIn,
    until: Timestamp,
) -> Result<()> {
    sql::exec(
        tx,
        "INSERT INTO sign_ins (tenant_id, user_id, browser_id, device, at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, user_id, browser_id) DO UPDATE SET device = excluded.device, \
         at = excluded.at, expires_at = excluded.expires_at",
        [
            tenant.0.into(),
            user.0.into(),
            new.browser.0.into(),
            new.device.clone().into(),
            new.at.0.into(),
            until.0.into(),
        ],
    )
    .await?;
    Ok(())
}
