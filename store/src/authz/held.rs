//! The roles that somebody has, with what they permit: what access tokens tell.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::{ApplicationId, OrganizationId, TenantId, UserId};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::error::Result;
use crate::grants::member;
use crate::lookups::Rows;
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

/// Who has roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A user: directly and by groups, in the whole tenant and in the organization, of which it
    /// must be a member.
    User(UserId, Option<OrganizationId>),
    /// An application, in the whole tenant.
    Application(ApplicationId),
}

/// Roles by name, each with what it permits.
pub type Held = BTreeMap<String, Vec<String>>;

const OF_USERS: &str = concat!(
    "SELECT cmd.tenant_id, cmd.user_id AS id, cmd.organization_id, r.role, p.permissions FROM cmd \
     JOIN role_assignments r ON r.tenant_id = cmd.tenant_id AND r.user_id = cmd.user_id \
     JOIN roles p ON p.tenant_id = r.tenant_id AND p.name = r.role \
     WHERE r.organization_id = $1 OR (r.organization_id = cmd.organization_id AND ",
    member!("cmd", "$1"),
    ") UNION ALL \
     SELECT cmd.tenant_id, cmd.user_id AS id, cmd.organization_id, r.role, p.permissions FROM cmd \
     JOIN group_members g ON g.tenant_id = cmd.tenant_id AND g.user_id = cmd.user_id \
     JOIN role_assignments r ON r.tenant_id = g.tenant_id AND r.group_id = g.group_id \
     JOIN roles p ON p.tenant_id = r.tenant_id AND p.name = r.role \
     WHERE r.organization_id = $1 OR (r.organization_id = cmd.organization_id AND ",
    member!("cmd", "$1"),
    ")"
);

const OF_APPLICATIONS: &str = "SELECT cmd.tenant_id, cmd.id, r.role, p.permissions FROM cmd \
     JOIN role_assignments r ON r.tenant_id = cmd.tenant_id AND r.application_id = cmd.id \
     AND r.organization_id = $1 \
     JOIN roles p ON p.tenant_id = r.tenant_id AND p.name = r.role";

/// The roles of users and applications of any tenants of the transaction; nothing for whoever has
/// none.
///
/// # Errors
/// When the database fails; for each holder [`crate::Error::Corrupt`].
pub(crate) async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, Holder)>,
) -> Result<Rows<Holder, Held>> {
    let (mut users, mut applications) = (Vec::new(), BTreeSet::new());
    for (tenant, holder) in wanted {
        match holder {
            Holder::User(user, organization) => {
                let organization = organization.map_or(Uuid::nil(), |o| o.0);
                users.push([tenant.0.into(), user.0.into(), organization.into()]);
            }
            Holder::Application(id) => drop(applications.insert((*tenant, *id))),
        }
    }
    let columns = [("tenant_id", "uuid"), ("user_id", "uuid"), ("organization_id", "uuid")];
    let none = [Uuid::nil().into()];
    let mut found = Rows::new();
    for row in (Set { columns, rows: users }).run(tx, OF_USERS, &none).await? {
        let holder = Holder::User(row.id("id")?, row.maybe_id("organization_id")?);
        add(&mut found, holder, &row)?;
    }
    for row in Set::of_ids(&applications).run(tx, OF_APPLICATIONS, &none).await? {
        add(&mut found, Holder::Application(row.id("id")?), &row)?;
    }
    Ok(found)
}

fn add(found: &mut Rows<Holder, Held>, holder: Holder, row: &QueryResult) -> Result<()> {
    let held = found.entry((row.id("tenant_id")?, holder)).or_insert_with(|| Ok(Held::new()));
    match row.json("permissions", "role") {
        Ok(permissions) => {
            if let Ok(held) = held {
                held.insert(row.value("role")?, permissions);
            }
        }
        Err(e) => *held = Err(e),
    }
    Ok(())
}
