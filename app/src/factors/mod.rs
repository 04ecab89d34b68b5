//! What people prove who they are with: each factor in its file, and what a proof comes to.

use bailiwick_domain::acr::Factor;
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::user::Authentication;
use bailiwick_domain::{CredentialId, Locale, TenantId, Timestamp, UserId};
use bailiwick_protocol::passkey::UsedPasskey;
use bailiwick_store::credentials::{self, Credential};
use bailiwick_store::users::{self, IdentifierKind};
use bailiwick_store::{Error as StoreError, TenantTx};

use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::mails::{Wish, leave};

mod ceremony;
pub mod passkey;
pub mod recovery;
pub mod sent_code;
pub mod sms;
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
    /// A code that was mailed.
    EmailCode {
        /// The normalised address.
        email: String,
        /// What was spent on it.
        ceremony: Ceremony,
    },
    /// A code that was sent as a text message.
    SmsCode {
        /// To which number.
        credential: CredentialId,
        /// What was spent on it.
        ceremony: Ceremony,
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
            Self::EmailCode { .. } => (Factor::EmailCode.name(), &["otp"]),
            Self::SmsCode { .. } => (Factor::SmsCode.name(), &["otp", "sms"]),
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
            Self::EmailCode { email, ceremony } => {
                let owner = users::by_email(tx, tenant, email).await?;
                let mine = owner.is_some_and(|owner| owner.id == user);
                // Whoever reads it has shown whose address it is.
                users::verified(tx, who, email, now).await?;
                mine && ceremony.spend(tx, tenant).await?
            }
            Self::SmsCode { credential, ceremony } => {
                ceremony.spend(tx, tenant).await?
                    && credentials::used(tx, who, (*credential, now.0), now).await?
            }
            Self::Passkey { kept, used, ceremony } => {
                ceremony.spend(tx, tenant).await?
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

const SENT: &str = "factor.sent";

/// Sends a code to somebody who is signed in: to the account's address, or to its number. The
/// result comes back with the code; `None` when there is nowhere to send it to.
///
/// # Errors
/// When the database fails.
pub async fn send(
    cx: &Cx,
    browser: &Browser,
    factor: Factor,
    (user, email, mine): (UserId, Option<&str>, &[Credential]),
    locale: Locale,
) -> Result<Option<String>, StoreError> {
    let to = match factor {
        Factor::SmsCode => sms::mine(cx, mine).map(|(_, number)| number),
        _ => email.map(str::to_owned),
    };
    let Some(to) = to else { return Ok(None) };
    let made = sent_code::make(cx, browser, (SENT, Some(user)), &to);
    let wish = match factor {
        Factor::SmsCode => Wish::Text { to, code: made.code },
        _ => Wish::FactorCode { email: to, code: made.code },
    };
    leave(cx, (wish, locale), None).await?;
    Ok(Some(made.ceremony))
}

/// Whether this is the code that [`send`] sent, still to where the account's codes go.
#[must_use]
pub fn check_sent(
    cx: &Cx,
    browser: &Browser,
    (user, factor, mine): (UserId, Factor, &[Credential]),
    given: (&str, &str),
) -> Option<Proof> {
    let (to, ceremony) = sent_code::open(cx, browser, (SENT, Some(user)), given)?.right()?;
    match factor {
        Factor::SmsCode => {
            let (credential, number) = sms::mine(cx, mine)?;
            (number == to).then_some(Proof::SmsCode { credential, ceremony })
        }
        _ => Some(Proof::EmailCode { email: normalize_email(&to)?, ceremony }),
    }
}
