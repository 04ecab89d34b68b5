//! The users of groups and organizations.

use bailiwick_domain::authz::USER;
use bailiwick_domain::{GroupId, OrganizationId, TenantId, Timestamp, UserId};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::changes;
use crate::error::{Error, Result};
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

/// What users are members of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A group.
    Group(GroupId),
    /// An organization.
    Organization(OrganizationId),
}

impl Of {
    /// Its table, the column and its id there; and the table of what it is, with who is alive.
    const fn place(self) -> (&'static str, &'static str, Uuid, &'static str) {
        match self {
            Self::Group(id) => {
                ("group_members", "group_id", id.0, "JOIN groups o ON o.tenant_id = u.tenant_id")
            }
            Self::Organization(id) => (
                "members",
                "organization_id",
                id.0,
                "JOIN organizations o ON o.tenant_id = u.tenant_id AND o.deleted_at IS NULL",
            ),
        }
    }
}

/// A member, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// Its primary e-mail address.
    pub email: Option<String>,
    /// Its display name.
    pub name: Option<String>,
    /// Since when it is a member.
    pub since: Timestamp,
}

/// The members after a user, in the order of their ids: at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    of: Of,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<Member>> {
    let (table, column, id, _) = of.place();
    let sql = format!(
        "SELECT m.user_id, m.created_at, u.name, e.display AS email FROM {table} m \
         JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id \
         LEFT JOIN user_identifiers e ON e.tenant_id = u.tenant_id AND e.id = u.id \
         WHERE m.tenant_id = $1 AND m.{column} = $2 AND m.user_id > $3 AND u.deleted_at IS NULL \
         ORDER BY m.user_id LIMIT $4"
    );
    let after = after.map_or(Uuid::nil(), |user| user.0);
    let args = [tenant.0.into(), id.into(), after.into(), sql::limit(limit)];
    sql::all(tx, &sql, args).await?.iter().map(read).collect()
}

/// How many groups a user is in.
///
/// # Errors
/// When the database fails.
pub async fn groups(tx: &TenantTx, tenant: TenantId, user: UserId) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM group_members WHERE tenant_id = $1 AND user_id = $2";
    let row = sql::one(tx, sql, [tenant.0.into(), user.0.into()]).await?;
    let count: i64 = row.ok_or(Error::NotFound("user"))?.value("n")?;
    Ok(count.unsigned_abs())
}

/// Makes a user a member; `false` when it is one.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user, group or organization.
pub async fn add(
    tx: &TenantTx,
    tenant: TenantId,
    (of, user): (Of, UserId),
    now: Timestamp,
) -> Result<bool> {
    super::lock(tx, tenant).await?;
    let (table, column, id, owner) = of.place();
    // What an organization's member may do in the management API is another thing: nothing.
    let (role, value) = match of {
        Of::Group(_) => ("", ""),
        Of::Organization(_) => (", role", ", 'member'"),
    };
    let sql = format!(
        "INSERT INTO {table} (tenant_id, {column}, user_id, created_at{role}) \
         SELECT u.tenant_id, o.id, u.id, $4{value} FROM users u {owner} AND o.id = $2 \
         WHERE u.tenant_id = $1 AND u.id = $3 AND u.deleted_at IS NULL ON CONFLICT DO NOTHING"
    );
    let args = [tenant.0.into(), id.into(), user.0.into(), now.0.into()];
    if sql::exec(tx, &sql, args).await? == 1 {
        changes::entity(tx, tenant, (USER, user), now).await?;
        return Ok(true);
    }
    let sql = format!(
        "SELECT user_id FROM {table} WHERE tenant_id = $1 AND {column} = $2 AND user_id = $3"
    );
    let is_one = sql::one(tx, &sql, [tenant.0.into(), id.into(), user.0.into()]).await?;
    if is_one.is_some() { Ok(false) } else { Err(Error::NotFound("user")) }
}

/// Takes a user out, with the roles that it has in the organization; `false` when it is no member.
///
/// # Errors
/// When the database fails.
pub async fn remove(
    tx: &TenantTx,
    tenant: TenantId,
    (of, user): (Of, UserId),
    now: Timestamp,
) -> Result<bool> {
    super::lock(tx, tenant).await?;
    let (table, column, id, _) = of.place();
    let key = [tenant.0.into(), id.into(), user.0.into()];
    let sql =
        format!("DELETE FROM {table} WHERE tenant_id = $1 AND {column} = $2 AND user_id = $3");
    if sql::exec(tx, &sql, key.clone()).await? == 0 {
        return Ok(false);
    }
    if let Of::Organization(_) = of {
        let sql = "DELETE FROM role_assignments WHERE tenant_id = $1 AND organization_id = $2 \
             AND user_id = $3";
        sql::exec(tx, sql, key).await?;
    }
    changes::entity(tx, tenant, (USER, user), now).await?;
    Ok(true)
}

fn read(row: &QueryResult) -> Result<Member> {
    Ok(Member {
        user: row.id("user_id")?,
        email: row.value("email")?,
        name: row.value("name")?,
        since: row.time("created_at")?,
    })
}
