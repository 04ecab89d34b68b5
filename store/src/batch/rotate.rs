//! Exchanging refresh tokens (RFC 6749 section 6): one conditional update of the family's row.

use std::collections::BTreeMap;

use bailiwick_domain::user::User;
use bailiwick_domain::{CommandId, Timestamp};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{Action, Command, Outcome, Rotated};
use crate::error::Result;
use crate::grants::alive;
use crate::sql::{Row as _, Set, readable};
use crate::tx::TenantTx;
use crate::users;

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
    ") RETURNING refresh_families.tenant_id, refresh_families.command_id, refresh_families.generation, \
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
    let rotated = Set { columns, rows }.run(tx, SQL, &[now.0.into(), Uuid::nil().into()]).await?;
    let user = |row: &QueryResult| Ok((row.id("tenant_id")?, row.id("user_id")?));
    let wanted = rotated.iter().map(user).collect::<Result<_>>()?;
    // Here and not by each caller for itself: one more statement a batch.
    let users = users::find(tx, &wanted).await?;
    for row in rotated {
        if let Some(i) = by_id.get(&row.id("command_id")?) {
            let user = users.get(&user(&row)?).and_then(|user| readable(user.clone()));
            outcomes[*i] = Outcome::Rotated(read(&row, user)?);
        }
    }
    Ok(())
}

fn read(row: &QueryResult, user: Option<User>) -> Result<Rotated> {
    Ok(Rotated {
        generation: row.value("generation")?,
        grant: row.id("grant_id")?,
        user,
        details: row.value("details")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
