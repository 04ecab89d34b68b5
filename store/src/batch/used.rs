//! Sessions that were used live on.

use std::collections::BTreeMap;

use bailiwick_domain::Timestamp;

use super::{Action, Command};
use crate::error::Result;
use crate::sql::Set;
use crate::tx::TenantTx;

/// Runs before anything else, because sessions come first in the order of tables. A session that
/// is not alive stays so.
pub(super) async fn run(tx: &TenantTx, commands: &[Command], now: Timestamp) -> Result<()> {
    let mut used = BTreeMap::new();
    for c in commands {
        if let Action::IssueGrant(issue) = &c.action
            && let (Some(session), Some(until)) = (issue.session, issue.session_until)
        {
            let latest = used.entry((c.tenant, session)).or_insert(until);
            *latest = until.max(*latest);
        }
    }
    let rows = used
        .into_iter()
        .map(|((tenant, id), until)| [tenant.0.into(), id.0.into(), until.0.into()])
        .collect();
    let columns = [("tenant_id", "uuid"), ("id", "uuid"), ("until", "bigint")];
    let sql = "UPDATE sessions SET last_used_at = $1, idle_expires_at = \
         CASE WHEN cmd.until < sessions.expires_at THEN cmd.until ELSE sessions.expires_at END \
         FROM cmd WHERE sessions.tenant_id = cmd.tenant_id AND sessions.id = cmd.id \
         AND sessions.ended_at IS NULL AND sessions.expires_at > $1 \
         AND sessions.idle_expires_at > $1";
    Set { columns, rows }.run(tx, sql, &[now.0.into()]).await?;
    Ok(())
}
