//! What can be changed in a tenant's configuration.

use bailiwick_domain::{Application, ApplicationId, ApplicationSpec, Tenant, TenantSettings};
use bailiwick_store::audit::Actor;

/// A change to settings-like state. The owner checks it, commits it together with its change row
/// and its audit event, and publishes the new snapshot before it answers.
#[derive(Debug)]
pub enum Change {
    /// Registers an application.
    CreateApplication {
        /// What it is registered with; settled.
        spec: ApplicationSpec,
        /// The HMAC of its client secret, for applications that have one.
        secret: Option<[u8; 32]>,
    },
    /// Replaces what an application is registered with.
    UpdateApplication {
        /// Which.
        id: ApplicationId,
        /// The version that the caller saw.
        version: i64,
        /// The new spec; settled.
        spec: ApplicationSpec,
    },
    /// Removes an application; everything it was given stops working.
    DeleteApplication {
        /// Which.
        id: ApplicationId,
        /// The version that the caller saw.
        version: i64,
    },
    /// Changes the tenant's name or settings.
    UpdateTenant {
        /// The version that the caller saw.
        version: i64,
        /// The new name.
        name: String,
        /// The new settings; checked by the owner.
        settings: TenantSettings,
    },
}

/// What a change made.
#[derive(Clone, Debug)]
pub enum Changed {
    /// The application as it stands now.
    Application(Application),
    /// The application is gone.
    Gone,
    /// The tenant as it stands now.
    Tenant(Tenant),
}

/// A change and who makes it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) change: Change,
    pub(crate) actor: Actor,
}
