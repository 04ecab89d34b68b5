//! Exchanging refresh tokens (RFC 6749 section 6): one conditional update of the family's row.

use std::collections::BTreeMap;

use bailiwick_domain::{CommandId, Timestamp};
use sea_orm::QueryResult;

use super::{Action, Command, Outcome, Rotated};
use crate::error::Result;
use crate::grants::alive;
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

const SQL: &str = concat!(
    "UPDATE refresh_families SET generation = refresh_families.generation + 1, \
     rotated_at = $1, command_id = cmd.command_id FROM cmd \
     WHERE refresh_families.tenant_id = cmd.tenant_id AND refresh_families.id = cmd.id \
     AND refresh_families.application_id = cmd.application_id \
     AND refresh_families.generation = cmd.presented \
     AND refresh_families.revoked_at IS NULL AND refresh_families.expires_at > $1 \
     AND (SELECT true FROM grants g WHERE g.tenant_id = refresh_families.tenant_id \
     AND g.id = refresh_families.grant_id AND ",
    alive!(),
    ") RETURNING refresh_families.command_id, refresh_families.generation, \
     refresh_families.grant_id, refresh_families.user_id, refresh_families.details, \
     refresh_families.created_at, refresh_families.expires_at"
);

pub(super) async fn run(
    tx: &TenantTx,
    commands: &[Command],
    now: Timestamp,
    outcomes: &mut [Outcome],
) -> Result<()> {
    // One token twice in a batch: the first is submitted. Another generation or application is
    // another key, and at most one of them fits the row.
    let mut wanted = BTreeMap::new();
    for (i, c) in commands.iter().enumerate() {
        if let Action::RotateRefresh(r) = &c.action {
            wanted.entry((c.tenant, r.family, r.presented, r.application)).or_insert((i, c, r));
        }
    }
    let rows = wanted
        .values()
        .map(|(_, c, r)| {
            [
                c.id.0.into(),
                c.tenant.0.into(),
                r.family.0.into(),
                r.application.0.into(),
                r.presented.into(),
            ]
        })
        .collect();
    let columns = [
        ("command_id", "uuid"),
        ("tenant_id", "uuid"),
        ("id", "uuid"),
        ("application_id", "uuid"),
        ("presented", "bigint"),
    ];
    let by_id: BTreeMap<CommandId, usize> =
        wanted.into_values().map(|(i, c, _)| (c.id, i)).collect();
    for row in (Set { columns, rows }).run(tx, SQL, &[now.0.into()]).await? {
        if let Some(i) = by_id.get(&row.id("command_id")?) {
            outcomes[*i] = Outcome::Rotated(read(&row)?);
        }
    }
    Ok(())
}

fn read(row: &QueryResult) -> Result<Rotated> {
    Ok(Rotated {
        generation: row.value("generation")?,
        grant: row.id("grant_id")?,
        user: row.id("user_id")?,
        details: row.value("details")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
