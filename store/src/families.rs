//! Families of refresh tokens: a token is family, generation and MAC, so a family is one row.

use std::collections::BTreeSet;

use bailiwick_domain::{
    ApplicationId, CommandId, FamilyId, GrantId, OrganizationId, ScopeSet, SessionId, TenantId,
    Timestamp, UserId,
};
use sea_orm::QueryResult;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::Result;
use crate::grants::member;
use crate::lookups::Rows;
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

/// A family of refresh tokens with its grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyRow {
    /// The grant that it extends.
    pub grant: GrantId,
    /// The application that it was issued to.
    pub application: ApplicationId,
    /// The user that it is about.
    pub user: UserId,
    /// The organization that the grant is for.
    pub organization: Option<OrganizationId>,
    /// The session that the grant was given in.
    pub session: Option<SessionId>,
    /// What was granted.
    pub scopes: ScopeSet,
    /// The generation that is valid now, from 0.
    pub generation: i64,
    /// When that generation was issued.
    pub rotated_at: Timestamp,
    /// The command that issued it.
    pub rotated_by: Option<CommandId>,
    /// What was kept for the token endpoint.
    pub details: Json,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Whether the grant is revoked.
    pub grant_revoked: bool,
    /// Whether the user is active, not removed, and in the organization that the grant is for.
    pub user_active: bool,
}

/// One family, whatever its state.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: FamilyId) -> Result<Option<FamilyRow>> {
    find(tx, &BTreeSet::from([(tenant, id)])).await?.remove(&(tenant, id)).transpose()
}

/// Families of any tenants of the transaction, whatever their state.
///
/// # Errors
/// When the database fails; for each family [`crate::Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, FamilyId)>,
) -> Result<Rows<FamilyId, FamilyRow>> {
    const SQL: &str = concat!(
        "SELECT f.tenant_id, f.id, f.grant_id, f.application_id, f.user_id, f.generation, f.rotated_at, \
         f.command_id, f.details, f.created_at, f.expires_at, f.revoked_at, g.organization_id, \
         g.session_id, g.scopes, g.revoked_at AS grant_revoked_at, \
         COALESCE(u.active AND u.deleted_at IS NULL AND ",
        member!("g", "$1"),
        ", false) AS user_active \
         FROM cmd JOIN refresh_families f ON f.tenant_id = cmd.tenant_id AND f.id = cmd.id \
         JOIN grants g ON g.tenant_id = f.tenant_id AND g.id = f.grant_id \
         JOIN users u ON u.tenant_id = f.tenant_id AND u.id = f.user_id"
    );
    let rows = Set::of_ids(wanted).run(tx, SQL, &[Uuid::nil().into()]).await?;
    rows.iter().map(|row| Ok(((row.id("tenant_id")?, row.id("id")?), read(row)))).collect()
}

fn read(row: &QueryResult) -> Result<FamilyRow> {
    Ok(FamilyRow {
        grant: row.id("grant_id")?,
        application: row.id("application_id")?,
        user: row.id("user_id")?,
        organization: row.maybe_id("organization_id")?,
        session: row.maybe_id("session_id")?,
        scopes: row.json("scopes", "grant")?,
        generation: row.value("generation")?,
        rotated_at: row.time("rotated_at")?,
        rotated_by: row.maybe_id("command_id")?,
        details: row.value("details")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
        grant_revoked: row.maybe_time("grant_revoked_at")?.is_some(),
        user_active: row.value("user_active")?,
    })
}
