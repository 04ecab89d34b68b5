//! The applications that a session was used for: they are told when it ends.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::{ApplicationId, SessionId, TenantId, Timestamp};

use crate::error::Result;
use crate::jobs::JobKind;
use crate::sql::{Row as _, Set};
use crate::tx::TenantTx;

#[cfg(test)]
mod tests;

type Sessions = BTreeSet<(TenantId, SessionId)>;

/// How an application is told: the member of what it is registered with that says where.
#[derive(Clone, Copy)]
enum Channel {
    Back,
    Front,
}

/// A session, its user and an application that has a grant of it.
struct Party {
    key: (TenantId, SessionId),
    sub: String,
    application: ApplicationId,
}

/// Leaves a job for each session that ended, if it was used for applications that are told by a
/// request of ours. The job holds all that it takes: the user's rows may be erased before it runs.
///
/// Has the id of the session, which ends once.
pub(crate) async fn enqueue(tx: &TenantTx, ended: &Sessions, now: Timestamp) -> Result<()> {
    let mut told = BTreeMap::<_, (String, Vec<ApplicationId>)>::new();
    for party in parties(tx, ended, Channel::Back).await? {
        let (_, applications) = told.entry(party.key).or_insert((party.sub, Vec::new()));
        applications.push(party.application);
    }
    let rows = told
        .into_iter()
        .map(|((tenant, session), (sub, applications))| {
            let payload = serde_json::json!({
                "session": session, "sub": sub, "applications": applications,
            });
            [tenant.0.into(), session.0.into(), payload.into()]
        })
        .collect();
    let columns = [("tenant_id", "uuid"), ("id", "uuid"), ("payload", "jsonb")];
    let sql = "INSERT INTO jobs (tenant_id, id, kind, payload, run_at, attempts, created_at) \
         SELECT tenant_id, id, $1, payload, $2, 0, $2 FROM cmd WHERE tenant_id IS NOT NULL";
    let args = [JobKind::SessionEnded.name().into(), now.0.into()];
    Set { columns, rows }.run(tx, sql, &args).await?;
    Ok(())
}

/// The applications that are told by frames in the user's browser, each with its session.
///
/// # Errors
/// When the database fails.
pub async fn by_frame(
    tx: &TenantTx,
    tenant: TenantId,
    sessions: &[SessionId],
) -> Result<Vec<(SessionId, ApplicationId)>> {
    let sessions = sessions.iter().map(|id| (tenant, *id)).collect();
    let found = parties(tx, &sessions, Channel::Front).await?;
    Ok(found.into_iter().map(|p| (p.key.1, p.application)).collect())
}

/// A revoked grant is none: its application was told in another way, or told us. One that has
/// expired is one: the application's own session may live longer than the tokens that began it.
async fn parties(tx: &TenantTx, sessions: &Sessions, channel: Channel) -> Result<Vec<Party>> {
    let member = match channel {
        Channel::Back => "backchannel_logout_uri",
        Channel::Front => "frontchannel_logout_uri",
    };
    let sql = format!(
        "SELECT DISTINCT g.tenant_id, g.session_id, g.application_id, \
         (SELECT u.sub FROM users u WHERE u.tenant_id = g.tenant_id AND u.id = g.user_id) AS sub \
         FROM cmd JOIN grants g ON g.tenant_id = cmd.tenant_id AND g.session_id = cmd.id \
         WHERE g.revoked_at IS NULL AND (SELECT a.deleted_at IS NULL \
         AND a.spec ->> '{member}' IS NOT NULL FROM applications a \
         WHERE a.tenant_id = g.tenant_id AND a.id = g.application_id) \
         ORDER BY g.tenant_id, g.session_id, g.application_id"
    );
    let rows = Set::of_ids(sessions).run(tx, &sql, &[]).await?;
    let party = |row: &sea_orm::QueryResult| {
        Ok(Party {
            key: (row.id("tenant_id")?, row.id("session_id")?),
            sub: row.value("sub")?,
            application: row.id("application_id")?,
        })
    };
    rows.iter().map(party).collect()
}
