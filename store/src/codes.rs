//! Authorization codes: read before they are redeemed, and afterwards to see why one was lost.

use std::collections::BTreeSet;

use bailiwick_domain::{
    ApplicationId, CommandId, GrantId, OrganizationId, ScopeSet, SessionId, TenantId, Timestamp,
    UserId,
};
use sea_orm::QueryResult;
use serde_json::Value as Json;

use crate::error::Result;
use crate::lookups::Rows;
use crate::sql::{Row as _, Set, bytes32};
use crate::tx::TenantTx;

/// What a code is found by: its MAC under the tenant's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeMac(pub [u8; 32]);

/// An authorization code with its grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The grant that it stands for.
    pub grant: GrantId,
    /// The application that it was issued to.
    pub application: ApplicationId,
    /// The user who authorized.
    pub user: UserId,
    /// The organization that the grant is for.
    pub organization: Option<OrganizationId>,
    /// The session that the grant was given in.
    pub session: Option<SessionId>,
    /// What was granted.
    pub scopes: ScopeSet,
    /// What was kept for the token endpoint.
    pub details: Json,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub used_at: Option<Timestamp>,
    /// The command that redeemed it.
    pub used_by: Option<CommandId>,
    /// Whether the grant is revoked.
    pub grant_revoked: bool,
}

/// The code that has this MAC, whatever its state.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, mac: &[u8; 32]) -> Result<Option<CodeRow>> {
    let key = (tenant, CodeMac(*mac));
    find(tx, &BTreeSet::from([key])).await?.remove(&key).transpose()
}

/// Codes of any tenants of the transaction.
///
/// # Errors
/// When the database fails; for each code [`crate::Error::Corrupt`].
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, CodeMac)>,
) -> Result<Rows<CodeMac, CodeRow>> {
    let sql = "SELECT c.tenant_id, c.mac, c.grant_id, c.application_id, c.details, c.created_at, \
         c.expires_at, c.used_at, c.command_id, g.user_id, g.organization_id, g.session_id, \
         g.scopes, g.revoked_at AS grant_revoked_at \
         FROM cmd JOIN codes c ON c.tenant_id = cmd.tenant_id AND c.mac = cmd.mac \
         JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id";
    let rows = wanted.iter().map(|(t, mac)| [t.0.into(), mac.0.to_vec().into()]).collect();
    let found = Set { columns: [("tenant_id", "uuid"), ("mac", "bytea")], rows };
    let found = found.run(tx, sql, &[]).await?;
    found.iter().map(|row| Ok((key(row)?, read(row)))).collect()
}

fn key(row: &QueryResult) -> Result<(TenantId, CodeMac)> {
    Ok((row.id("tenant_id")?, CodeMac(bytes32(row.value("mac")?, "code")?)))
}

fn read(row: &QueryResult) -> Result<CodeRow> {
    Ok(CodeRow {
        grant: row.id("grant_id")?,
        application: row.id("application_id")?,
        user: row.id("user_id")?,
        organization: row.maybe_id("organization_id")?,
        session: row.maybe_id("session_id")?,
        scopes: row.json("scopes", "grant")?,
        details: row.value("details")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.maybe_time("used_at")?,
        used_by: row.maybe_id("command_id")?,
        grant_revoked: row.maybe_time("grant_revoked_at")?.is_some(),
    })
}
