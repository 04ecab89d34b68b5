//! Answers to requests that may be sent again.

use bailiwick_domain::{TenantId, Timestamp};

use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// A request that carries an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// A MAC of the key that the caller chose, with who the caller is.
    pub key_hash: [u8; 32],
    /// A hash of the request.
    pub request_hash: [u8; 32],
}

/// What is known about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: do it, then [`finish`].
    Fresh,
    /// It was done: answer the same again.
    Replay {
        /// The status of the answer.
        status: u16,
        /// The answer, sealed.
        body: Option<Vec<u8>>,
    },
    /// The key was used for another request.
    Different,
    /// It is being done.
    InProgress,
}

/// Takes the key of a call, unless it is taken and has not expired. Until [`finish`] it is taken
/// only until `expires`: a caller that dies must not block the key for long.
///
/// # Errors
/// When the database fails.
pub async fn begin(
    tx: &TenantTx,
    tenant: TenantId,
    call: &Call,
    now: Timestamp,
    expires: Timestamp,
) -> Result<Begun> {
    let taken = sql::exec(
        tx,
        "INSERT INTO idempotency_keys (tenant_id, key_hash, request_hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, key_hash) DO UPDATE SET request_hash = excluded.request_hash, \
         status = NULL, body = NULL, created_at = excluded.created_at, \
         expires_at = excluded.expires_at \
         WHERE idempotency_keys.expires_at <= excluded.created_at",
        [
            tenant.0.into(),
            call.key_hash.to_vec().into(),
            call.request_hash.to_vec().into(),
            now.0.into(),
            expires.0.into(),
        ],
    )
    .await?;
    if taken == 1 {
        return Ok(Begun::Fresh);
    }
    let row = sql::one(
        tx,
        "SELECT request_hash, status, body FROM idempotency_keys \
         WHERE tenant_id = $1 AND key_hash = $2",
        [tenant.0.into(), call.key_hash.to_vec().into()],
    )
    .await?
    .ok_or(Error::Stale("idempotency key"))?;
    if row.value::<Vec<u8>>("request_hash")? != call.request_hash {
        return Ok(Begun::Different);
    }
    Ok(match row.value::<Option<i64>>("status")? {
        Some(status) => Begun::Replay {
            status: u16::try_from(status).map_err(|_| Error::Corrupt("idempotency key"))?,
            body: row.value("body")?,
        },
        None => Begun::InProgress,
    })
}

/// The answer of a call, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, sealed.
    pub body: Option<Vec<u8>>,
    /// Until when it is given again.
    pub expires: Timestamp,
}

/// Keeps the answer of a call.
///
/// # Errors
/// [`Error::NotFound`] when the call was not begun.
pub async fn finish(
    tx: &TenantTx,
    tenant: TenantId,
    key_hash: &[u8; 32],
    answer: Answer,
) -> Result<()> {
    let changed = sql::exec(
        tx,
        "UPDATE idempotency_keys SET status = $3, body = $4, expires_at = $5 \
         WHERE tenant_id = $1 AND key_hash = $2",
        [
            tenant.0.into(),
            key_hash.to_vec().into(),
            i64::from(answer.status).into(),
            answer.body.into(),
            answer.expires.0.into(),
        ],
    )
    .await?;
    if changed == 1 { Ok(()) } else { Err(Error::NotFound("idempotency key")) }
}

/// Gives the key of a call back that did nothing, so that it can be tried again.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &TenantTx, tenant: TenantId, key_hash: &[u8; 32]) -> Result<()> {
    let sql = "DELETE FROM idempotency_keys \
         WHERE tenant_id = $1 AND key_hash = $2 AND status IS NULL";
    sql::exec(tx, sql, [tenant.0.into(), key_hash.to_vec().into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
