//! Fulfilling a wish: whose address it is, the link, the letter, and off it goes.

use std::sync::Arc;

use bailiwick_actors::{Platform, TenantHandle, TenantView};
use bailiwick_domain::text::normalize_email;
use bailiwick_domain::user::User;
use bailiwick_domain::{EventKind, Locale, UserId};
use bailiwick_outbound::{Mail, MailError, Mailer, Texter};
use bailiwick_store::account_links::{self, NewLink, Purpose};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::jobs::Job;
use bailiwick_store::vault::{Label, Place};
use bailiwick_store::{Error as StoreError, users};
use serde::{Deserialize, Serialize};

use super::mailbox::Mailbox;
use super::{Asked, Wish};
use crate::pages::{Letter, LetterKind, Own, letter, text_message};

/// How long a link to set a password works.
const RECOVERY: u32 = 3_600;
/// How long a link that makes an account works.
const REGISTRATION: u32 = 86_400;
/// How long an invitation is good.
const INVITATION: u32 = 7 * 86_400;
/// How long a link that signs in works: as long as its code.
const CODE: u32 = 600;
/// After so many tries, over about two hours, nobody waits for the mail any longer.
const TRIES: i64 = 12;

/// What sending mail takes.
#[derive(Clone)]
pub struct Post {
    /// How it leaves.
    pub mailer: Arc<Mailer>,
    /// How text messages leave, when there is a provider.
    pub texter: Option<Arc<Texter>>,
    /// Where they are shown, in development mode.
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

/// A letter on its way to somebody.
struct Outgoing {
    kind: LetterKind,
    to: String,
    link: String,
    detail: Option<String>,
}

impl Outgoing {
    const fn new(kind: LetterKind, to: String, link: String) -> Self {
        Self { kind, to, link, detail: None }
    }

    fn with(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }
}

/// Runs a job of mail; it is done when the result is `true`.
///
/// # Errors
/// When the database or the mail server is away: then the job is tried again.
pub async fn run(platform: &Platform, post: &Post, job: &Job) -> Result<bool, StoreError> {
    let tenant = platform.tenant(job.tenant).await.map_err(unavailable)?;
    let Some(tenant) = tenant else { return Ok(true) };
    let view = tenant.view();
    let Asked { wish, locale } = Asked::open(&view.vault, job.id, &job.payload)?;
    let locale = Locale::choose(&locale).unwrap_or_default();
    let sent = if let Wish::Text { to, code } = wish {
        text(platform, post, (&view, locale), (&to, &code)).await
    } else {
        let Some(out) = outgoing(platform, &tenant, wish).await? else { return Ok(true) };
        mail(platform, post, (&view, locale), out).await?
    };
    match sent {
        Ok(()) => {
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

async fn mail(
    platform: &Platform,
    post: &Post,
    (view, locale): (&TenantView, Locale),
    out: Outgoing,
) -> Result<Result<(), MailError>, StoreError> {
    let written = letter(&Letter {
        kind: out.kind,
        tenant_name: &view.tenant.name,
        theme: &view.tenant.settings.theme,
        locale,
        link: &out.link,
        detail: out.detail.as_deref(),
        own: Own::of(view),
    });
    let (subject, text, html) = written.map_err(|e| {
        tracing::error!(error = %e, "a letter could not be written");
        StoreError::Corrupt("letter")
    })?;
    let (from_name, from) = (view.tenant.name.clone(), view.tenant.settings.mail.from.clone());
    let mail = Mail { from_name, from, to: out.to, subject, text, html };
    let [random] = platform.env().bytes::<1>();
    let sent = post.mailer.send(&mail, random).await;
    if let (Ok(()), Some(mailbox)) = (&sent, &post.mailbox) {
        mailbox.put(&mail, Some(&out.link), platform.env().now());
    }
    Ok(sent)
}

/// A code as a text message. Without a provider it is only shown, in development mode.
async fn text(
    platform: &Platform,
    post: &Post,
    (view, locale): (&TenantView, Locale),
    (to, code): (&str, &str),
) -> Result<(), MailError> {
    let text = text_message(locale, &view.tenant.name, code);
    if let Some(texter) = &post.texter {
        let [random] = platform.env().bytes::<1>();
        texter.send(to, &text, random).await?;
    }
    if let Some(mailbox) = &post.mailbox {
        let (from_name, to) = (view.tenant.name.clone(), to.to_owned());
        let (from, subject, html) = (None, "SMS".to_owned(), String::new());
        let mail = Mail { from_name, from, to, subject, text, html };
        mailbox.put(&mail, None, platform.env().now());
    }
    Ok(())
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
    let issuer = &view.tenant.issuer;
    let forgot = format!("{issuer}/account/forgot");
    let link = |purpose, user, plain, lifetime| {
        let what = (purpose, user, plain, lifetime);
        new_link(platform, &view, what)
    };
    Ok(Some(match wish {
        Wish::Told { email, letter, detail } => {
            let link = format!("{issuer}/account{}", letter.leads_to());
            Outgoing::new(letter, email, link).with(detail)
        }
        Wish::FactorCode { email, code } => {
            let link = format!("{issuer}/account/password");
            Outgoing::new(LetterKind::FactorCode, email, link).with(Some(code))
        }
        Wish::Recover { email } => {
            let Some(user) = who(platform, &view, &email).await? else { return Ok(None) };
            let to = user.email.unwrap_or_else(|| email.clone());
            // What the link proves is this address, whatever the account's is by then.
            let plain = email.into_bytes();
            let link = link(Purpose::ResetPassword, Some(user.id), plain, RECOVERY).await?;
            Outgoing::new(LetterKind::ResetPassword, to, link)
        }
        Wish::Invite { email } => {
            let Some(user) = who(platform, &view, &email).await? else { return Ok(None) };
            let to = user.email.unwrap_or_else(|| email.clone());
            let link = link(Purpose::Invite, Some(user.id), email.into_bytes(), INVITATION).await?;
            Outgoing::new(LetterKind::Invitation, to, link)
        }
        Wish::SignInCode { email, link: wanted } => {
            let Some(user) = who(platform, &view, &email).await? else { return Ok(None) };
            let to = user.email.unwrap_or(email);
            let plain = serde_json::to_vec(&wanted).unwrap_or_default();
            let link = link(Purpose::SignIn, Some(user.id), plain, CODE).await?;
            Outgoing::new(LetterKind::SignInCode, to, link).with(Some(wanted.code))
        }
        Wish::ChangeEmail(change) => {
            let taken = who_ever(platform, &view, &change.to).await?;
            if change.agreed && taken.is_some_and(|user| user.id != change.user) {
                // Told to whom it concerns, and to nobody else.
                let link = forgot;
                return Ok(Some(Outgoing::new(LetterKind::AlreadyRegistered, change.to, link)));
            }
            let (kind, to) = match &change.from {
                Some(from) if !change.agreed => (LetterKind::ConfirmOldEmail, from.clone()),
                _ => (LetterKind::ConfirmNewEmail, change.to.clone()),
            };
            let plain = serde_json::to_vec(&change).unwrap_or_default();
            let link = link(Purpose::ChangeEmail, Some(change.user), plain, RECOVERY).await?;
            Outgoing::new(kind, to, link).with(Some(change.to))
        }
        Wish::Register { email, name, password_hash, browser } => {
            if who_ever(platform, &view, &email).await?.is_some() {
                let kind = LetterKind::AlreadyRegistered;
                return Ok(Some(Outgoing::new(kind, email, forgot)));
            }
            let to = email.clone();
            let registration = Registration { email, name, password_hash, browser };
            let plain = serde_json::to_vec(&registration).unwrap_or_default();
            let link = link(Purpose::Register, None, plain, REGISTRATION).await?;
            Outgoing::new(LetterKind::Register, to, link)
        }
        // No letter.
        Wish::Text { .. } => return Ok(None),
    }))
}

/// The user of an address who may sign in.
async fn who(
    platform: &Platform,
    view: &TenantView,
    email: &str,
) -> Result<Option<User>, StoreError> {
    Ok(who_ever(platform, view, email).await?.filter(|user| user.active))
}

/// The user of an address.
async fn who_ever(
    platform: &Platform,
    view: &TenantView,
    email: &str,
) -> Result<Option<User>, StoreError> {
    let Some(email) = normalize_email(email) else { return Ok(None) };
    let tenant = view.tenant.id;
    let read = move |tx| async move { users::by_email(&tx, tenant, &email).await };
    platform.store().read::<_, StoreError, _, _>(tenant, read).await
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
