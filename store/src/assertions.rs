//! Client assertions that were used: each works once (RFC 7523 section 3).

use bailiwick_domain::{ApplicationId, TenantId, Timestamp};

use crate::error::Result;
use crate::sql;
use crate::tx::TenantTx;

/// Notes that an assertion was used; `false` when it was used before.
///
/// # Errors
/// When the database fails.
pub async fn use_once(
    tx: &TenantTx,
    tenant: TenantId,
    application: ApplicationId,
    jti_hash: &[u8; 32],
    expires_at: Timestamp,
) -> Result<bool> {
    let inserted = sql::exec(
        tx,
        "INSERT INTO assertion_jtis (tenant_id, application_id, jti_hash, expires_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [tenant.0.into(), application.0.into(), jti_hash.to_vec().into(), expires_at.0.into()],
    )
    .await?;
    Ok(inserted == 1)
}
