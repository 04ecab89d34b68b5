//! Bounded cleaning.

use bailiwick_domain::{ApplicationId, OrganizationId, TenantId, Timestamp, UserId};

use crate::error::Result;
use crate::sql;
use crate::tx::{SystemTx, TenantTx};

/// Rows that fall some time after the time in a column.
struct Expiring {
    table: &'static str,
    key: &'static str,
    column: &'static str,
    /// For how many seconds longer they are kept.
    keep: u32,
}

const DAY: u32 = 86_400;

const fn expiring(
    table: &'static str,
    key: &'static str,
    column: &'static str,
    keep: u32,
) -> Expiring {
    Expiring { table, key, column, keep }
}

/// What falls by itself. Children come before their owners, which would take them along uncounted.
const EXPIRING: &[Expiring] = &[
    // A code or refresh token that is replayed late is still told from one that never was.
    expiring("codes", "tenant_id, mac", "expires_at", DAY),
    expiring("refresh_families", "tenant_id, id", "expires_at", DAY),
    expiring("grants", "tenant_id, id", "expires_at", DAY),
    expiring("sessions", "tenant_id, id", "expires_at", DAY),
    expiring("sessions", "tenant_id, id", "ended_at", DAY),
    expiring("browsers", "tenant_id, id", "expires_at", DAY),
    expiring("remembered_browsers", "tenant_id, browser_id, user_id", "expires_at", 0),
    expiring("sign_ins", "tenant_id, user_id, browser_id", "expires_at", 0),
    expiring("spent", "tenant_id, hash", "expires_at", 600),
    // Longer than any leeway that an assertion's expiry is given.
    expiring("assertion_jtis", "tenant_id, application_id, jti_hash", "expires_at", 600),
    // With its private half: what it signed has long expired.
    expiring("signing_keys", "tenant_id, id", "gone_at", 0),
    // A link that is followed late is still told from one that never was.
    expiring("account_links", "tenant_id, mac", "expires_at", 7 * DAY),
    expiring("idempotency_keys", "tenant_id, key_hash", "expires_at", 0),
    expiring("decisions", "tenant_id, id", "expires_at", 0),
    expiring("policy_replays", "tenant_id, id", "expires_at", 0),
    // Twice the longest life of an access token: a starting tenant reads its revocations here.
    expiring("changes", "seq", "at", 2 * DAY),
    expiring("jobs", "tenant_id, id", "finished_at", 7 * DAY),
    expiring("refusals", "tenant_id, minute, kind, application_id, network", "minute", 90 * DAY),
];

/// Removes what has expired, of every tenant: at most `limit` rows of each table. When the result
/// is not zero there may be more.
///
/// # Errors
/// When the database fails.
pub async fn purge_expired(tx: &SystemTx, now: Timestamp, limit: u64) -> Result<u64> {
    let mut removed = 0;
    for Expiring { table, key, column, keep } in EXPIRING {
        let before = Timestamp(now.0.saturating_sub(Timestamp::EPOCH.plus_secs(*keep).0));
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (\
             SELECT {key} FROM {table} WHERE {column} < $1 ORDER BY {column} LIMIT $2)"
        );
        removed += sql::exec(tx, &sql, [before.0.into(), sql::limit(limit)]).await?;
    }
    Ok(removed)
}

/// Something that was removed and is to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// A user, with its sessions, grants and consents.
    User(UserId),
    /// An application, with its grants and consents.
    Application(ApplicationId),
    /// An organization, with its members, the roles that hold in it, and its policies.
    Organization(OrganizationId),
}

/// Erases at most `limit` rows of something that was removed; `true` when it is gone. What is not
/// removed is left alone, and `true`.
///
/// # Errors
/// When the database fails.
pub async fn purge_deleted(
    tx: &TenantTx,
    tenant: TenantId,
    what: Deleted,
    limit: u64,
) -> Result<bool> {
    // What there may be many of: the table, what tells its rows apart, whose they are. The rest goes
    // with the owner's row.
    let (owner, id, many): (_, _, &[(&str, &str, &str)]) = match what {
        Deleted::User(id) => (
            "users",
            id.0,
            &[
                ("grants", "id", "user_id"),
                ("sessions", "id", "user_id"),
                ("consents", "id", "user_id"),
            ],
        ),
        Deleted::Application(id) => (
            "applications",
            id.0,
            &[("grants", "id", "application_id"), ("consents", "id", "application_id")],
        ),
        Deleted::Organization(id) => (
            "organizations",
            id.0,
            &[
                ("role_assignments", "id", "organization_id"),
                ("policy_drafts", "id", "scope"),
                ("policy_versions", "number", "scope"),
            ],
        ),
    };
    let removed = format!(
        "SELECT id FROM {owner} WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL"
    );
    if sql::one(tx, &removed, [tenant.0.into(), id.into()]).await?.is_none() {
        return Ok(true);
    }
    let mut left = limit;
    for (table, key, column) in many {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant_id = $1 AND {column} = $2 AND {key} IN (\
             SELECT {key} FROM {table} WHERE tenant_id = $1 AND {column} = $2 LIMIT $3)"
        );
        let args = [tenant.0.into(), id.into(), sql::limit(left)];
        left = left.saturating_sub(sql::exec(tx, &sql, args).await?);
    }
    if left == 0 {
        return Ok(false);
    }
    let sql = format!("DELETE FROM {owner} WHERE tenant_id = $1 AND id = $2");
    sql::exec(tx, &sql, [tenant.0.into(), id.into()]).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::EXPIRING;
    use bailiwick_migration::tenant_tables;

    #[test]
    fn the_tables_exist() {
        assert!(EXPIRING.iter().all(|e| tenant_tables().contains(&e.table)));
    }
}
