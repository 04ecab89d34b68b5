//! Credentials of users.

use bailiwick_domain::{TenantId, Timestamp, UserId};

use crate::error::{Error, Result};
use crate::sql;
use crate::tx::TenantTx;

/// Gives a user a password, in place of the one it had: an Argon2id hash in PHC form.
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
