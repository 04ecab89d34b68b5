//! Authorization codes: read before they are redeemed, and afterwards to see why one was lost.

use bailiwick_domain::{
    ApplicationId, CommandId, GrantId, OrganizationId, ScopeSet, SessionId, TenantId, Timestamp,
    UserId,
};
use serde_json::Value as Json;

use crate::error::Result;
use crate::sql::{self, Row as _};
use crate::tx::TenantTx;

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
    /// The command that redeemed it: a command whose answer was lost finds itself here.
    pub used_by: Option<CommandId>,
    /// Whether the grant is revoked.
    pub grant_revoked: bool,
}

/// The code that has this MAC, whatever its state.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, mac: &[u8; 32]) -> Result<Option<CodeRow>> {
    sql::one(
        tx,
        "SELECT c.grant_id, c.application_id, c.details, c.created_at, c.expires_at, c.used_at, \
         c.command_id, g.user_id, g.organization_id, g.session_id, g.scopes, \
         g.revoked_at AS grant_revoked_at \
         FROM codes c JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
         WHERE c.tenant_id = $1 AND c.mac = $2",
        [tenant.0.into(), mac.to_vec().into()],
    )
    .await?
    .map(|row| {
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
    })
    .transpose()
}
