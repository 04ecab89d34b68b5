//! Roles: names for what may be done.

use bailiwick_domain::{TenantId, Timestamp};
use bailiwick_entities::roles;
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QueryResult};

use super::{lock, policies};
use crate::changes;
use crate::error::{Error, Result};
use crate::sql::{self, Row as _, json, readable};
use crate::tx::TenantTx;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name, which is its id.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The names of the actions that it allows.
    pub permissions: Vec<String>,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "tenant_id, name, description, permissions, version, created_at, updated_at";

/// Creates a role.
///
/// # Errors
/// [`Error::Taken`] when there is one of this name.
pub async fn insert(tx: &TenantTx, tenant: TenantId, new: &Role) -> Result<()> {
    let row = roles::Model {
        tenant_id: tenant.0,
        name: new.name.clone(),
        description: new.description.clone(),
        permissions: json(&new.permissions),
        version: new.version,
        created_at: new.created_at.0,
        updated_at: new.updated_at.0,
    };
    roles::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("name"))?;
    policies::roles_changed(tx, tenant, new.created_at).await
}

/// One role.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, name: &str) -> Result<Option<Role>> {
    let sql = format!("SELECT {COLUMNS} FROM roles WHERE tenant_id = $1 AND name = $2");
    let row = sql::one(tx, &sql, [tenant.0.into(), name.into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Changes the description and the permissions of a role whose `version` is still the present one;
/// the result is how it is then.
///
/// # Errors
/// [`Error::Stale`] when its version is another one or it is gone.
pub async fn update(tx: &TenantTx, tenant: TenantId, to: &Role, now: Timestamp) -> Result<Role> {
    let sql = "UPDATE roles SET description = $4, permissions = $5, updated_at = $6, \
         version = version + 1 WHERE tenant_id = $1 AND name = $2 AND version = $3";
    let args = [
        tenant.0.into(),
        to.name.as_str().into(),
        to.version.into(),
        to.description.as_str().into(),
        json(&to.permissions).into(),
        now.0.into(),
    ];
    if sql::exec(tx, sql, args).await? != 1 {
        return Err(Error::Stale("role"));
    }
    policies::roles_changed(tx, tenant, now).await?;
    Ok(Role { version: to.version + 1, updated_at: now, ..to.clone() })
}

/// Removes a role, from everybody who has it too: the result is from how many.
///
/// # Errors
/// [`Error::Stale`] when its version is not `version` or it is gone.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    (name, version): (&str, i64),
    now: Timestamp,
) -> Result<u64> {
    // Nobody gets it meanwhile: whoever made a role of this name again would give it to them.
    lock(tx, tenant).await?;
    let sql = "DELETE FROM roles WHERE tenant_id = $1 AND name = $2 AND version = $3";
    if sql::exec(tx, sql, [tenant.0.into(), name.into(), version.into()]).await? != 1 {
        return Err(Error::Stale("role"));
    }
    let sql = "DELETE FROM role_assignments WHERE tenant_id = $1 AND role = $2";
    let taken = sql::exec(tx, sql, [tenant.0.into(), name.into()]).await?;
    if taken > 0 {
        changes::every_entity(tx, tenant, now).await?;
    }
    policies::roles_changed(tx, tenant, now).await?;
    Ok(taken)
}

/// The roles after a name, in the order of names: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Role>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM roles WHERE tenant_id = $1 AND name > $2 ORDER BY name LIMIT $3"
    );
    let args = [tenant.0.into(), after.unwrap_or_default().into(), sql::limit(limit)];
    Ok(sql::all(tx, &sql, args).await?.iter().filter_map(|row| readable(read(row))).collect())
}

/// How many roles a tenant has.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &TenantTx, tenant: TenantId) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM roles WHERE tenant_id = $1";
    sql::one(tx, sql, [tenant.0.into()]).await?.map_or(Ok(0), |row| row.value("n"))
}

fn read(row: &QueryResult) -> Result<Role> {
    Ok(Role {
        name: row.value("name")?,
        description: row.value("description")?,
        permissions: row.json("permissions", "role")?,
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
