//! `bailiwick init`: the first operator of the platform, and a key of the management API.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use bailiwick_actors::Platform;
use bailiwick_domain::tenant::SYSTEM_SLUG;
use bailiwick_domain::{Env, EventKind, OrganizationId, TenantId, UserId};
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::organizations::{self, NewOrganization};
use bailiwick_store::users::{self, Email, NewUser};
use bailiwick_store::{Error as StoreError, TenantTx, api_keys};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use super::apply::execute::operator;
use super::manifest::MIN_PASSWORD;
use super::{Output, out};
use crate::api_key::{self, OPERATOR};
use crate::config::Config;
use crate::password::{MAX_PASSWORD, PasswordPool};
use crate::server::open_platform;

/// The name of the platform's own organization.
const OWN_NAME: &str = "Bailiwick";

/// The arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bailiwick init
  bailiwick init --operator-email ops@example.com --operator-password-file pw.txt --output json
  bailiwick init --new-key --output json

What is not given is asked for when there is a terminal. The operator is a user of the tenant
`system`; the key has the role `operator` and works for every tenant, at {issuer}/api/v1 with
`Authorization: Bearer bwk_...`. It is printed once and kept only as a MAC. A second run changes
nothing and ends with exit code 1; --new-key makes one more key when the first is lost.")]
pub struct Arguments {
    /// E-mail address of the first operator
    #[arg(long, value_name = "EMAIL")]
    operator_email: Option<String>,
    /// File with the operator's password, 8 to 1,024 bytes; the end of the last line is not part of it
    #[arg(long, value_name = "FILE")]
    operator_password_file: Option<PathBuf>,
    /// Makes one more operator key, for a platform that has its operator
    #[arg(long, conflicts_with_all = ["operator_email", "operator_password_file"])]
    new_key: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The operator; none when only a key was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// The key, shown here and never again.
    pub api_key: String,
    /// The issuer of the tenant `system`.
    pub issuer: String,
    /// The management API of the tenant `system`; other tenants' is below their own issuer.
    pub api: String,
}

/// The operator.
#[derive(Debug, Serialize)]
pub struct Operator {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: String,
}

/// What is known of the operator to make.
#[derive(Debug)]
pub struct Credentials {
    /// Its address.
    pub email: Email,
    /// The address as it is written.
    pub written: String,
    /// Its password.
    pub password: SecretString,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is an operator.
    #[error(
        "this platform has its operator already, and nothing was changed. Keys are shown once: if \
         yours is lost, run `bailiwick init --new-key`"
    )]
    Already,
    /// There is no operator to make one more key for.
    #[error("this platform has no operator yet: run `bailiwick init` without --new-key")]
    NotYet,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs the command.
///
/// # Errors
/// When there is an operator, when something is missing, and when the database fails.
pub async fn run(config: &Config, env: &Env, arguments: &Arguments) -> anyhow::Result<()> {
    // Read what was given before the database is opened; ask only when there is something to do.
    let given = match (&arguments.operator_email, &arguments.operator_password_file) {
        (Some(email), Some(file)) => Some(credentials(email, read_password(file)?)?),
        _ if arguments.new_key || std::io::stdin().is_terminal() => None,
        _ => bail!(
            "--operator-email and --operator-password-file are needed when there is no terminal \
             to ask at"
        ),
    };
    let platform = open_platform(config, env).await?;
    let done = make(config, &platform, arguments, given).await;
    platform.stop().await;
    let made = match done {
        Ok(made) => made,
        Err(e) => {
            let already = matches!(e.downcast_ref(), Some(InitError::Already));
            if already && arguments.output == Output::Json {
                out::json(&serde_json::json!({ "already": true }))?;
            }
            return Err(e);
        }
    };
    match arguments.output {
        Output::Json => out::json(&made),
        Output::Text => {
            if let Some(operator) = &made.operator {
                out::line(&format!("Operator {} was created.", operator.email))?;
            }
            let Made { api_key, issuer, api, .. } = &made;
            Ok(out::line(&format!(
                "\nKey of the management API, shown once: keep it now.\n  {api_key}\n\nTry it:\n  \
                 curl -H 'Authorization: Bearer {api_key}' {api}/tenant\n\nIt works for every \
                 tenant, below that tenant's issuer. The tenant system is\n  {issuer}"
            ))?)
        }
    }
}

async fn make(
    config: &Config,
    platform: &Platform,
    arguments: &Arguments,
    given: Option<Credentials>,
) -> anyhow::Result<Made> {
    if arguments.new_key {
        return Ok(new_key(platform).await?);
    }
    // Before asking, and before 18 ms of hashing; the transaction looks again.
    let system = platform.system_tenant().await?;
    let look = move |tx: TenantTx| async move { has_operator(&tx, system).await };
    if platform.store().read(system, look).await? {
        return Err(InitError::Already.into());
    }
    let credentials = match given {
        Some(credentials) => credentials,
        None => ask(arguments)?,
    };
    let passwords = PasswordPool::start(&config.passwords, platform.env())?;
    let hash = passwords.hash(credentials.password.clone()).await?;
    Ok(create(platform, &credentials, hash).await?)
}

/// Creates the first operator with a key.
///
/// # Errors
/// [`InitError::Already`] when there is one, and those of the store.
pub async fn create(
    platform: &Platform,
    credentials: &Credentials,
    password_hash: String,
) -> Result<Made, InitError> {
    let (system, draft) = draft(platform).await?;
    let (env, row) = (platform.env().clone(), draft.row);
    let written = credentials.written.clone();
    let new = NewUser {
        id: env.id(),
        sub: env.token::<16>(),
        email: Some(credentials.email.clone()),
        name: None,
        claims: serde_json::Map::new(),
        password_hash: Some(password_hash),
    };
    let id = new.id;
    let write = move |tx: TenantTx| async move {
        let now = env.now();
        if has_operator(&tx, system).await? {
            return Err(InitError::Already);
        }
        users::create(&tx, system, &new, now).await?;
        // The organization of the platform itself: its members with this role are the operators.
        let own: OrganizationId = env.id();
        let organization = NewOrganization {
            id: own,
            name: OWN_NAME.to_owned(),
            attributes: serde_json::Map::new(),
            customer_tenant_id: Some(system),
        };
        organizations::insert(&tx, system, &organization, now).await?;
        organizations::add_member(&tx, system, (own, new.id, OPERATOR), now).await?;
        api_keys::insert(&tx, system, &row, now).await?;
        let event = |kind| AuditEvent::new(&env, system, kind, operator(system));
        let events = [
            event(EventKind::UserCreated).on("user", new.id.0),
            event(EventKind::ApiKeyCreated).on("api_key", row.id.0),
        ];
        audit::append(&tx, &events).await?;
        Ok::<_, InitError>(())
    };
    platform.store().write(system, write).await?;
    Ok(Made { operator: Some(Operator { id, email: written }), ..draft.made })
}

/// Makes one more key for a platform that has its operator.
///
/// # Errors
/// [`InitError::NotYet`] when it has none, and those of the store.
pub async fn new_key(platform: &Platform) -> Result<Made, InitError> {
    let (system, draft) = draft(platform).await?;
    let (env, row) = (platform.env().clone(), draft.row);
    let write = move |tx: TenantTx| async move {
        if !has_operator(&tx, system).await? {
            return Err(InitError::NotYet);
        }
        api_keys::insert(&tx, system, &row, env.now()).await?;
        let event = AuditEvent::new(&env, system, EventKind::ApiKeyCreated, operator(system))
            .on("api_key", row.id.0);
        audit::append(&tx, &[event]).await?;
        Ok::<_, InitError>(())
    };
    platform.store().write(system, write).await?;
    Ok(draft.made)
}

/// The platform's own organization comes with its first operator.
async fn has_operator(tx: &TenantTx, system: TenantId) -> Result<bool, StoreError> {
    Ok(organizations::get_by_customer(tx, system, system).await?.is_some())
}

struct Draft {
    row: api_keys::ApiKey,
    made: Made,
}

/// A key of the `system` tenant, not yet stored.
async fn draft(platform: &Platform) -> Result<(TenantId, Draft), InitError> {
    let system = platform.by_slug(SYSTEM_SLUG).await.map_err(store_error)?;
    let view = system.ok_or(StoreError::NotFound("system tenant"))?.tenant.view();
    let (text, row) = api_key::create(&view.vault, platform.env(), "operator", &[OPERATOR]);
    let issuer = view.tenant.issuer.clone();
    let api = format!("{issuer}/api/v1");
    let made = Made { operator: None, api_key: text.expose_secret().to_owned(), issuer, api };
    Ok((view.tenant.id, Draft { row, made }))
}

fn store_error(e: bailiwick_actors::Error) -> StoreError {
    match e {
        bailiwick_actors::Error::Store(e) => e,
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Holds what was given or typed against the rules.
///
/// # Errors
/// With the rule that it breaks.
pub fn credentials(email: &str, password: SecretString) -> anyhow::Result<Credentials> {
    let written = email.trim().to_owned();
    let email = Email::new(&written, true)
        .ok_or_else(|| anyhow!("{written:?} is not an e-mail address (--operator-email)"))?;
    let length = password.expose_secret().len();
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
        bail!("the operator's password must have {MIN_PASSWORD} to {MAX_PASSWORD} bytes");
    }
    if password.expose_secret().contains('\0') {
        bail!("the operator's password must not hold a NUL character");
    }
    Ok(Credentials { email, written, password })
}

fn read_password(file: &Path) -> anyhow::Result<SecretString> {
    let shown = file.display();
    let text = std::fs::read_to_string(file);
    let text =
        Zeroizing::new(text.with_context(|| format!("cannot read the password in {shown}"))?);
    let line = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
    Ok(line.into())
}

/// Asks for what was not given.
fn ask(arguments: &Arguments) -> anyhow::Result<Credentials> {
    let email = match &arguments.operator_email {
        Some(email) => email.clone(),
        None => {
            let mut err = std::io::stderr().lock();
            write!(err, "E-mail address of the operator: ").and_then(|()| err.flush())?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line
        }
    };
    let password = match &arguments.operator_password_file {
        Some(file) => read_password(file)?,
        None => {
            let first = Zeroizing::new(rpassword::prompt_password("Password: ")?);
            let again = Zeroizing::new(rpassword::prompt_password("The same again: ")?);
            if first != again {
                bail!("the two passwords differ: start again");
            }
            first.as_str().into()
        }
    };
    credentials(&email, password)
}
