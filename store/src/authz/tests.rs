//! What the tests of authorization share.

use bailiwick_domain::{GroupId, OrganizationId, TenantId, Timestamp, UserId};
use serde_json::{Map, json};

use super::groups::{self, Group};
use super::roles::{self, Role};
use crate::error::Result;
use crate::organizations::{self, NewOrganization};
use crate::sql::{self, Row as _};
use crate::testing::{NOW, id, user};
use crate::tx::TenantTx;
use crate::users;

mod entities;
mod objects;
mod policies;
mod roles_and_members;

async fn group(tx: &TenantTx, tenant: TenantId, name: &str) -> Result<GroupId> {
    let new = Group {
        id: id(),
        name: name.to_owned(),
        attributes: Map::from_iter([("level".to_owned(), json!(1))]),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    };
    groups::insert(tx, tenant, &new).await?;
    assert_eq!(groups::get(tx, tenant, new.id).await?.as_ref(), Some(&new));
    Ok(new.id)
}

async fn organization(tx: &TenantTx, tenant: TenantId, name: &str) -> Result<OrganizationId> {
    let new = NewOrganization {
        id: id(),
        name: name.to_owned(),
        attributes: Map::new(),
        customer_tenant_id: None,
    };
    Ok(organizations::insert(tx, tenant, &new, NOW).await?.id)
}

async fn role(tx: &TenantTx, tenant: TenantId, name: &str) -> Result<Role> {
    let new = Role {
        name: name.to_owned(),
        description: String::new(),
        permissions: vec!["read".into(), "write".into()],
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    };
    roles::insert(tx, tenant, &new).await?;
    Ok(new)
}

async fn person(tx: &TenantTx, tenant: TenantId, email: &str) -> Result<UserId> {
    Ok(users::create(tx, tenant, &user(id(), email), NOW).await?.id)
}

/// The keys of the changes of a topic that a tenant has seen at a time, in order.
async fn told(tx: &TenantTx, tenant: TenantId, topic: &str, at: Timestamp) -> Result<Vec<String>> {
    let sql = "SELECT key FROM changes WHERE tenant_id = $1 AND topic = $2 AND at = $3 \
         ORDER BY seq";
    let rows = sql::all(tx, sql, [tenant.0.into(), topic.into(), at.0.into()]).await?;
    rows.iter().map(|row| row.value("key")).collect()
}
