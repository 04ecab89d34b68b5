//! Credentials of users.

use bailiwick_domain::{TenantId, Timestamp, UserId};

use crate::error::{Error, Result};
use crate::sql;
use crate::tx::TenantTx;

/// Gives a user a password, in place of the one it had: its hash.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user.
pub async fn set_password(
    tx: &TenantTx,
    tenant: TenantId,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<()> {
    // The row carries the user's UUID: a user has one password.
    let set = sql::exec(
        tx,
        "INSERT INTO credentials (tenant_id, id, user_id, kind, data, created_at, updated_at) \
         SELECT u.tenant_id, u.id, u.id, 'password', $3, $4, $4 FROM users u \
         WHERE u.tenant_id = $1 AND u.id = $2 AND u.deleted_at IS NULL \
         ON CONFLICT (tenant_id, id) DO UPDATE SET data = excluded.data, \
         updated_at = excluded.updated_at",
        [tenant.0.into(), user.0.into(), hash.into(), now.0.into()],
    )
    .await?;
    if set == 1 { Ok(()) } else { Err(Error::NotFound("user")) }
}

/// Replaces the hash of a password by a better one of the same password. Says whether `old` still
/// was the stored one; when it was not, nothing changes.
///
/// # Errors
/// When the database fails.
pub async fn rehash(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    old: &str,
    new: &str,
) -> Result<bool> {
    // `updated_at` tells when the person set it, and stays.
    let replaced = sql::exec(
        tx,
        "UPDATE credentials SET data = $4 WHERE tenant_id = $1 AND id = $2 \
         AND kind = 'password' AND data = $3",
        [tenant.0.into(), user.0.into(), old.into(), new.into()],
    )
    .await?;
    Ok(replaced == 1)
}
