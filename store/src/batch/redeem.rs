//! Exchanging codes (RFC 6749 section 4.1.3): each once.

use std::collections::BTreeMap;

use bailiwick_domain::{ApplicationId, CommandId, Timestamp};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use super::{Action, Command, NewFamily, Outcome, RedeemCode, Redeemed};
use crate::error::Result;
use crate::grants::alive;
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

const SQL: &str = concat!(
    "UPDATE codes SET used_at = $1, command_id = cmd.command_id FROM cmd \
     WHERE codes.tenant_id = cmd.tenant_id AND codes.mac = cmd.mac \
     AND codes.application_id = cmd.application_id AND codes.used_at IS NULL \
     AND codes.expires_at > $1 AND (SELECT true FROM grants g \
     WHERE g.tenant_id = codes.tenant_id AND g.id = codes.grant_id AND ",
    alive!(),
    // Until it is redeemed, a code also dies with the session that it was issued in.
    " AND (g.session_id IS NULL OR EXISTS (SELECT 1 FROM sessions s \
     WHERE s.tenant_id = g.tenant_id AND s.id = g.session_id AND s.ended_at IS NULL \
     AND s.expires_at > $1 AND s.idle_expires_at > $1))",
    ") RETURNING codes.command_id, codes.grant_id, codes.details, \
     (SELECT g.user_id FROM grants g \
     WHERE g.tenant_id = codes.tenant_id AND g.id = codes.grant_id) AS user_id, \
     (SELECT g.session_id FROM grants g \
     WHERE g.tenant_id = codes.tenant_id AND g.id = codes.grant_id) AS session_id, \
     (SELECT g.scopes FROM grants g \
     WHERE g.tenant_id = codes.tenant_id AND g.id = codes.grant_id) AS scopes"
);

pub(super) async fn run(
    tx: &TenantTx,
    commands: &[Command],
    now: Timestamp,
    outcomes: &mut [Outcome],
) -> Result<()> {
    // One code twice in a batch: the first is submitted. Another application's attempt is another
    // key, so that it cannot take the rightful one's place.
    let mut wanted = BTreeMap::new();
    for (i, c) in commands.iter().enumerate() {
        if let Action::RedeemCode(r) = &c.action {
            wanted.entry((c.tenant, r.mac, r.application)).or_insert((i, c, r));
        }
    }
    let rows = wanted
        .values()
        .map(|(_, c, r)| {
            [c.id.0.into(), c.tenant.0.into(), r.mac.to_vec().into(), r.application.0.into()]
        })
        .collect();
    let columns = [
        ("command_id", "uuid"),
        ("tenant_id", "uuid"),
        ("mac", "bytea"),
        ("application_id", "uuid"),
    ];
    let by_id: BTreeMap<CommandId, (usize, &Command, &RedeemCode)> =
        wanted.into_values().map(|entry| (entry.1.id, entry)).collect();
    let mut families = BTreeMap::new();
    for row in (Set { columns, rows }).run(tx, SQL, &[now.0.into(), Uuid::nil().into()]).await? {
        let Some((i, c, r)) = by_id.get(&row.id("command_id")?) else { continue };
        let redeemed = read(&row)?;
        if let Some(family) = &r.family {
            let row = family_row(c, family, (r.application, &redeemed), now);
            families.insert((c.tenant, family.id), row);
        }
        outcomes[*i] = Outcome::Redeemed(redeemed);
    }
    start_families(tx, families.into_values().collect()).await
}

const FAMILY: [(&str, &str); 8] = [
    ("tenant_id", "uuid"),
    ("id", "uuid"),
    ("grant_id", "uuid"),
    ("application_id", "uuid"),
    ("user_id", "uuid"),
    ("details", "jsonb"),
    ("created_at", "bigint"),
    ("expires_at", "bigint"),
];

fn family_row(
    command: &Command,
    family: &NewFamily,
    (application, redeemed): (ApplicationId, &Redeemed),
    now: Timestamp,
) -> [Value; 8] {
    [
        command.tenant.0.into(),
        family.id.0.into(),
        redeemed.grant.0.into(),
        application.0.into(),
        redeemed.user.0.into(),
        family.details.clone().into(),
        now.0.into(),
        family.expires_at.0.into(),
    ]
}

async fn start_families(tx: &TenantTx, rows: Vec<[Value; 8]>) -> Result<()> {
    let sql = "INSERT INTO refresh_families (tenant_id, id, grant_id, application_id, user_id, \
         generation, rotated_at, details, created_at, expires_at) \
         SELECT tenant_id, id, grant_id, application_id, user_id, 0, created_at, details, \
         created_at, expires_at FROM cmd WHERE tenant_id IS NOT NULL";
    Set { columns: FAMILY, rows }.run(tx, sql, &[]).await?;
    Ok(())
}

fn read(row: &QueryResult) -> Result<Redeemed> {
    Ok(Redeemed {
        grant: row.id("grant_id")?,
        user: row.id("user_id")?,
        session: row.maybe_id("session_id")?,
        scopes: row.json("scopes", "grant")?,
        details: row.value("details")?,
    })
}
