//! Organizations of a tenant and their members.

use std::collections::BTreeSet;

use bailiwick_domain::authz::{ORGANIZATION, USER};
use bailiwick_domain::{OrganizationId, TenantId, Timestamp, UserId};
use bailiwick_entities::{members, organizations};
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QueryResult};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::authz::{lock, policies};
use crate::changes;
use crate::error::{Error, Result};
use crate::lookups::Rows;
use crate::sql::{self, Row as _, Set, json, readable};
use crate::tx::TenantTx;

/// An organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Shown to people.
    pub name: String,
    /// What policies know about it, by name.
    pub attributes: Map<String, Json>,
    /// The customer tenant that it stands for, in the `system` tenant.
    pub customer_tenant_id: Option<TenantId>,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An organization to create.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Shown to people.
    pub name: String,
    /// What policies know about it, by name.
    pub attributes: Map<String, Json>,
    /// The customer tenant that it stands for, in the `system` tenant.
    pub customer_tenant_id: Option<TenantId>,
}

/// A user's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The customer tenant that it stands for.
    pub customer_tenant_id: Option<TenantId>,
    /// What the member may do.
    pub role: String,
}

const COLUMNS: &str = "o.tenant_id, o.id, o.name, o.attributes, o.customer_tenant_id, o.version, \
     o.created_at, o.updated_at";

/// Creates an organization.
///
/// # Errors
/// [`Error::Taken`] when the customer has one already.
pub async fn insert(
    tx: &TenantTx,
    tenant: TenantId,
    new: &NewOrganization,
    now: Timestamp,
) -> Result<Organization> {
    let row = organizations::Model {
        tenant_id: tenant.0,
        id: new.id.0,
        name: new.name.clone(),
        attributes: json(&new.attributes),
        customer_tenant_id: new.customer_tenant_id.map(|c| c.0),
        version: 1,
        created_at: now.0,
        updated_at: now.0,
        deleted_at: None,
    };
    organizations::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("organization"))?;
    changes::entity(tx, tenant, (ORGANIZATION, new.id), now).await?;
    let new = new.clone();
    Ok(Organization {
        id: new.id,
        name: new.name,
        attributes: new.attributes,
        customer_tenant_id: new.customer_tenant_id,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// One organization.
///
/// # Errors
/// When the database fails.
pub async fn get(
    tx: &TenantTx,
    tenant: TenantId,
    id: OrganizationId,
) -> Result<Option<Organization>> {
    find(tx, &BTreeSet::from([(tenant, id)])).await?.remove(&(tenant, id)).transpose()
}

/// Organizations of any tenants of the transaction.
///
/// # Errors
/// When the database fails; for each organization [`Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, OrganizationId)>,
) -> Result<Rows<OrganizationId, Organization>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM cmd JOIN organizations o ON o.tenant_id = cmd.tenant_id \
         AND o.id = cmd.id WHERE o.deleted_at IS NULL"
    );
    let rows = Set::of_ids(wanted).run(tx, &sql, &[]).await?;
    rows.iter().map(|row| Ok(((row.id("tenant_id")?, row.id("id")?), read(row)))).collect()
}

/// The organization that stands for a customer tenant.
///
/// # Errors
/// When the database fails.
pub async fn get_by_customer(
    tx: &TenantTx,
    system: TenantId,
    customer: TenantId,
) -> Result<Option<Organization>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM organizations o WHERE o.tenant_id = $1 \
         AND o.customer_tenant_id = $2 AND o.deleted_at IS NULL"
    );
    let row = sql::one(tx, &sql, [system.0.into(), customer.0.into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Changes the name and the attributes of an organization whose `version` is still the present
/// one; the result is how it is then.
///
/// # Errors
/// [`Error::Stale`] when its version is another one or it is gone.
pub async fn update(
    tx: &TenantTx,
    tenant: TenantId,
    to: &Organization,
    now: Timestamp,
) -> Result<Organization> {
    let args = [
        tenant.0.into(),
        to.id.0.into(),
        to.version.into(),
        to.name.as_str().into(),
        json(&to.attributes).into(),
        now.0.into(),
    ];
    let sql = "UPDATE organizations SET name = $4, attributes = $5, updated_at = $6, \
         version = version + 1 WHERE tenant_id = $1 AND id = $2 AND version = $3 \
         AND deleted_at IS NULL";
    if sql::exec(tx, sql, args).await? != 1 {
        return Err(Error::Stale("organization"));
    }
    changes::entity(tx, tenant, (ORGANIZATION, to.id), now).await?;
    Ok(Organization { version: to.version + 1, updated_at: now, ..to.clone() })
}

/// Removes an organization: nobody is in it from here on. Its rows are erased by
/// [`crate::jobs::purge_deleted`].
///
/// # Errors
/// [`Error::Stale`] when its version is not `version` or it is gone.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    (id, version): (OrganizationId, i64),
    now: Timestamp,
) -> Result<()> {
    lock(tx, tenant).await?;
    let sql = "UPDATE organizations SET deleted_at = $4, updated_at = $4, version = version + 1 \
         WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL";
    let args = [tenant.0.into(), id.0.into(), version.into(), now.0.into()];
    if sql::exec(tx, sql, args).await? != 1 {
        return Err(Error::Stale("organization"));
    }
    policies::forget(tx, (tenant, id), now).await?;
    // Its members look different too.
    changes::every_entity(tx, tenant, now).await
}

/// The organizations after a position, oldest first: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<(Timestamp, OrganizationId)>,
    limit: u64,
) -> Result<Vec<Organization>> {
    let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.0, id.0));
    let sql = format!(
        "SELECT {COLUMNS} FROM organizations o WHERE o.tenant_id = $1 AND o.deleted_at IS NULL \
         AND (o.created_at, o.id) > ($2, $3) ORDER BY o.created_at, o.id LIMIT $4"
    );
    let args = [tenant.0.into(), at.into(), id.into(), sql::limit(limit)];
    Ok(sql::all(tx, &sql, args).await?.iter().filter_map(|row| readable(read(row))).collect())
}

/// The ids of the organizations after an id, in their order: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn ids_after(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<OrganizationId>,
    limit: u64,
) -> Result<Vec<OrganizationId>> {
    let sql = "SELECT id FROM organizations WHERE tenant_id = $1 AND id > $2 \
         AND deleted_at IS NULL ORDER BY id LIMIT $3";
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let rows = sql::all(tx, sql, [tenant.0.into(), after.into(), sql::limit(limit)]).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// Makes a user a member, with a role.
///
/// # Errors
/// [`Error::Taken`] when it is one.
pub async fn add_member(
    tx: &TenantTx,
    tenant: TenantId,
    (organization, user, role): (OrganizationId, UserId, &str),
    now: Timestamp,
) -> Result<()> {
    let row = members::Model {
        tenant_id: tenant.0,
        organization_id: organization.0,
        user_id: user.0,
        role: role.to_owned(),
        created_at: now.0,
    };
    members::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("member"))?;
    changes::entity(tx, tenant, (USER, user), now).await
}

/// The organizations that a user is a member of, oldest membership first.
///
/// # Errors
/// When the database fails.
pub async fn list_memberships(
    tx: &TenantTx,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<Membership>> {
    let rows = sql::all(
        tx,
        "SELECT m.organization_id, m.role, o.customer_tenant_id FROM members m \
         JOIN organizations o ON o.tenant_id = m.tenant_id AND o.id = m.organization_id \
         WHERE m.tenant_id = $1 AND m.user_id = $2 AND o.deleted_at IS NULL \
         ORDER BY m.created_at, m.organization_id",
        [tenant.0.into(), user.0.into()],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Membership {
                organization_id: row.id("organization_id")?,
                customer_tenant_id: row.maybe_id("customer_tenant_id")?,
                role: row.value("role")?,
            })
        })
        .collect()
}

fn read(row: &QueryResult) -> Result<Organization> {
    Ok(Organization {
        id: row.id("id")?,
        name: row.value("name")?,
        attributes: row.json("attributes", "organization")?,
        customer_tenant_id: row.maybe_id("customer_tenant_id")?,
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
