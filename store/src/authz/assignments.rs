//! Who has which role, and where.

use bailiwick_domain::authz::{APPLICATION, GROUP, USER};
use bailiwick_domain::{
    ApplicationId, AssignmentId, GroupId, OrganizationId, TenantId, Timestamp, UserId,
};
use bailiwick_entities::role_assignments;
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QueryResult, Value};
use uuid::Uuid;

use super::lock;
use crate::changes;
use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// Who has a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// A user.
    User(UserId),
    /// The users of a group.
    Group(GroupId),
    /// An application.
    Application(ApplicationId),
}

/// A role that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// The name of the role.
    pub role: String,
    /// Who has it.
    pub assignee: Assignee,
    /// Where it holds; `None` is the whole tenant.
    pub organization: Option<OrganizationId>,
    /// When it was given.
    pub created_at: Timestamp,
}

/// Which assignments are wanted: those that all of these fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this user, and not those of its groups.
    pub user: Option<UserId>,
    /// Of this group.
    pub group: Option<GroupId>,
    /// Of this application.
    pub application: Option<ApplicationId>,
    /// In this organization.
    pub organization: Option<OrganizationId>,
    /// Of this role.
    pub role: Option<String>,
}

const COLUMNS: &str =
    "id, role, user_id, group_id, application_id, organization_id, created_at, tenant_id";

/// Gives somebody a role.
///
/// # Errors
/// [`Error::Taken`] when it has the role there already; [`Error::NotFound`] names what is not
/// there: `role`, `user`, `group`, `application` or `organization`, or `member`, for a user that
/// is not in the organization.
pub async fn insert(tx: &TenantTx, tenant: TenantId, new: &Assignment) -> Result<()> {
    lock(tx, tenant).await?;
    check(tx, tenant, new).await?;
    let (mut user_id, mut group_id, mut application_id) = (None, None, None);
    match new.assignee {
        Assignee::User(id) => user_id = Some(id.0),
        Assignee::Group(id) => group_id = Some(id.0),
        Assignee::Application(id) => application_id = Some(id.0),
    }
    let row = role_assignments::Model {
        tenant_id: tenant.0,
        id: new.id.0,
        role: new.role.clone(),
        user_id,
        group_id,
        application_id,
        organization_id: new.organization.map_or(Uuid::nil(), |o| o.0),
        created_at: new.created_at.0,
    };
    role_assignments::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("role assignment"))?;
    tell(tx, tenant, new, new.created_at).await
}

/// Whether everything that an assignment names is there.
async fn check(tx: &TenantTx, tenant: TenantId, new: &Assignment) -> Result<()> {
    let (what, table, alive, id) = match new.assignee {
        Assignee::User(id) => ("user", "users", " AND deleted_at IS NULL", id.0),
        Assignee::Group(id) => ("group", "groups", "", id.0),
        Assignee::Application(id) => {
            ("application", "applications", " AND deleted_at IS NULL", id.0)
        }
    };
    let by_id = |table: &str, alive: &str| {
        format!("SELECT id FROM {table} WHERE tenant_id = $1 AND id = $2{alive}")
    };
    let role = "SELECT name FROM roles WHERE tenant_id = $1 AND name = $2".to_owned();
    let mut wanted: Vec<(&'static str, String, Vec<Value>)> = vec![
        ("role", role, vec![tenant.0.into(), new.role.as_str().into()]),
        (what, by_id(table, alive), vec![tenant.0.into(), id.into()]),
    ];
    if let Some(organization) = new.organization {
        let sql = by_id("organizations", " AND deleted_at IS NULL");
        wanted.push(("organization", sql, vec![tenant.0.into(), organization.0.into()]));
        if let Assignee::User(user) = new.assignee {
            let sql = "SELECT user_id FROM members WHERE tenant_id = $1 AND organization_id = $2 \
                 AND user_id = $3";
            let args = vec![tenant.0.into(), organization.0.into(), user.0.into()];
            wanted.push(("member", sql.to_owned(), args));
        }
    }
    for (what, sql, args) in wanted {
        if sql::one(tx, &sql, args).await?.is_none() {
            return Err(Error::NotFound(what));
        }
    }
    Ok(())
}

/// One assignment.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: AssignmentId) -> Result<Option<Assignment>> {
    let sql = format!("SELECT {COLUMNS} FROM role_assignments WHERE tenant_id = $1 AND id = $2");
    sql::one(tx, &sql, [tenant.0.into(), id.0.into()]).await?.map(|row| read(&row)).transpose()
}

/// Takes a role from somebody: the result is what it was.
///
/// # Errors
/// [`Error::NotFound`] when there is no such assignment.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    id: AssignmentId,
    now: Timestamp,
) -> Result<Assignment> {
    let sql = format!(
        "DELETE FROM role_assignments WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let row = sql::one(tx, &sql, [tenant.0.into(), id.0.into()]).await?;
    let gone = read(&row.ok_or(Error::NotFound("role assignment"))?)?;
    tell(tx, tenant, &gone, now).await?;
    Ok(gone)
}

/// The assignments after one, in the order of their ids: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    filter: &Filter,
    after: Option<AssignmentId>,
    limit: u64,
) -> Result<Vec<Assignment>> {
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let mut args: Vec<Value> = vec![tenant.0.into(), after.into(), sql::limit(limit)];
    let mut sql =
        format!("SELECT {COLUMNS} FROM role_assignments WHERE tenant_id = $1 AND id > $2");
    for (column, value) in [
        ("user_id", filter.user.map(|id| Value::from(id.0))),
        ("group_id", filter.group.map(|id| id.0.into())),
        ("application_id", filter.application.map(|id| id.0.into())),
        ("organization_id", filter.organization.map(|id| id.0.into())),
        ("role", filter.role.as_deref().map(Value::from)),
    ] {
        if let Some(value) = value {
            args.push(value);
            sql.push_str(&format!(" AND {column} = ${}", args.len()));
        }
    }
    sql.push_str(" ORDER BY id LIMIT $3");
    sql::all(tx, &sql, args).await?.iter().map(read).collect()
}

/// Tells who looks different.
async fn tell(tx: &TenantTx, tenant: TenantId, it: &Assignment, now: Timestamp) -> Result<()> {
    match it.assignee {
        Assignee::User(id) => changes::entity(tx, tenant, (USER, id), now).await,
        Assignee::Application(id) => changes::entity(tx, tenant, (APPLICATION, id), now).await,
        Assignee::Group(id) if it.organization.is_none() => {
            changes::entity(tx, tenant, (GROUP, id), now).await
        }
        // What holds in an organization is known of each user.
        Assignee::Group(_) => changes::every_entity(tx, tenant, now).await,
    }
}

fn read(row: &QueryResult) -> Result<Assignment> {
    let user = row.maybe_id("user_id")?.map(Assignee::User);
    let group = row.maybe_id("group_id")?.map(Assignee::Group);
    let application = row.maybe_id("application_id")?.map(Assignee::Application);
    Ok(Assignment {
        id: row.id("id")?,
        role: row.value("role")?,
        assignee: user.or(group).or(application).ok_or(Error::Corrupt("role assignment"))?,
        organization: row.maybe_id("organization_id")?,
        created_at: row.time("created_at")?,
    })
}
