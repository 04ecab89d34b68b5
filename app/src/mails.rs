//! Mails to the people who sign in: asked for in a transaction, rendered and sent by the worker.
//!
//! Nothing that a page does depends on who has an account: a page only leaves a job with what was
//! typed, sealed, and the worker finds out whose address it is. So an answer says nothing, in words
//! or in time, and a link's secret is nowhere but in the mail.

use bailiwick_domain::{Env, JobId, Locale, TenantId, Timestamp};
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::vault::{Place, TenantVault};
use bailiwick_store::{Error, TenantTx};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

pub mod mailbox;
pub mod send;

/// Why somebody is to get a mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wish {
    /// Whoever has this address may have forgotten the password.
    Recover {
        /// The normalised address.
        email: String,
    },
    /// Somebody wants an account with this address.
    Register {
        /// The address as it was typed.
        email: String,
        /// The display name.
        name: Option<String>,
        /// The hash of the password that the account will have.
        password_hash: String,
        /// Names the browser that asked.
        browser: String,
    },
    /// The password of this address was changed.
    PasswordChanged {
        /// The address.
        email: String,
    },
}

/// A wish, with the language that it was made in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// What is wished for.
    pub wish: Wish,
    /// A language tag.
    pub locale: String,
}

impl Asked {
    /// A wish in a language.
    #[must_use]
    pub fn new(wish: Wish, locale: Locale) -> Self {
        Self { wish, locale: locale.tag().to_owned() }
    }

    /// Leaves the job that fulfils it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue(
        &self,
        tx: &TenantTx,
        tenant: TenantId,
        vault: &TenantVault,
        (env, now): (&Env, Timestamp),
    ) -> Result<(), Error> {
        let id: JobId = env.id();
        let plain = serde_json::to_vec(self).unwrap_or_default();
        let sealed = STANDARD.encode(vault.seal(&place(id), &plain, env));
        let payload = serde_json::json!({ "sealed": sealed });
        let job = NewJob { id, kind: JobKind::SendMail, payload, run_at: now };
        jobs::enqueue(tx, tenant, &job, now).await
    }

    /// Opens what a job holds.
    ///
    /// # Errors
    /// [`Error::Corrupt`], and [`Error::Sealed`] when the key is gone.
    pub fn open(
        vault: &TenantVault,
        id: JobId,
        payload: &serde_json::Value,
    ) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("mail job");
        let sealed = payload.get("sealed").and_then(|v| v.as_str()).ok_or_else(corrupt)?;
        let sealed = STANDARD.decode(sealed).map_err(|_| corrupt())?;
        let plain = vault.open(&place(id), &sealed)?;
        serde_json::from_slice(&plain).map_err(|_| corrupt())
    }
}

fn place(id: JobId) -> Place<'static> {
    Place { table: "jobs", column: "payload", row: id.0.as_bytes().to_vec().into() }
}
