//! Organizations of a tenant and their members.

use bailiwick_domain::{OrganizationId, TenantId, Timestamp, UserId};
use bailiwick_entities::{members, organizations};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Shown to people.
    pub name: String,
    /// The customer tenant that it stands for, in the `system` tenant.
    pub customer_tenant_id: Option<TenantId>,
    /// Counts its changes, from 1.
    pub version: i64,
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

/// Stores an organization: its id, its name and the customer tenant that it stands for.
///
/// # Errors
/// [`Error::Taken`] when the customer has one already.
pub async fn insert(
    tx: &TenantTx,
    tenant: TenantId,
    (id, name, customer): (OrganizationId, &str, Option<TenantId>),
    now: Timestamp,
) -> Result<()> {
    let row = organizations::Model {
        tenant_id: tenant.0,
        id: id.0,
        name: name.to_owned(),
        customer_tenant_id: customer.map(|c| c.0),
        version: 1,
        created_at: now.0,
        updated_at: now.0,
        deleted_at: None,
    };
    organizations::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("organization"))?;
    Ok(())
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
    let row = organizations::Entity::find()
        .filter(organizations::Column::TenantId.eq(system.0))
        .filter(organizations::Column::CustomerTenantId.eq(customer.0))
        .filter(organizations::Column::DeletedAt.is_null())
        .one(tx)
        .await?;
    Ok(row.map(|row| Organization {
        id: OrganizationId(row.id),
        name: row.name,
        customer_tenant_id: row.customer_tenant_id.map(TenantId),
        version: row.version,
    }))
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
    Ok(())
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
