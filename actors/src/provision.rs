//! Bringing a tenant into being.

use std::sync::Arc;

use bailiwick_domain::application::Mistake;
use bailiwick_domain::tenant::SYSTEM_SLUG;
use bailiwick_domain::text::{is_display_name, is_slug};
use bailiwick_domain::{EventKind, OrganizationId, Tenant, TenantId, TenantSettings};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::changes::{self, Topic};
use bailiwick_store::organizations::{self, NewOrganization};
use bailiwick_store::{Error as StoreError, TenantTx, addresses, signing_keys, tenants, vault};

use crate::error::Error;
use crate::keys;
use crate::platform::Platform;

/// What a new tenant starts with.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Names it in addresses; must never have been used.
    pub slug: String,
    /// Shown to people.
    pub name: String,
    /// Its settings.
    pub settings: TenantSettings,
}

impl Platform {
    /// Creates a tenant: its row, address, data key, first signing key and its organization in the
    /// `system` tenant, all in one transaction.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every mistake; the store's `Taken` when the slug was ever used.
    pub async fn create_tenant(
        &self,
        new: NewTenant,
        actor: Option<Actor>,
    ) -> Result<Tenant, Error> {
        let mut mistakes = new.settings.check().err().unwrap_or_default();
        if !is_slug(&new.slug) {
            mistakes.push(Mistake::new("slug", "must be 2 to 40 of a-z, 0-9 and -"));
        }
        if !is_display_name(&new.name) {
            mistakes.push(Mistake::new("name", "must be 1 to 200 bytes"));
        }
        if !mistakes.is_empty() {
            return Err(Error::Invalid(mistakes));
        }
        let system = if new.slug == SYSTEM_SLUG { None } else { Some(self.system_tenant().await?) };
        let (env, keyring) = (self.env().clone(), Arc::clone(self.keyring()));
        let tenant = self.draft(new, system);
        let tenants = [Some(tenant.id), system].into_iter().flatten().collect::<Vec<_>>();
        let addresses = self.address_of(&tenant.slug);
        let actor = actor.unwrap_or_else(|| Actor::system(tenant.id));
        let write = move |tx: TenantTx| async move {
            let (id, now) = (tenant.id, tenant.created_at);
            for (address, canonical) in addresses {
                addresses::claim(&tx, &address, id, canonical).await?;
            }
            tenants::insert(&tx, &tenant).await?;
            let vault = vault::create(&tx, id, &keyring, &env).await?;
            let key = keys::first(&vault, &env, &tenant.settings).await?;
            signing_keys::insert(&tx, id, &key).await?;
            if let (Some(system), Some(organization)) = (system, tenant.organization_id) {
                let new = NewOrganization {
                    id: organization,
                    name: tenant.name.clone(),
                    attributes: serde_json::Map::new(),
                    customer_tenant_id: Some(id),
                };
                organizations::insert(&tx, system, &new, now).await?;
            }
            changes::append(&tx, id, Topic::Tenant, "", 1, now).await?;
            let event = AuditEvent::new(&env, id, EventKind::TenantCreated, actor)
                .on("tenant", id.0)
                .with(serde_json::json!({ "slug": tenant.slug }));
            let key = keys::created(&env, (id, Actor::system(id)), &key);
            audit::append(&tx, &[event, key]).await?;
            Ok::<_, Error>(tenant)
        };
        let tenant = self.store().write(tenants, write).await?;
        self.forget_misses();
        Ok(tenant)
    }

    /// The id of the `system` tenant, which is created on first use.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn system_tenant(&self) -> Result<TenantId, Error> {
        if let Some(id) = self.tenant_id(SYSTEM_SLUG).await? {
            return Ok(id);
        }
        let new = NewTenant {
            slug: SYSTEM_SLUG.into(),
            name: "Bailiwick".into(),
            settings: TenantSettings::default(),
        };
        match Box::pin(self.create_tenant(new, None)).await {
            Ok(tenant) => Ok(tenant.id),
            // Another process was first.
            Err(Error::Store(StoreError::Taken(_))) => {
                self.forget_misses();
                self.tenant_id(SYSTEM_SLUG).await?.ok_or(Error::Restarting)
            }
            Err(e) => Err(e),
        }
    }

    fn draft(&self, new: NewTenant, system: Option<TenantId>) -> Tenant {
        let (env, now) = (self.env(), self.env().now());
        // 32 letters and digits without those that look alike.
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letter = |b: u8| char::from(LETTERS.get(usize::from(b % 32)).copied().unwrap_or(b'a'));
        Tenant {
            id: env.id(),
            issuer: self.issuer_of(&new.slug),
            slug: new.slug,
            short_id: env.bytes::<8>().into_iter().map(letter).collect(),
            name: new.name,
            organization_id: system.map(|_| env.id::<OrganizationId>()),
            settings: new.settings,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}
