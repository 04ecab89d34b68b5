//! Fulfilling a wish: whose address it is, the link, the letter, and off it goes.

use std::sync::Arc;

use bailiwick_actors::{Platform, TenantHandle, TenantView};
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::{EventKind, Locale, UserId};
use bailiwick_outbound::{Mail, MailError, Mailer};
use bailiwick_store::account_links::{self, NewLink, Purpose};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::jobs::Job;
use bailiwick_store::vault::{Label, Place};
use bailiwick_store::{Error as StoreError, users};
use serde::{Deserialize, Serialize};

use super::mailbox::Mailbox;
use super::{Asked, Wish};
use crate::pages::{Letter, LetterKind, letter};

/// How long a link to set a password works.
const RECOVERY: u32 = 3_600;
/// How long a link that makes an account works.
const REGISTRATION: u32 = 86_400;
/// After so many tries, over about two hours, nobody waits for the mail any longer.
const TRIES: i64 = 12;

/// What sending mail takes.
#[derive(Clone)]
pub struct Post {
    /// How it leaves.
    pub mailer: Arc<Mailer>,
    /// Where it is shown, in development mode.
    pub mailbox: Option<Arc<Mailbox>>,
}

/// What a link for a new account holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The address as it was typed.
    pub email: String,
    /// The display name.
    pub name: Option<String>,
    /// The hash of the password.
    pub password_hash: String,
    /// Names the browser that asked: whoever confirms in another one shows that they know the
    /// password, so that nobody confirms an account whose password a stranger chose.
    pub browser: String,
}

/// Where what a link holds is sealed.
#[must_use]
pub fn place(mac: &[u8; 32]) -> Place<'static> {
    Place { table: "account_links", column: "sealed", row: mac.to_vec().into() }
}

/// The address behind a link of a mail, with a place for its secret.
#[must_use]
pub fn link_of(issuer: &str, secret: &str) -> String {
    format!("{issuer}/account/link?token={secret}")
}

struct Outgoing {
    kind: LetterKind,
    to: String,
    link: String,
}

/// Runs a job of mail; it is done when the result is `true`.
///
/// # Errors
/// When the database or the mail server is away: then the job is tried again.
pub async fn run(platform: &Platform, post: &Post, job: &Job) -> Result<bool, StoreError> {
    let tenant = platform.tenant(job.tenant).await.map_err(unavailable)?;
    let Some(tenant) = tenant else { return Ok(true) };
    let view = tenant.view();
    let asked = Asked::open(&view.vault, job.id, &job.payload)?;
    let locale = Locale::choose(&asked.locale).unwrap_or_default();
    let Some(out) = outgoing(platform, &tenant, asked.wish).await? else { return Ok(true) };
    let (subject, text, html) = letter(&Letter {
        kind: out.kind,
        tenant_name: &view.tenant.name,
        theme: &view.tenant.settings.theme,
        locale,
        link: &out.link,
    })
    .map_err(|e| StoreError::Statement(format!("a mail could not be written: {e}")))?;
    let mail = Mail { from_name: view.tenant.name.clone(), to: out.to, subject, text, html };
    let [random] = platform.env().bytes::<1>();
    match post.mailer.send(&mail, random).await {
        Ok(()) => {
            if let Some(mailbox) = &post.mailbox {
                mailbox.put(&mail, Some(&out.link), platform.env().now());
            }
            metrics::counter!("bailiwick_mails_total", "outcome" => "sent").increment(1);
            Ok(true)
        }
        Err(MailError::Unavailable(why)) if job.attempts < TRIES => {
            metrics::counter!("bailiwick_mails_total", "outcome" => "retried").increment(1);
            Err(StoreError::Unavailable(why))
        }
        Err(e) => {
            metrics::counter!("bailiwick_mails_total", "outcome" => "failed").increment(1);
            tracing::warn!(job = %job.id, error = %e, "a mail was given up");
            gave_up(platform, &view).await?;
            Ok(true)
        }
    }
}

async fn gave_up(platform: &Platform, view: &TenantView) -> Result<(), StoreError> {
    let (env, tenant) = (platform.env(), view.tenant.id);
    let event = AuditEvent::new(env, tenant, EventKind::MailFailed, Actor::system(tenant));
    let write = move |tx| async move { audit::append(&tx, &[event]).await };
    platform.store().write(tenant, write).await
}

/// What is to be sent to whom; `None` when nobody is to get anything.
async fn outgoing(
    platform: &Platform,
    tenant: &TenantHandle,
    wish: Wish,
) -> Result<Option<Outgoing>, StoreError> {
    let view = tenant.view();
    let (id, issuer) = (view.tenant.id, view.tenant.issuer.clone());
    let (typed, wish) = match wish {
        Wish::PasswordChanged { email } => {
            let link = format!("{issuer}/account/forgot");
            let kind = LetterKind::PasswordChanged;
            return Ok(Some(Outgoing { kind, to: email, link }));
        }
        Wish::Recover { email } => (email, None),
        Wish::Register { email, name, password_hash, browser } => {
            (email.clone(), Some(Registration { email, name, password_hash, browser }))
        }
    };
    let Some(email) = normalize_email(&typed) else { return Ok(None) };
    let wanted = email.clone();
    let read = move |tx| async move { users::by_email(&tx, id, &wanted).await };
    let user = platform.store().read::<_, StoreError, _, _>(id, read).await?;
    match (user, wish) {
        (Some(user), None) if user.active => {
            let to = user.email.clone().unwrap_or(typed);
            // What the link proves is this address, whatever the account's is by then.
            let what = (Purpose::ResetPassword, Some(user.id), email.into_bytes(), RECOVERY);
            let link = new_link(platform, &view, what).await?;
            Ok(Some(Outgoing { kind: LetterKind::ResetPassword, to, link }))
        }
        (_, None) => Ok(None),
        (Some(_), Some(_)) => {
            let link = format!("{issuer}/account/forgot");
            Ok(Some(Outgoing { kind: LetterKind::AlreadyRegistered, to: typed, link }))
        }
        (None, Some(registration)) => {
            let plain = serde_json::to_vec(&registration).unwrap_or_default();
            let what = (Purpose::Register, None, plain, REGISTRATION);
            let link = new_link(platform, &view, what).await?;
            Ok(Some(Outgoing { kind: LetterKind::Register, to: typed, link }))
        }
    }
}

/// Makes a link; its secret is in the result and nowhere else.
async fn new_link(
    platform: &Platform,
    view: &TenantView,
    (purpose, user, plain, lifetime): (Purpose, Option<UserId>, Vec<u8>, u32),
) -> Result<String, StoreError> {
    let (env, tenant, now) = (platform.env(), view.tenant.id, platform.env().now());
    let secret = env.token::<32>();
    let mac = view.vault.mac(Label::AccountLink, secret.as_bytes());
    let sealed = Some(view.vault.seal(&place(&mac), &plain, env));
    let new = NewLink { mac, purpose, user, sealed, expires_at: now.plus_secs(lifetime) };
    let write = move |tx| async move { account_links::create(&tx, tenant, &new, now).await };
    platform.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(link_of(&view.tenant.issuer, &secret))
}

/// What the worker makes of an error of a tenant: the job is tried again.
pub(crate) fn unavailable(e: bailiwick_actors::Error) -> StoreError {
    match e {
        bailiwick_actors::Error::Store(e) => e,
        other => StoreError::Unavailable(other.to_string()),
    }
}
