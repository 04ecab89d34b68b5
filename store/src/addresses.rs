//! Where tenants are found: a table of the platform, whose rows are never deleted.

use bailiwick_domain::TenantId;
use bailiwick_entities::addresses;
use sea_orm::{ConnectionTrait, EntityTrait as _, IntoActiveModel as _};

use crate::error::{Error, Result};
use crate::tx::TenantTx;

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The tenant.
    pub tenant: TenantId,
    /// Whether the tenant's issuer is here; other addresses redirect pages to it.
    pub canonical: bool,
    /// It leads nowhere any more, and will never lead elsewhere.
    pub retired: bool,
}

/// What is at `slug:acme` or `host:login.acme.example`. Takes either kind of transaction: routing
/// happens before the tenant is known.
///
/// # Errors
/// When the database fails.
pub async fn resolve(tx: &impl ConnectionTrait, address: &str) -> Result<Option<Address>> {
    let row = addresses::Entity::find_by_id(address).one(tx).await?;
    Ok(row.map(|row| Address {
        tenant: TenantId(row.tenant_id),
        canonical: row.canonical,
        retired: row.retired_at.is_some(),
    }))
}

/// Takes an address for a tenant, for ever.
///
/// # Errors
/// [`Error::Taken`] when it is, or once was, a tenant's.
pub async fn claim(tx: &TenantTx, address: &str, tenant: TenantId, canonical: bool) -> Result<()> {
    let row = addresses::Model {
        address: address.to_owned(),
        tenant_id: tenant.0,
        canonical,
        retired_at: None,
    };
    addresses::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("address"))?;
    Ok(())
}
