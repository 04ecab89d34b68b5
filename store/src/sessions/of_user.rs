//! The sessions of one user, for the user to look at.

use bailiwick_domain::{SessionId, TenantId, Timestamp, UserId};

use crate::error::Result;
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: SessionId,
    /// What the browser said of itself and where it was, sealed.
    pub device: Option<Vec<u8>>,
    /// When it started.
    pub created_at: Timestamp,
    /// When it was last used, to a minute or so.
    pub last_used_at: Timestamp,
}

/// The live sessions of a user, the last used first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn of_user(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Listed>> {
    let sql = "SELECT id, device, created_at, last_used_at FROM sessions WHERE tenant_id = $1 \
         AND user_id = $2 AND ended_at IS NULL AND expires_at > $3 AND idle_expires_at > $3 \
         ORDER BY last_used_at DESC, id DESC LIMIT $4";
    let args = [tenant.0.into(), user.0.into(), now.0.into(), sql::limit(limit)];
    let rows = sql::all(tx, sql, args).await?;
    let read = |row: &sea_orm::QueryResult| {
        Ok(Listed {
            id: row.id("id")?,
            device: row.value("device")?,
            created_at: row.time("created_at")?,
            last_used_at: row.time("last_used_at")?,
        })
    };
    rows.iter().map(read).collect()
}
