//! Mails to the people who sign in: asked for in a transaction, rendered and sent by the worker.
//!
//! Nothing that a page does depends on who has an account: a page only leaves a job with what was
//! typed, sealed, and the worker finds out whose address it is. So an answer says nothing, in words
//! or in time, and a link's secret is nowhere but in the mail.

use bailiwick_domain::{Env, EventKind, JobId, Locale, TenantId, Timestamp, UserId};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::vault::{Place, TenantVault};
use bailiwick_store::{Error, TenantTx};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::cx::Cx;
use crate::pages::LetterKind;

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
    /// Whoever has this address may want to sign in with a code.
    SignInCode {
        /// The normalised address.
        email: String,
        /// What the link in the mail needs to do the same.
        link: SignInLink,
    },
    /// Somebody who knows the password needs a code.
    FactorCode {
        /// The address.
        email: String,
        /// The code.
        code: String,
    },
    /// A code as a text message.
    Text {
        /// The number, in E.164.
        to: String,
        /// The code.
        code: String,
    },
    /// An administrator wants this user to choose a password.
    Invite {
        /// The normalised address.
        email: String,
    },
    /// Another address for an account: asked for at the present one, then at the new one.
    ChangeEmail(EmailChange),
    /// Something happened to the account of this address.
    Told {
        /// The address.
        email: String,
        /// What.
        letter: LetterKind,
        /// Further what, such as when.
        detail: Option<String>,
    },
}

impl Wish {
    /// What happened to an account, without more to say.
    #[must_use]
    pub const fn told(email: String, letter: LetterKind) -> Self {
        Self::Told { email, letter, detail: None }
    }
}

/// What the link of a mail needs to sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInLink {
    /// The sealed pending request.
    pub request: String,
    /// The sealed ceremony.
    pub ceremony: String,
    /// The code.
    pub code: String,
    /// Names the browser that asked.
    pub browser: String,
}

/// A change of address under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmailChange {
    /// Whose.
    pub user: UserId,
    /// The present address, as it is written.
    pub from: Option<String>,
    /// The new one.
    pub to: String,
    /// Whether whoever reads mail at the present one agrees, or there is nobody to ask.
    pub agreed: bool,
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

/// Leaves a wish for the worker, with a line in the audit trail when it is of that kind.
///
/// # Errors
/// When the database fails.
pub async fn leave(
    cx: &Cx,
    (wish, locale): (Wish, Locale),
    kind: Option<EventKind>,
) -> Result<(), Error> {
    let (tenant, now, env) = (cx.tenant_id(), cx.now, cx.env().clone());
    let (vault, asked) = (cx.view.vault.clone(), Asked::new(wish, locale));
    let event = kind.map(|k| AuditEvent::new(cx.env(), tenant, k, Actor::system(tenant)));
    let write = move |tx| async move {
        asked.enqueue(&tx, tenant, &vault, (&env, now)).await?;
        audit::append(&tx, event.as_slice()).await
    };
    cx.store().write(tenant, write).await
}

/// Something that happened to an account: for the audit trail, and for its person by mail.
pub struct News {
    event: AuditEvent,
    asked: Option<Asked>,
    vault: TenantVault,
    env: Env,
    now: Timestamp,
}

impl News {
    /// What happened, and the mail that tells of it when there is an address.
    #[must_use]
    pub fn new(cx: &Cx, event: AuditEvent, told: Option<Wish>, locale: Locale) -> Self {
        let asked = told.map(|wish| Asked::new(wish, locale));
        Self { event, asked, vault: cx.view.vault.clone(), env: cx.env().clone(), now: cx.now }
    }

    /// Writes it down with what it tells of.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put(self, tx: &TenantTx, tenant: TenantId) -> Result<(), Error> {
        if let Some(asked) = self.asked {
            asked.enqueue(tx, tenant, &self.vault, (&self.env, self.now)).await?;
        }
        audit::append(tx, &[self.event]).await
    }
}

fn place(id: JobId) -> Place<'static> {
    Place { table: "jobs", column: "payload", row: id.0.as_bytes().to_vec().into() }
}
