//! The owner of settings and applications.

use std::sync::Arc;

use bailiwick_domain::application::{GrantType, Mistake, SigningAlg};
use bailiwick_domain::text::is_display_name;
use bailiwick_domain::{Application, ApplicationId, EventKind, Timestamp};
use bailiwick_store::applications::{self, Stored};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::changes::{self as feed, Topic};
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::{TenantTx, tenants};

use crate::changes::{Change, Changed, Request};
use crate::error::Error;
use crate::keys::{self, Wish};
use crate::tenant::Seed;
use crate::view::Applications;

/// Checks, commits and publishes a change.
pub(crate) async fn change(seed: &Seed, request: Request) -> Result<Changed, Error> {
    if let Change::UpdateTenant { name, settings, .. } = &request.change {
        let mut mistakes = settings.check().err().unwrap_or_default();
        if !is_display_name(name) {
            mistakes.push(Mistake::new("name", "must be 1 to 200 bytes"));
        }
        if !mistakes.is_empty() {
            return Err(Error::Invalid(mistakes));
        }
    }
    let (id, env) = (seed.id, seed.shared.env.clone());
    let write = move |tx: TenantTx| async move {
        let now = env.now();
        let entry = Entry { tx: &tx, tenant: id, now };
        let (changed, kind, target) = entry.apply(request.change, &env).await?;
        let (target, row) = target;
        let event = AuditEvent::new(&env, id, kind, request.actor).on(target, row);
        audit::append(&tx, &[event]).await?;
        let list = applications::list(&tx, id).await?;
        Ok::<_, Error>((changed, list))
    };
    let (changed, list) = seed.shared.store.write(id, write).await?;
    publish(seed, &changed, list).await;
    Ok(changed)
}

/// Publishes what was committed, and makes the keys that an application needs to work.
async fn publish(seed: &Seed, changed: &Changed, list: Vec<Stored>) {
    let tenant = match changed {
        Changed::Tenant(tenant) => Some(Arc::new(tenant.clone())),
        _ => None,
    };
    seed.publish(|view| {
        view.applications = Arc::new(Applications::new(list));
        if let Some(tenant) = tenant {
            view.tenant = tenant;
            view.discovery = Arc::default();
            view.pages = Arc::default();
        }
    });
    if let Changed::Application(app) = changed {
        for alg in needed_algs(app) {
            // The change stands either way; the first token that needs the key tries again.
            if let Err(e) = keys::change(seed, Wish::Ensure(alg), Actor::system(seed.id)).await {
                tracing::error!(tenant = %seed.id, error = %e, "a signing key was not made");
            }
        }
    }
}

/// The algorithms that an application's tokens are signed with.
fn needed_algs(app: &Application) -> impl Iterator<Item = SigningAlg> + use<> {
    let users = app.spec.allows_grant(GrantType::AuthorizationCode)
        || app.spec.allows_grant(GrantType::Implicit);
    [Some(SigningAlg::ES256), users.then(|| app.spec.id_token_alg())].into_iter().flatten()
}

struct Entry<'a> {
    tx: &'a TenantTx,
    tenant: bailiwick_domain::TenantId,
    now: Timestamp,
}

type Target = (&'static str, uuid::Uuid);

impl Entry<'_> {
    /// Writes the rows of a change and its row in the feed.
    async fn apply(
        &self,
        change: Change,
        env: &bailiwick_domain::Env,
    ) -> Result<(Changed, EventKind, Target), Error> {
        let (tx, tenant, now) = (self.tx, self.tenant, self.now);
        let app_target = |id: ApplicationId| ("application", id.0);
        match change {
            Change::CreateApplication { spec, secret } => {
                let app = applications::insert(tx, tenant, env.id(), &spec, now).await?;
                if let Some(mac) = secret {
                    let secret = applications::Secret { id: env.id(), mac, expires_at: None };
                    applications::add_secret(tx, tenant, app.id, &secret, now).await?;
                }
                self.feed(Topic::Applications, &app.id.to_string(), app.version).await?;
                let target = app_target(app.id);
                Ok((Changed::Application(app), EventKind::ApplicationCreated, target))
            }
            Change::UpdateApplication { id, version, spec } => {
                let app = applications::update(tx, tenant, id, version, &spec, now).await?;
                self.feed(Topic::Applications, &id.to_string(), app.version).await?;
                Ok((Changed::Application(app), EventKind::ApplicationUpdated, app_target(id)))
            }
            Change::DeleteApplication { id, version } => {
                applications::delete(tx, tenant, id, version, now).await?;
                self.feed(Topic::Applications, &id.to_string(), version + 1).await?;
                let payload = serde_json::json!({ "application": id });
                let purge =
                    NewJob { id: env.id(), kind: JobKind::PurgeDeleted, payload, run_at: now };
                jobs::enqueue(tx, tenant, &purge, now).await?;
                Ok((Changed::Gone, EventKind::ApplicationDeleted, app_target(id)))
            }
            Change::UpdateTenant { version, name, settings } => {
                let before = tenants::get(tx, tenant).await?;
                let row = tenants::update(tx, tenant, version, (&name, &settings), now).await?;
                // That was the version which is changed: it cannot be another one's.
                if before.is_some_and(|before| before.settings.keys != row.settings.keys) {
                    keys::replan(tx, tenant, &row.settings, env).await?;
                }
                self.feed(Topic::Tenant, "", row.version).await?;
                Ok((Changed::Tenant(row), EventKind::TenantUpdated, ("tenant", tenant.0)))
            }
        }
    }

    async fn feed(&self, topic: Topic, key: &str, version: i64) -> Result<(), Error> {
        Ok(feed::append(self.tx, self.tenant, topic, key, version, self.now).await?)
    }
}
