//! Browsers: what the session cookie names.

use bailiwick_domain::{BrowserId, TenantId, Timestamp};

use crate::error::Result;
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// A browser that somebody signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Browser {
    /// Its id.
    pub id: BrowserId,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Timestamp,
    /// When its cookie ends; it may have ended.
    pub expires_at: Timestamp,
}

/// The browser whose cookie secret has this MAC.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &TenantTx, tenant: TenantId, mac: &[u8; 32]) -> Result<Option<Browser>> {
    sql::one(
        tx,
        "SELECT id, created_at, last_used_at, expires_at FROM browsers \
         WHERE tenant_id = $1 AND mac = $2",
        [tenant.0.into(), mac.to_vec().into()],
    )
    .await?
    .map(|row| {
        Ok(Browser {
            id: row.id("id")?,
            created_at: row.time("created_at")?,
            last_used_at: row.time("last_used_at")?,
            expires_at: row.time("expires_at")?,
        })
    })
    .transpose()
}
