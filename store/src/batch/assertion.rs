//! Using client assertions up.

use std::collections::BTreeMap;

use bailiwick_domain::{ApplicationId, TenantId};

use super::{Action, Command, Outcome};
use crate::error::Result;
use crate::sql::{Row as _, Set, bytes32};
use crate::tx::TenantTx;

pub(super) async fn run(
    tx: &TenantTx,
    commands: &[Command],
    outcomes: &mut [Outcome],
) -> Result<()> {
    // One assertion twice in a batch: the first is fresh.
    let mut wanted = BTreeMap::new();
    for (i, c) in commands.iter().enumerate() {
        if let Action::UseAssertion(a) = &c.action {
            wanted.entry((c.tenant, a.application, a.jti_hash)).or_insert((i, a.expires_at));
        }
    }
    let rows = wanted
        .iter()
        .map(|((tenant, application, hash), (_, expires_at))| {
            [tenant.0.into(), application.0.into(), hash.to_vec().into(), expires_at.0.into()]
        })
        .collect();
    let columns = [
        ("tenant_id", "uuid"),
        ("application_id", "uuid"),
        ("jti_hash", "bytea"),
        ("expires_at", "bigint"),
    ];
    let sql = "INSERT INTO assertion_jtis (tenant_id, application_id, jti_hash, expires_at) \
         SELECT tenant_id, application_id, jti_hash, expires_at FROM cmd \
         WHERE tenant_id IS NOT NULL ON CONFLICT DO NOTHING \
         RETURNING tenant_id, application_id, jti_hash";
    for row in (Set { columns, rows }).run(tx, sql, &[]).await? {
        let key: (TenantId, ApplicationId, [u8; 32]) = (
            row.id("tenant_id")?,
            row.id("application_id")?,
            bytes32(row.value("jti_hash")?, "assertion")?,
        );
        if let Some((i, _)) = wanted.get(&key) {
            outcomes[*i] = Outcome::Fresh;
        }
    }
    Ok(())
}
