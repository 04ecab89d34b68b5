//! What a request reads: one consistent set of snapshots.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bailiwick_domain::{Application, ApplicationId, Tenant, Timestamp};
use bailiwick_protocol::jose::KeySet;
use bailiwick_protocol::tokens::AccessTokenClaims;
use bailiwick_store::applications::Stored;
use bailiwick_store::vault::{Label, TenantVault};

use crate::limits::TenantLimits;
use crate::receipts::Tallies;
use crate::revocations::{Revocations, RevokedKey};

/// How far the clocks of two nodes may be apart.
const DRIFT: Duration = Duration::from_secs(5);

/// The snapshots of one tenant, taken at the start of a request and kept to its end.
#[derive(Clone)]
pub struct TenantView {
    /// The tenant and its settings.
    pub tenant: Arc<Tenant>,
    /// Its applications.
    pub applications: Arc<Applications>,
    /// Its signing keys.
    pub keys: Arc<KeySet>,
    /// Its data keys.
    pub vault: TenantVault,
    /// What was revoked.
    pub revocations: Arc<Revocations>,
    /// The discovery document, built when first asked for after a change of the tenant.
    pub discovery: Arc<OnceLock<Arc<[u8]>>>,
    /// What the hosted pages make of the tenant's settings, built when first asked for after a change
    /// of the tenant.
    pub pages: Arc<OnceLock<Box<dyn Any + Send + Sync>>>,
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) limits: Arc<TenantLimits>,
}

impl TenantView {
    /// Whether what the token stands for still stands: neither it, nor its grant, session or user
    /// was revoked, and its application is still there: not one that took the name of a removed one.
    #[must_use]
    pub fn is_live(&self, claims: &AccessTokenClaims) -> bool {
        let revoked = |key: RevokedKey| self.revocations.revoked_at(key).is_some();
        let dead = RevokedKey::jti(&claims.jti).is_none_or(revoked)
            || claims.grant_id.is_some_and(|id| revoked(RevokedKey::Grant(id)))
            || claims.sid.is_some_and(|id| revoked(RevokedKey::Session(id)));
        let known = self.applications.by_client_id(&claims.client_id);
        // Another node may have issued it; its clock is not exactly that of the one that created.
        let since = |app: &Stored| app.application.created_at.minus(DRIFT).as_secs();
        !dead && known.is_some_and(|app| since(app) <= claims.iat)
    }

    /// Whether `secret` is one of the application's client secrets, alive at `now`. Every stored
    /// secret is compared, in constant time.
    #[must_use]
    pub fn is_client_secret(&self, app: &Stored, secret: &[u8], now: Timestamp) -> bool {
        app.secrets.iter().fold(false, |found, stored| {
            let alive = stored.expires_at.is_none_or(|at| at > now);
            (self.vault.verify(Label::ClientSecret, secret, &stored.mac) & alive) | found
        })
    }
}

/// The applications of one tenant, by both of their names. Sorted lists and not maps: most tenants
/// have few applications, and a node has many warm tenants.
#[derive(Debug, Default)]
pub struct Applications {
    by_client_id: Box<[Arc<Stored>]>,
    by_id: Box<[Arc<Stored>]>,
    /// The origins whose scripts may call the token endpoint.
    origins: Box<[String]>,
}

impl Applications {
    pub(crate) fn new(list: Vec<Stored>) -> Self {
        let mut by_client_id: Box<[_]> = list.into_iter().map(Arc::new).collect();
        by_client_id.sort_unstable_by(|a, b| client_id(a).cmp(client_id(b)));
        let mut by_id = by_client_id.clone();
        by_id.sort_unstable_by_key(|s| s.application.id);
        let origins = by_id.iter().flat_map(|s| s.application.spec.script_origins());
        let origins = origins.collect::<BTreeSet<_>>().into_iter().collect();
        Self { by_client_id, by_id, origins }
    }

    /// The application of that OAuth `client_id`.
    #[must_use]
    pub fn by_client_id(&self, client_id: &str) -> Option<&Arc<Stored>> {
        let found = self.by_client_id.binary_search_by(|s| self::client_id(s).cmp(client_id));
        self.by_client_id.get(found.ok()?)
    }

    /// The application of that id.
    #[must_use]
    pub fn by_id(&self, id: ApplicationId) -> Option<&Arc<Stored>> {
        let found = self.by_id.binary_search_by_key(&id, |s| s.application.id);
        self.by_id.get(found.ok()?)
    }

    /// Whether scripts of that origin may call the token, userinfo and revocation endpoints.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.binary_search_by(|known| known.as_str().cmp(origin)).is_ok()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Every application, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Application> {
        self.by_id.iter().map(|s| &s.application)
    }
}

fn client_id(app: &Stored) -> &str {
    &app.application.spec.client_id
}
