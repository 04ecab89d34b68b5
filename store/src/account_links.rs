//! Links of mails: each does one thing, once, for a while.

use bailiwick_domain::{TenantId, Timestamp, UserId};
use sea_orm::QueryResult;

use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

#[cfg(test)]
mod tests;

/// What a link is for: it works for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Sets a new password.
    ResetPassword,
    /// Makes the account that was asked for with this address.
    Register,
    /// Sets the first password of somebody who was invited.
    Invite,
    /// Changes the address of an account, or goes on with that.
    ChangeEmail,
    /// Signs in, in the browser that asked for it.
    SignIn,
}

impl Purpose {
    const ALL: [Self; 5] =
        [Self::ResetPassword, Self::Register, Self::Invite, Self::ChangeEmail, Self::SignIn];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::Register => "register",
            Self::Invite => "invite",
            Self::ChangeEmail => "change_email",
            Self::SignIn => "sign_in",
        }
    }
}

/// A link to make.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The MAC of its secret under the tenant's key; the secret itself is only in the mail.
    pub mac: [u8; 32],
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is, when there is such a user already.
    pub user: Option<UserId>,
    /// What it needs, sealed by the tenant's vault.
    pub sealed: Option<Vec<u8>>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is.
    pub user: Option<UserId>,
    /// What it needs.
    pub sealed: Option<Vec<u8>>,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

impl Link {
    /// Whether it still does what it is for.
    #[must_use]
    pub fn works(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && self.expires_at > now
    }
}

/// Makes a link. Those of the same user for the same purpose stop working: only the last mail counts.
///
/// # Errors
/// When the database fails.
pub async fn create(tx: &TenantTx, tenant: TenantId, new: &NewLink, now: Timestamp) -> Result<()> {
    if let Some(user) = new.user {
        let sql = "UPDATE account_links SET expires_at = $4 WHERE tenant_id = $1 AND user_id = $2 \
             AND purpose = $3 AND used_at IS NULL AND expires_at > $4";
        let args = [tenant.0.into(), user.0.into(), new.purpose.name().into(), now.0.into()];
        sql::exec(tx, sql, args).await?;
    }
    sql::exec(
        tx,
        "INSERT INTO account_links (tenant_id, mac, purpose, user_id, sealed, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            tenant.0.into(),
            new.mac.to_vec().into(),
            new.purpose.name().into(),
            new.user.map(|user| user.0).into(),
            new.sealed.clone().into(),
            now.0.into(),
            new.expires_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// A link, whatever its state.
///
/// # Errors
/// When the database fails; [`Error::Corrupt`] for a purpose of a newer version.
pub async fn get(tx: &TenantTx, tenant: TenantId, mac: &[u8; 32]) -> Result<Option<Link>> {
    let sql = "SELECT purpose, user_id, sealed, expires_at, used_at FROM account_links \
         WHERE tenant_id = $1 AND mac = $2";
    sql::one(tx, sql, [tenant.0.into(), mac.to_vec().into()]).await?.map(|r| read(&r)).transpose()
}

/// Uses a link up: of any number of attempts at the same time one gets it.
///
/// # Errors
/// As [`get`].
pub async fn use_once(
    tx: &TenantTx,
    tenant: TenantId,
    mac: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Link>> {
    let sql = "UPDATE account_links SET used_at = $3 WHERE tenant_id = $1 AND mac = $2 \
         AND used_at IS NULL AND expires_at > $3 \
         RETURNING purpose, user_id, sealed, expires_at, used_at";
    let args = [tenant.0.into(), mac.to_vec().into(), now.0.into()];
    sql::one(tx, sql, args).await?.map(|row| read(&row)).transpose()
}

fn read(row: &QueryResult) -> Result<Link> {
    let purpose: String = row.value("purpose")?;
    let purpose = Purpose::ALL.into_iter().find(|p| p.name() == purpose);
    Ok(Link {
        purpose: purpose.ok_or(Error::Corrupt("account link"))?,
        user: row.maybe_id("user_id")?,
        sealed: row.value("sealed")?,
        expires_at: row.time("expires_at")?,
        used_at: row.maybe_time("used_at")?,
    })
}
