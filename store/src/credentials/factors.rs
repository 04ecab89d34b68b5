//! What users have set up beside a password.

use bailiwick_domain::{CredentialId, Factor, Factors, TenantId, Timestamp, UserId};

use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// Something that a user has set up beside a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// What it is.
    pub factor: Factor,
    /// What the user calls it.
    pub name: Option<String>,
    /// The public half of a passkey; else a sealed secret or a hash.
    pub data: String,
    /// What has to grow with every use.
    pub counter: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// What a user has set up beside a password, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_user(tx: &TenantTx, tenant: TenantId, user: UserId) -> Result<Vec<Credential>> {
    let sql = "SELECT id, kind, name, data, counter, created_at, last_used_at FROM credentials \
         WHERE tenant_id = $1 AND user_id = $2 ORDER BY created_at, id";
    let rows = sql::all(tx, sql, [tenant.0.into(), user.0.into()]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let kind: String = row.value("kind")?;
        // Passwords, and what a newer version knows, are none of them.
        let Some(factor) = Factor::parse(&kind) else { continue };
        found.push(Credential {
            id: row.id("id")?,
            factor,
            name: row.value("name")?,
            data: row.value("data")?,
            counter: row.value("counter")?,
            created_at: row.time("created_at")?,
            last_used_at: row.maybe_time("last_used_at")?,
        });
    }
    Ok(found)
}

/// Adds what a user has set up.
///
/// # Errors
/// [`Error::Taken`] when there is one of this id; [`Error::NotFound`] when the user is gone.
pub async fn add(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    new: &[Credential],
) -> Result<()> {
    for c in new {
        let added = sql::exec(
            tx,
            "INSERT INTO credentials (tenant_id, id, user_id, kind, data, name, counter, \
             created_at, updated_at, last_used_at) \
             SELECT u.tenant_id, $3, u.id, $4, $5, $6, $7, $8, $8, $9 FROM users u \
             WHERE u.tenant_id = $1 AND u.id = $2 AND u.deleted_at IS NULL \
             ON CONFLICT DO NOTHING",
            [
                tenant.0.into(),
                user.0.into(),
                c.id.0.into(),
                c.factor.name().into(),
                c.data.clone().into(),
                c.name.clone().into(),
                c.counter.into(),
                c.created_at.0.into(),
                c.last_used_at.map(|at| at.0).into(),
            ],
        )
        .await?;
        if added != 1 {
            return Err(Error::Taken("credential"));
        }
    }
    note_factors(tx, tenant, user).await
}

/// Removes one thing that a user has set up; `false` when there is none of this id.
///
/// # Errors
/// When the database fails.
pub async fn remove(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    id: CredentialId,
) -> Result<bool> {
    // The password carries the user's own id.
    let sql = "DELETE FROM credentials WHERE tenant_id = $1 AND user_id = $2 AND id = $3 \
         AND id <> user_id AND kind <> 'password'";
    let removed = sql::exec(tx, sql, [tenant.0.into(), user.0.into(), id.0.into()]).await?;
    note_factors(tx, tenant, user).await?;
    Ok(removed == 1)
}

/// Removes everything of one kind that a user has set up.
///
/// # Errors
/// When the database fails.
pub async fn remove_all(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    factor: Factor,
) -> Result<u64> {
    let sql = "DELETE FROM credentials WHERE tenant_id = $1 AND user_id = $2 AND kind = $3";
    let args = [tenant.0.into(), user.0.into(), factor.name().into()];
    let removed = sql::exec(tx, sql, args).await?;
    note_factors(tx, tenant, user).await?;
    Ok(removed)
}

/// Notes a use, which must bring a greater `counter` than any before: of the same code at the same
/// time one is right. `false` when it does not, or there is no such credential of this user.
///
/// # Errors
/// When the database fails.
pub async fn used(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    (id, counter): (CredentialId, i64),
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE credentials SET counter = $4, last_used_at = $5, updated_at = $5 \
         WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND counter < $4";
    let args = [tenant.0.into(), user.0.into(), id.0.into(), counter.into(), now.0.into()];
    Ok(sql::exec(tx, sql, args).await? == 1)
}

/// Notes a use of a credential whose state is `data` from now on. `false` when it was used at the
/// same time, or there is none.
///
/// # Errors
/// When the database fails.
pub async fn renewed(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    (old, data, counter): (&Credential, &str, i64),
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE credentials SET data = $4, counter = $5, last_used_at = $6, updated_at = $6 \
         WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND counter = $7";
    let args = [
        tenant.0.into(),
        user.0.into(),
        old.id.0.into(),
        data.into(),
        counter.into(),
        now.0.into(),
        old.counter.into(),
    ];
    Ok(sql::exec(tx, sql, args).await? == 1)
}

/// Keeps the user's row in step, which requests read without looking here.
async fn note_factors(tx: &TenantTx, tenant: TenantId, user: UserId) -> Result<()> {
    let all = of_user(tx, tenant, user).await?;
    let factors = all.iter().map(|c| c.factor).fold(Factors::default(), Factors::with);
    let sql = "UPDATE users SET factors = $3 WHERE tenant_id = $1 AND id = $2";
    sql::exec(tx, sql, [tenant.0.into(), user.0.into(), factors.bits().into()]).await?;
    Ok(())
}
