//! What works once: challenges and codes that were given away sealed, and come back.

use bailiwick_domain::{TenantId, Timestamp};

use crate::error::Result;
use crate::sql;
use crate::tx::TenantTx;

/// Spends something, by its SHA-256; `false` when it was spent before.
///
/// # Errors
/// When the database fails.
pub async fn spend(
    tx: &TenantTx,
    tenant: TenantId,
    hash: &[u8; 32],
    expires_at: Timestamp,
) -> Result<bool> {
    let sql = "INSERT INTO spent (tenant_id, hash, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING";
    let args = [tenant.0.into(), hash.to_vec().into(), expires_at.0.into()];
    Ok(sql::exec(tx, sql, args).await? == 1)
}
