//! Does what a plan says, and reports each thing as it is done.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bailiwick_actors::{Change, Error as OwnerError, NewTenant, Platform, TenantHandle};
use bailiwick_domain::{EventKind, TenantId, UserId};
use bailiwick_store::audit::{self, Actor, ActorKind, AuditEvent};
use bailiwick_store::users::{self, NewUser, UserPatch};
use bailiwick_store::vault::Label;
use bailiwick_store::{Error as StoreError, TenantTx, grants, sessions};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};

use super::plan::{ApplicationStep, Plan, TenantStep, UserStep};
use super::report::{ApplicationReport, Deed, Report, TenantReport, UserReport};
use crate::cli::manifest::Password;
use crate::password::{PasswordError, PasswordPool};

/// Users in one transaction.
const BATCH: usize = 200;
/// Tenants at a time: PostgreSQL commits together what arrives together.
pub(super) const AT_A_TIME: usize = 8;
/// Passwords that are hashed at a time, at most.
const HASHING: usize = 16;
/// How long to wait when the pool is full: about as long as one hash takes.
const PAUSE: Duration = Duration::from_millis(20);

/// What doing needs.
pub(super) struct Doing<'a> {
    pub(super) platform: &'a Platform,
    pub(super) passwords: &'a PasswordPool,
    pub(super) actor: Actor,
}

/// An operator at the command line: nobody in particular, of the `system` tenant.
pub(crate) const fn operator(system: TenantId) -> Actor {
    Actor { kind: ActorKind::Operator, tenant: system, id: None }
}

impl Doing<'_> {
    /// Does plans, of several tenants at a time. Nothing is begun after a failure, and what was
    /// begun is finished. What is done is in the report, with the secrets that were made.
    pub(super) async fn run(&self, plans: Vec<Plan>, report: &mut Report) -> anyhow::Result<()> {
        let failed = AtomicBool::new(false);
        let one = async |plan: Plan| {
            let mut report = None;
            if failed.load(Ordering::Relaxed) {
                return (report, Ok(()));
            }
            let done = self.one(plan, &mut report).await;
            failed.fetch_or(done.is_err(), Ordering::Relaxed);
            (report, done)
        };
        let mut failure = Ok(());
        let mut done = pin!(stream::iter(plans).map(one).buffered(AT_A_TIME));
        while let Some((tenant, done)) = done.next().await {
            report.tenants.extend(tenant);
            failure = failure.and(done);
        }
        failure
    }

    async fn one(&self, plan: Plan, report: &mut Option<TenantReport>) -> anyhow::Result<()> {
        let deed = Deed::from(&plan.tenant);
        let tenant = self.tenant(&plan.slug, plan.tenant).await?;
        let report = report.insert(TenantReport {
            issuer: Some(tenant.view().tenant.issuer.clone()),
            slug: plan.slug,
            deed,
            applications: Vec::new(),
            users: Vec::new(),
        });
        for step in plan.applications {
            let mut line = ApplicationReport::from(&step);
            line.client_secret = self
                .application(&tenant, step)
                .await
                .with_context(|| format!("application {}", line.client_id))?;
            report.applications.push(line);
        }
        let mut rest = plan.users;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(BATCH));
            let lines: Vec<_> = rest.iter().map(UserReport::from).collect();
            self.users(&tenant, rest).await.context("users")?;
            report.users.extend(lines);
            rest = later;
        }
        Ok(())
    }

    async fn tenant(&self, slug: &str, step: TenantStep) -> anyhow::Result<TenantHandle> {
        let slug = slug.to_owned();
        let context = format!("tenant {slug}");
        if let TenantStep::Create { name, settings } = step {
            let new = NewTenant { slug, name, settings };
            let made = self.platform.create_tenant(new, Some(self.actor)).await;
            let made = made.map_err(explain).context(context)?;
            let started = self.platform.tenant(made.id).await?;
            return started.context("the tenant that was just made is gone");
        }
        let route = self.platform.by_slug(&slug).await?;
        let tenant = route.with_context(|| format!("{context} is gone"))?.tenant;
        if let TenantStep::Update { version, name, settings, .. } = step {
            let change = Change::UpdateTenant { version, name, settings };
            tenant.change(change, self.actor).await.map_err(explain).context(context)?;
        }
        Ok(tenant)
    }

    /// Does a step, and gives the secret that was made.
    async fn application(
        &self,
        tenant: &TenantHandle,
        step: ApplicationStep,
    ) -> anyhow::Result<Option<String>> {
        let mut made = None;
        let change = match step {
            ApplicationStep::Keep(_) => return Ok(None),
            ApplicationStep::Create { spec, secret } => {
                let secret = secret.or_else(|| {
                    let needed = spec.auth_method().uses_secret();
                    needed.then(|| {
                        let secret = self.platform.env().token::<32>();
                        made = Some(secret.clone());
                        SecretString::from(secret)
                    })
                });
                let vault = &tenant.view().vault;
                let mac =
                    |s: SecretString| vault.mac(Label::ClientSecret, s.expose_secret().as_bytes());
                Change::CreateApplication { spec: *spec, secret: secret.map(mac) }
            }
            ApplicationStep::Update { id, version, spec, .. } => {
                Change::UpdateApplication { id, version, spec: *spec }
            }
            ApplicationStep::Remove { id, version, .. } => {
                Change::DeleteApplication { id, version }
            }
        };
        tenant.change(change, self.actor).await.map_err(explain)?;
        Ok(made)
    }

    async fn users(&self, tenant: &TenantHandle, steps: Vec<UserStep>) -> anyhow::Result<()> {
        let writes: Vec<Option<Write>> = stream::iter(steps)
            .map(|step| self.prepare(step))
            .buffered(HASHING)
            .try_collect()
            .await?;
        let writes: Vec<Write> = writes.into_iter().flatten().collect();
        if writes.is_empty() {
            return Ok(());
        }
        let view = tenant.view();
        let id = view.tenant.id;
        let (env, actor) = (self.platform.env().clone(), self.actor);
        let write = move |tx: TenantTx| async move {
            let mut events = Vec::new();
            for write in writes {
                let (kind, user) = (write.event(), write.user());
                write.run(&tx, id, env.now()).await?;
                events.push(AuditEvent::new(&env, id, kind, actor).on("user", user.0));
            }
            audit::append(&tx, &events).await
        };
        self.platform.store().write(id, write).await.map_err(|e| explain(e.into()))
    }

    /// Hashes a password; waits while sign-ins keep the pool full.
    async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        loop {
            match self.passwords.hash(password.clone()).await {
                Err(PasswordError::Busy) => tokio::time::sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    async fn prepare(&self, step: UserStep) -> anyhow::Result<Option<Write>> {
        Ok(match step {
            UserStep::Keep(_) => None,
            UserStep::Create { email, name, claims, password, .. } => {
                let password_hash = match password {
                    None => None,
                    Some(Password::Hashed(hash)) => Some(hash),
                    Some(Password::Plain(plain)) => Some(self.hash(plain).await?),
                };
                let env = self.platform.env();
                let (id, sub, email) = (env.id(), env.token::<16>(), Some(email));
                Some(Write::Create(NewUser { id, sub, email, name, claims, password_hash }))
            }
            UserStep::Update { id, version, patch, .. } => Some(Write::Update(id, version, patch)),
            UserStep::Remove { id, version, .. } => Some(Write::Remove(id, version)),
        })
    }
}

enum Write {
    Create(NewUser),
    Update(UserId, i64, Box<UserPatch>),
    Remove(UserId, i64),
}

impl Write {
    const fn event(&self) -> EventKind {
        match self {
            Self::Create(_) => EventKind::UserCreated,
            Self::Update(..) => EventKind::UserUpdated,
            Self::Remove(..) => EventKind::UserDeleted,
        }
    }

    const fn user(&self) -> UserId {
        match self {
            Self::Create(new) => new.id,
            Self::Update(id, ..) | Self::Remove(id, ..) => *id,
        }
    }

    async fn run(
        self,
        tx: &TenantTx,
        tenant: TenantId,
        now: bailiwick_domain::Timestamp,
    ) -> Result<(), StoreError> {
        match self {
            Self::Create(new) => drop(users::create(tx, tenant, &new, now).await?),
            Self::Update(id, version, patch) => {
                drop(users::update(tx, tenant, id, version, &patch, now).await?);
            }
            Self::Remove(id, version) => {
                // What the user holds must stop working at once, not only when it runs out.
                sessions::end_of_user(tx, tenant, id, now).await?;
                grants::revoke_of_user(tx, tenant, id, now).await?;
                users::delete(tx, tenant, id, version, now).await?;
            }
        }
        Ok(())
    }
}

/// A failure in words that say what to do.
fn explain(e: OwnerError) -> anyhow::Error {
    match e {
        OwnerError::Invalid(mistakes) => {
            let list: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            anyhow!(list.join("; "))
        }
        OwnerError::Store(StoreError::Taken(what @ ("tenant" | "address"))) => anyhow!(
            "this {what} is, or once was, another tenant's: a slug is never used again, choose \
             another one"
        ),
        OwnerError::Store(e @ (StoreError::Stale(_) | StoreError::Taken(_))) => {
            anyhow!("{e}: somebody else works on this tenant; apply the file again")
        }
        other => other.into(),
    }
}
