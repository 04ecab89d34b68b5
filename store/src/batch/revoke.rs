//! Ending sessions and revoking grants, with the rows of the change feed that tell every node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use bailiwick_domain::{FamilyId, GrantId, SessionId, TenantId, Timestamp};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{Action, Command, Outcome};
use crate::changes::Topic;
use crate::error::Result;
use crate::logouts;
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

/// Something that no node may honour any longer: a row of the change feed.
pub(crate) struct Revocation {
    tenant: TenantId,
    key: String,
    /// When it happened; for a single token, when the token expires. In microseconds.
    version: i64,
    at: Timestamp,
}

/// Runs the revoking commands; the result is to be announced after the last table is written.
pub(super) async fn run(
    tx: &TenantTx,
    commands: &[Command],
    now: Timestamp,
    outcomes: &mut [Outcome],
) -> Result<Vec<Revocation>> {
    let mut changes = Vec::new();
    let families = grants_of_families(tx, commands).await?;
    let mut wanted_sessions = Vec::new();
    let mut wanted_grants = Vec::new();
    for c in commands {
        match &c.action {
            Action::EndSessions(ids) => {
                wanted_sessions.extend(ids.iter().map(|id| (c.tenant, *id)));
            }
            Action::RevokeGrants(ids) => wanted_grants.extend(ids.iter().map(|id| (c.tenant, *id))),
            Action::RevokeFamily(id) => {
                wanted_grants.extend(families.get(&(c.tenant, *id)).map(|g| (c.tenant, *g)));
            }
            Action::RevokeToken { jti, expires_at } => changes.push(Revocation {
                tenant: c.tenant,
                key: format!("jti:{jti}"),
                version: expires_at.0,
                at: now,
            }),
            _ => {}
        }
    }
    // What two commands want is counted to the first of them.
    let mut ended = sessions(tx, wanted_sessions, now, &mut changes).await?;
    let mut revoked = grants(tx, wanted_grants, now, &mut changes).await?;
    for (c, outcome) in std::iter::zip(commands, outcomes) {
        match &c.action {
            Action::EndSessions(ids) => {
                let own = ids.iter().copied().filter(|id| ended.remove(&(c.tenant, *id)));
                *outcome = Outcome::Ended(own.collect());
            }
            Action::RevokeGrants(ids) => {
                let own = ids.iter().copied().filter(|id| revoked.remove(&(c.tenant, *id)));
                *outcome = Outcome::Revoked(own.collect());
            }
            Action::RevokeFamily(id) => {
                let own = families.get(&(c.tenant, *id)).copied();
                let own = own.into_iter().filter(|id| revoked.remove(&(c.tenant, *id)));
                *outcome = Outcome::Revoked(own.collect());
            }
            _ => {}
        }
    }
    Ok(changes)
}

async fn grants_of_families(
    tx: &TenantTx,
    commands: &[Command],
) -> Result<BTreeMap<(TenantId, FamilyId), GrantId>> {
    let wanted: BTreeSet<(TenantId, FamilyId)> = commands
        .iter()
        .filter_map(|c| match &c.action {
            Action::RevokeFamily(id) => Some((c.tenant, *id)),
            _ => None,
        })
        .collect();
    let sql = "SELECT f.tenant_id, f.id, f.grant_id FROM cmd \
         JOIN refresh_families f ON f.tenant_id = cmd.tenant_id AND f.id = cmd.id";
    Set::of_ids(&wanted)
        .run(tx, sql, &[])
        .await?
        .iter()
        .map(|row| Ok(((row.id("tenant_id")?, row.id("id")?), row.id("grant_id")?)))
        .collect()
}

/// Ends the wanted sessions; the result is those that this ended. Every way of ending a session
/// comes through here, and so none forgets the applications that it was used for.
pub(crate) async fn sessions(
    tx: &TenantTx,
    wanted: Vec<(TenantId, SessionId)>,
    now: Timestamp,
    changes: &mut Vec<Revocation>,
) -> Result<BTreeSet<(TenantId, SessionId)>> {
    let wanted: BTreeSet<_> = wanted.into_iter().collect();
    let sql = "UPDATE sessions SET ended_at = $1 FROM cmd \
         WHERE sessions.tenant_id = cmd.tenant_id AND sessions.id = cmd.id \
         AND sessions.ended_at IS NULL RETURNING sessions.tenant_id, sessions.id";
    let rows = Set::of_ids(&wanted).run(tx, sql, &[now.0.into()]).await?;
    let ended = rows.iter().map(key::<SessionId>).collect::<Result<BTreeSet<_>>>()?;
    logouts::enqueue(tx, &ended, now).await?;
    changes.extend(ended.iter().map(|(tenant, id)| Revocation {
        tenant: *tenant,
        key: format!("session:{id}"),
        version: now.0,
        at: now,
    }));
    Ok(ended)
}

/// Revokes the wanted grants and their families; the result is the grants that this revoked.
pub(crate) async fn grants(
    tx: &TenantTx,
    wanted: Vec<(TenantId, GrantId)>,
    now: Timestamp,
    changes: &mut Vec<Revocation>,
) -> Result<BTreeSet<(TenantId, GrantId)>> {
    let wanted: BTreeSet<_> = wanted.into_iter().collect();
    let sql = "UPDATE grants SET revoked_at = $1 FROM cmd \
         WHERE grants.tenant_id = cmd.tenant_id AND grants.id = cmd.id \
         AND grants.revoked_at IS NULL RETURNING grants.tenant_id, grants.id";
    let rows = Set::of_ids(&wanted).run(tx, sql, &[now.0.into()]).await?;
    let revoked = rows.iter().map(key::<GrantId>).collect::<Result<BTreeSet<_>>>()?;
    // Of every wanted grant: a family may have come while its grant was being revoked.
    let sql = "UPDATE refresh_families SET revoked_at = $1 FROM cmd \
         WHERE refresh_families.tenant_id = cmd.tenant_id AND refresh_families.grant_id = cmd.id \
         AND refresh_families.revoked_at IS NULL";
    Set::of_ids(&wanted).run(tx, sql, &[now.0.into()]).await?;
    changes.extend(revoked.iter().map(|(tenant, id)| Revocation {
        tenant: *tenant,
        key: format!("grant:{id}"),
        version: now.0,
        at: now,
    }));
    Ok(revoked)
}

/// Tells the change feed.
pub(crate) async fn announce(tx: &TenantTx, changes: Vec<Revocation>) -> Result<()> {
    tx.announces.fetch_or(!changes.is_empty(), Ordering::Relaxed);
    let columns = [("tenant_id", "uuid"), ("key", "text"), ("version", "bigint"), ("at", "bigint")];
    let rows = changes
        .into_iter()
        .map(|c| [c.tenant.0.into(), c.key.into(), c.version.into(), c.at.0.into()])
        .collect();
    let sql = "INSERT INTO changes (tenant_id, topic, key, version, at) \
         SELECT tenant_id, $1, key, version, at FROM cmd WHERE tenant_id IS NOT NULL";
    Set { columns, rows }.run(tx, sql, &[Topic::Revoked.name().into()]).await?;
    Ok(())
}

fn key<T: From<Uuid>>(row: &QueryResult) -> Result<(TenantId, T)> {
    Ok((row.id("tenant_id")?, row.id("id")?))
}
