//! Tenants.

use bailiwick_domain::{OrganizationId, Tenant, TenantId, TenantSettings, Timestamp};
use bailiwick_entities::tenants;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use crate::error::{Error, Result};
use crate::sql::{self, from_json, json};
use crate::tx::TenantTx;

/// A tenant that is not removed.
///
/// # Errors
/// [`Error::Corrupt`] when its settings are not readable.
pub async fn get(tx: &TenantTx, tenant: TenantId) -> Result<Option<Tenant>> {
    let row = tenants::Entity::find_by_id(tenant.0)
        .filter(tenants::Column::DeletedAt.is_null())
        .one(tx)
        .await?;
    row.map(read).transpose()
}

/// Stores a new tenant.
///
/// # Errors
/// [`Error::Taken`] when its slug, short id or issuer is, or once was, another's.
pub async fn insert(tx: &TenantTx, tenant: &Tenant) -> Result<()> {
    let row = tenants::Model {
        tenant_id: tenant.id.0,
        slug: tenant.slug.clone(),
        short_id: tenant.short_id.clone(),
        name: tenant.name.clone(),
        issuer: tenant.issuer.clone(),
        organization_id: tenant.organization_id.map(|o| o.0),
        settings: json(&tenant.settings),
        version: tenant.version,
        created_at: tenant.created_at.0,
        updated_at: tenant.updated_at.0,
        deleted_at: None,
    };
    tenants::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("tenant"))?;
    Ok(())
}

/// Changes the name and the settings of a tenant.
///
/// # Errors
/// [`Error::Stale`] when it has another version by now, or is removed.
pub async fn update(
    tx: &TenantTx,
    tenant: TenantId,
    expected_version: i64,
    (name, settings): (&str, &TenantSettings),
    now: Timestamp,
) -> Result<Tenant> {
    let changed = sql::exec(
        tx,
        "UPDATE tenants SET name = $3, settings = $4, version = version + 1, updated_at = $5 \
         WHERE tenant_id = $1 AND version = $2 AND deleted_at IS NULL",
        [
            tenant.0.into(),
            expected_version.into(),
            name.into(),
            json(settings).into(),
            now.0.into(),
        ],
    )
    .await?;
    let found = if changed == 1 { get(tx, tenant).await? } else { None };
    found.ok_or(Error::Stale("tenant"))
}

fn read(row: tenants::Model) -> Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.tenant_id),
        slug: row.slug,
        short_id: row.short_id,
        name: row.name,
        issuer: row.issuer,
        organization_id: row.organization_id.map(OrganizationId),
        settings: from_json(row.settings, "tenant")?,
        version: row.version,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

#[cfg(test)]
mod tests;
