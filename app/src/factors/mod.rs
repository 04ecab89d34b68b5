//! What people prove who they are with: each factor in its file, and what a proof comes to.

use bailiwick_domain::acr::Factor;
use bailiwick_domain::user::Authentication;
use bailiwick_domain::{CredentialId, TenantId, Timestamp, UserId};
use bailiwick_protocol::passkey::UsedPasskey;
use bailiwick_store::credentials::{self, Credential};
use bailiwick_store::users::{self, IdentifierKind};
use bailiwick_store::{Error as StoreError, TenantTx, spent};

use crate::cx::Cx;

mod ceremony;
pub mod passkey;
pub mod recovery;
pub mod totp;

pub use ceremony::Ceremony;

/// Something that was right a moment ago. It counts when [`Proof::redeem`] says so, in the
/// transaction that makes something of it.
pub enum Proof {
    /// The password of an account, as it was stored when it was verified.
    Password {
        /// The normalised address.
        email: String,
        /// The credential, and when it was set.
        stored: Option<(CredentialId, Timestamp)>,
    },
    /// A code of an authenticator app.
    Totp {
        /// Of which.
        credential: CredentialId,
        /// Of which 30 seconds.
        step: i64,
    },
    /// A recovery code.
    RecoveryCode {
        /// Which.
        credential: CredentialId,
    },
    /// A passkey.
    Passkey {
        /// As it was stored.
        kept: Box<Credential>,
        /// As it is after its use.
        used: UsedPasskey,
        /// What the browser answered to.
        ceremony: Ceremony,
    },
}

impl Proof {
    /// The step of a sign-in that this is.
    #[must_use]
    pub fn step(&self, at: Timestamp) -> Authentication {
        let (connection, amr): (&str, &[&str]) = match self {
            Self::Password { .. } => ("password", &["pwd"]),
            Self::Totp { .. } => (Factor::Totp.name(), &["otp"]),
            Self::RecoveryCode { .. } => (Factor::RecoveryCode.name(), &["otp"]),
            Self::Passkey { .. } => (Factor::Passkey.name(), &[]),
        };
        let mut amr: Vec<String> = amr.iter().map(|a| (*a).to_owned()).collect();
        if let Self::Passkey { used, .. } = self {
            amr.extend(used.amr.iter().cloned());
        }
        Authentication { connection: connection.to_owned(), amr, at }
    }

    /// Uses it up. What works once works for one of any number at the same time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is no longer right.
    pub async fn redeem(
        &self,
        tx: &TenantTx,
        (tenant, user): (TenantId, UserId),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let who = (tenant, user);
        let good = match self {
            // Verifying took a while: a password that was changed meanwhile opens nothing.
            Self::Password { email, stored } => {
                let kind = IdentifierKind::Email;
                let row = users::find_for_sign_in(tx, tenant, kind, email).await?;
                row.is_some_and(|r| r.user.id == user && r.which_password() == *stored)
            }
            Self::Totp { credential, step } => {
                credentials::used(tx, who, (*credential, *step), now).await?
            }
            Self::RecoveryCode { credential } => credentials::remove(tx, who, *credential).await?,
            Self::Passkey { kept, used, ceremony } => {
                let until = ceremony.expires_at;
                spent::spend(tx, tenant, &ceremony.hash, until).await?
                    && credentials::renewed(tx, who, (kept, &used.data, used.counter), now).await?
            }
        };
        if good { Ok(()) } else { Err(StoreError::NotFound("proof")) }
    }
}

/// What a user has set up beside a password.
///
/// # Errors
/// When the database fails.
pub async fn of_user(cx: &Cx, user: UserId) -> Result<Vec<Credential>, StoreError> {
    let tenant = cx.tenant_id();
    let read = move |tx| async move { credentials::of_user(&tx, tenant, user).await };
    cx.store().read(tenant, read).await
}
