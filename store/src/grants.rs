//! Grants: one authorization by one user for one application (RFC 6749 section 1.3).

use std::collections::BTreeSet;

use bailiwick_domain::{
    ApplicationId, GrantId, OrganizationId, ScopeSet, SessionId, TenantId, Timestamp, UserId,
};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::batch::revoke;
use crate::consents::Parties;
use crate::error::Result;
use crate::lookups::Rows;
use crate::sql::{self, Row as _, Set};
use crate::tx::TenantTx;

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who authorized.
    pub user: UserId,
    /// Which application.
    pub application: ApplicationId,
    /// For which organization.
    pub organization: Option<OrganizationId>,
    /// The session that it was given in.
    pub session: Option<SessionId>,
    /// What.
    pub scopes: ScopeSet,
    /// When it was given.
    pub created_at: Timestamp,
    /// When nothing that it gave works any longer.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whether the user of `$row` is a member of its organization, if it names one; `$none`, a
/// parameter, is the id that stands for none.
macro_rules! member {
    ($row:literal, $none:literal) => {
        concat!(
            "(",
            $row,
            ".organization_id = ",
            $none,
            " OR (SELECT true FROM members m \
             JOIN organizations o ON o.tenant_id = m.tenant_id AND o.id = m.organization_id \
             WHERE m.tenant_id = ",
            $row,
            ".tenant_id \
             AND m.organization_id = ",
            $row,
            ".organization_id \
             AND m.user_id = ",
            $row,
            ".user_id AND o.deleted_at IS NULL))"
        )
    };
}
pub(crate) use member;

/// What must hold for a grant `g` to give anything: the one rule of every statement that issues.
/// `$1` is the present time, `$2` the id that stands for no organization.
macro_rules! alive {
    () => {
        concat!(
            "g.revoked_at IS NULL AND g.expires_at > $1 AND (\
             SELECT true FROM users u JOIN applications a ON a.tenant_id = u.tenant_id \
             WHERE u.tenant_id = g.tenant_id AND u.id = g.user_id AND u.active \
             AND u.deleted_at IS NULL AND a.id = g.application_id AND a.deleted_at IS NULL) AND ",
            $crate::grants::member!("g", "$2")
        )
    };
}
pub(crate) use alive;

/// One grant, revoked or not.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: GrantId) -> Result<Option<Grant>> {
    find(tx, &BTreeSet::from([(tenant, id)])).await?.remove(&(tenant, id)).transpose()
}

/// Grants of any tenants of the transaction, revoked or not.
///
/// # Errors
/// When the database fails; for each grant [`crate::Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, GrantId)>,
) -> Result<Rows<GrantId, Grant>> {
    let sql = "SELECT g.tenant_id, g.id, g.user_id, g.application_id, g.organization_id, \
         g.session_id, g.scopes, g.created_at, g.expires_at, g.revoked_at \
         FROM cmd JOIN grants g ON g.tenant_id = cmd.tenant_id AND g.id = cmd.id";
    let rows = Set::of_ids(wanted).run(tx, sql, &[]).await?;
    rows.iter().map(|row| Ok(((row.id("tenant_id")?, row.id("id")?), read(row)))).collect()
}

fn read(row: &QueryResult) -> Result<Grant> {
    Ok(Grant {
        id: row.id("id")?,
        user: row.id("user_id")?,
        application: row.id("application_id")?,
        organization: row.maybe_id("organization_id")?,
        session: row.maybe_id("session_id")?,
        scopes: row.json("scopes", "grant")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}

/// Whether a grant still gives anything: it is neither revoked nor expired, its user is active and
/// in the organization that it is for, and its application registered.
///
/// # Errors
/// When the database fails.
pub async fn is_alive(
    tx: &TenantTx,
    tenant: TenantId,
    id: GrantId,
    now: Timestamp,
) -> Result<bool> {
    const SQL: &str =
        concat!("SELECT g.id FROM grants g WHERE g.tenant_id = $3 AND g.id = $4 AND ", alive!());
    let args = [now.0.into(), Uuid::nil().into(), tenant.0.into(), id.0.into()];
    Ok(sql::one(tx, SQL, args).await?.is_some())
}

/// Revokes every grant that a user gave, with its families; the result is those that this revoked.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_user(
    tx: &TenantTx,
    tenant: TenantId,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<GrantId>> {
    let sql = "SELECT id FROM grants WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL";
    revoke_found(tx, tenant, sql, vec![user.0.into()], now).await
}

/// As [`revoke_of_user`], of one application; for one organization, or for whichever when the
/// parties name none.
pub(crate) async fn revoke_between(
    tx: &TenantTx,
    tenant: TenantId,
    parties: &Parties,
    now: Timestamp,
) -> Result<Vec<GrantId>> {
    let sql = "SELECT id FROM grants WHERE tenant_id = $1 AND user_id = $2 \
         AND application_id = $3 AND (organization_id = $4 OR $4 = $5) AND revoked_at IS NULL";
    let (none, organization) = (Uuid::nil(), parties.organization.map_or(Uuid::nil(), |o| o.0));
    let (user, application) = (parties.user.0, parties.application.0);
    let args = vec![user.into(), application.into(), organization.into(), none.into()];
    revoke_found(tx, tenant, sql, args, now).await
}

/// Revokes every grant that a user gave one application, and forgets what the user allowed it; the
/// result is the grants that this revoked.
///
/// # Errors
/// When the database fails.
pub async fn revoke_of_application(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    application: ApplicationId,
    now: Timestamp,
) -> Result<Vec<GrantId>> {
    let forget = "UPDATE consents SET revoked_at = $4, updated_at = $4, version = version + 1 \
         WHERE tenant_id = $1 AND user_id = $2 AND application_id = $3 AND revoked_at IS NULL";
    let args = [tenant.0.into(), user.0.into(), application.0.into(), now.0.into()];
    sql::exec(tx, forget, args).await?;
    let sql = "SELECT id FROM grants WHERE tenant_id = $1 AND user_id = $2 \
         AND application_id = $3 AND revoked_at IS NULL";
    revoke_found(tx, tenant, sql, vec![user.0.into(), application.0.into()], now).await
}

/// An application that may act for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The application.
    pub application: ApplicationId,
    /// Its live grants, each with what was granted.
    pub scopes: Vec<ScopeSet>,
    /// Since when.
    pub since: Timestamp,
    /// When it was last granted something.
    pub last: Timestamp,
}

/// The applications that hold live grants of a user, the last granted first. It looks at the
/// last thousand grants.
///
/// # Errors
/// When the database fails.
pub async fn connected(
    tx: &TenantTx,
    (tenant, user): (TenantId, UserId),
    now: Timestamp,
) -> Result<Vec<Connected>> {
    let sql = "SELECT application_id, scopes, created_at FROM grants WHERE tenant_id = $1 \
         AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 \
         ORDER BY created_at DESC, id DESC LIMIT 1000";
    let mut found: Vec<Connected> = Vec::new();
    for row in sql::all(tx, sql, [tenant.0.into(), user.0.into(), now.0.into()]).await? {
        let application = row.id("application_id")?;
        let (at, scopes) = (row.time("created_at")?, row.json("scopes", "grant")?);
        match found.iter_mut().find(|c| c.application == application) {
            Some(known) => {
                known.since = at;
                if !known.scopes.contains(&scopes) {
                    known.scopes.push(scopes);
                }
            }
            None => {
                let scopes = vec![scopes];
                found.push(Connected { application, scopes, since: at, last: at });
            }
        }
    }
    Ok(found)
}

async fn revoke_found(
    tx: &TenantTx,
    tenant: TenantId,
    sql: &str,
    args: Vec<Value>,
    now: Timestamp,
) -> Result<Vec<GrantId>> {
    let args = std::iter::once(tenant.0.into()).chain(args).collect::<Vec<_>>();
    let rows = sql::all(tx, sql, args).await?;
    let found = rows.iter().map(|row| Ok((tenant, row.id("id")?))).collect::<Result<Vec<_>>>()?;
    let mut changes = Vec::new();
    let revoked = revoke::grants(tx, found, now, &mut changes).await?;
    revoke::announce(tx, changes).await?;
    Ok(revoked.into_iter().map(|(_, id)| id).collect())
}
