//! Credentials of users: their passwords, and those that they had before.

use bailiwick_domain::{TenantId, Timestamp, UserId};

use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

mod factors;

pub use factors::{Credential, add, of_user, remove, remove_all, renewed, used};

/// Gives a user its first password: a hash.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user.
pub(crate) async fn put_password(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    hash: &str,
    now: Timestamp,
) -> Result<()> {
    // The row carries the user's UUID: a user has one password.
    let set = sql::exec(
        tx,
        "INSERT INTO credentials (tenant_id, id, user_id, kind, data, counter, created_at, \
         updated_at) SELECT u.tenant_id, u.id, u.id, 'password', $3, 0, $4, $4 FROM users u \
         WHERE u.tenant_id = $1 AND u.id = $2 AND u.deleted_at IS NULL \
         ON CONFLICT (tenant_id, id) DO UPDATE SET data = excluded.data, \
         updated_at = excluded.updated_at",
        [tenant.0.into(), user.0.into(), hash.into(), now.0.into()],
    )
    .await?;
    if set == 1 { Ok(()) } else { Err(Error::NotFound("user")) }
}

/// Gives a user a password, in place of the one it had: a hash. With the new one, `history`
/// passwords are remembered, and no more: 0 and 1 remember none of the former ones.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user.
pub async fn set_password(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    hash: &str,
    history: u32,
    now: Timestamp,
) -> Result<()> {
    let former = u64::from(history.saturating_sub(1));
    if former > 0 {
        sql::exec(
            tx,
            "INSERT INTO former_passwords (tenant_id, user_id, set_at, hash) \
             SELECT c.tenant_id, c.user_id, c.updated_at, c.data FROM credentials c \
             WHERE c.tenant_id = $1 AND c.id = $2 AND c.kind = 'password' \
             ON CONFLICT (tenant_id, user_id, set_at) DO NOTHING",
            [tenant.0.into(), user.0.into()],
        )
        .await?;
    }
    put_password(tx, (tenant, user), hash, now).await?;
    sql::exec(
        tx,
        "DELETE FROM former_passwords WHERE tenant_id = $1 AND user_id = $2 AND set_at NOT IN \
         (SELECT f.set_at FROM former_passwords f WHERE f.tenant_id = $1 AND f.user_id = $2 \
         ORDER BY f.set_at DESC LIMIT $3)",
        [tenant.0.into(), user.0.into(), sql::limit(former)],
    )
    .await?;
    Ok(())
}

/// The hashes of a user's last passwords, the present one first: at most `history`.
///
/// # Errors
/// When the database fails.
pub async fn last_passwords(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    history: u32,
) -> Result<Vec<String>> {
    let rows = sql::all(
        tx,
        "SELECT hash FROM (SELECT c.data AS hash, c.updated_at AS set_at FROM credentials c \
         WHERE c.tenant_id = $1 AND c.id = $2 AND c.kind = 'password' \
         UNION ALL SELECT f.hash, f.set_at FROM former_passwords f \
         WHERE f.tenant_id = $1 AND f.user_id = $2) AS p ORDER BY set_at DESC LIMIT $3",
        [tenant.0.into(), user.0.into(), sql::limit(u64::from(history))],
    )
    .await?;
    rows.iter().map(|row| row.value("hash")).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, World, id, on_every_database};

    #[tokio::test]
    async fn as_many_passwords_are_remembered_as_are_wanted() {
        on_every_database(async |w: World| {
            let (tenant, ada) = (w.tenant, w.user);
            let of = (tenant, ada);
            w.write(move |tx| async move {
                // The first one is `$argon2id$hash`, set when the user was made.
                for (n, (hash, history)) in
                    [("b", 3), ("c", 3), ("d", 3), ("e", 3)].into_iter().enumerate()
                {
                    let at = NOW.plus_secs(1 + u32::try_from(n).unwrap());
                    set_password(&tx, of, hash, history, at).await?;
                }
                assert_eq!(last_passwords(&tx, of, 24).await?, ["e", "d", "c"]);
                assert_eq!(last_passwords(&tx, of, 2).await?, ["e", "d"]);
                assert!(last_passwords(&tx, (id(), ada), 24).await?.is_empty());
                assert!(last_passwords(&tx, (tenant, id()), 24).await?.is_empty());
                // A better hash of the present one is no former one.
                assert!(rehash(&tx, of, "e", "E").await?);
                set_password(&tx, of, "f", 2, NOW.plus_secs(9)).await?;
                assert_eq!(last_passwords(&tx, of, 24).await?, ["f", "E"]);
                set_password(&tx, of, "g", 0, NOW.plus_secs(10)).await?;
                assert_eq!(last_passwords(&tx, of, 24).await?, ["g"]);
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
    }
}
