//! Storing grants and the codes that stand for them.

use std::collections::BTreeMap;

use bailiwick_domain::{GrantId, TenantId, Timestamp};
use uuid::Uuid;

use super::{Action, Command, IssueGrant, Outcome};
use crate::error::Result;
use crate::grants::member;
use crate::sql::{Row as _, Set, json};
use crate::tx::TenantTx;

type Wanted<'a> = BTreeMap<(TenantId, GrantId), (usize, &'a IssueGrant)>;

pub(super) async fn run(
    tx: &TenantTx,
    commands: &[Command],
    now: Timestamp,
    outcomes: &mut [Outcome],
) -> Result<()> {
    let mut wanted = Wanted::new();
    for (i, c) in commands.iter().enumerate() {
        if let Action::IssueGrant(issue) = &c.action {
            wanted.entry((c.tenant, issue.grant)).or_insert((i, issue));
        }
    }
    let issued = store_grants(tx, &wanted, now).await?;
    for (i, _) in issued.values() {
        outcomes[*i] = Outcome::Issued;
    }
    store_codes(tx, &issued, now).await
}

async fn store_grants<'a>(
    tx: &TenantTx,
    wanted: &Wanted<'a>,
    now: Timestamp,
) -> Result<Wanted<'a>> {
    let rows = wanted
        .iter()
        .map(|((tenant, grant), (_, issue))| {
            [
                tenant.0.into(),
                grant.0.into(),
                issue.user.0.into(),
                issue.application.0.into(),
                issue.organization.map_or(Uuid::nil(), |o| o.0).into(),
                issue.session.map(|s| s.0).into(),
                json(&issue.scopes).into(),
                issue.expires_at.0.into(),
            ]
        })
        .collect();
    let columns = [
        ("tenant_id", "uuid"),
        ("id", "uuid"),
        ("user_id", "uuid"),
        ("application_id", "uuid"),
        ("organization_id", "uuid"),
        ("session_id", "uuid?"),
        ("scopes", "jsonb"),
        ("expires_at", "bigint"),
    ];
    // A grant of an earlier attempt stays as it is, and this attempt is refused.
    const SQL: &str = concat!(
        "INSERT INTO grants (tenant_id, id, user_id, application_id, organization_id, \
         session_id, scopes, created_at, expires_at) \
         SELECT cmd.tenant_id, cmd.id, cmd.user_id, cmd.application_id, cmd.organization_id, \
         cmd.session_id, cmd.scopes, $1, cmd.expires_at FROM cmd WHERE \
         (SELECT u.active AND u.deleted_at IS NULL FROM users u \
         WHERE u.tenant_id = cmd.tenant_id AND u.id = cmd.user_id) \
         AND (SELECT a.deleted_at IS NULL FROM applications a \
         WHERE a.tenant_id = cmd.tenant_id AND a.id = cmd.application_id) \
         AND (cmd.session_id IS NULL OR EXISTS (SELECT 1 FROM sessions s \
         WHERE s.tenant_id = cmd.tenant_id AND s.id = cmd.session_id \
         AND s.user_id = cmd.user_id AND s.ended_at IS NULL AND s.expires_at > $1 \
         AND s.idle_expires_at > $1)) AND ",
        member!("cmd", "$2"),
        " ON CONFLICT DO NOTHING RETURNING tenant_id, id"
    );
    (Set { columns, rows })
        .run(tx, SQL, &[now.0.into(), Uuid::nil().into()])
        .await?
        .iter()
        .map(|row| Ok((row.id("tenant_id")?, row.id("id")?)))
        .filter_map(|key: Result<_>| match key {
            Ok(key) => wanted.get(&key).map(|entry| Ok((key, *entry))),
            Err(e) => Some(Err(e)),
        })
        .collect()
}

async fn store_codes(tx: &TenantTx, issued: &Wanted<'_>, now: Timestamp) -> Result<()> {
    let rows = issued
        .iter()
        .filter_map(|((tenant, grant), (_, issue))| {
            let code = issue.code.as_ref()?;
            Some([
                tenant.0.into(),
                code.mac.to_vec().into(),
                grant.0.into(),
                issue.application.0.into(),
                code.details.clone().into(),
                code.expires_at.0.into(),
            ])
        })
        .collect();
    let columns = [
        ("tenant_id", "uuid"),
        ("mac", "bytea"),
        ("grant_id", "uuid"),
        ("application_id", "uuid"),
        ("details", "jsonb"),
        ("expires_at", "bigint"),
    ];
    let sql = "INSERT INTO codes (tenant_id, mac, grant_id, application_id, details, created_at, \
         expires_at) SELECT tenant_id, mac, grant_id, application_id, details, $1, expires_at \
         FROM cmd WHERE tenant_id IS NOT NULL";
    Set { columns, rows }.run(tx, sql, &[now.0.into()]).await?;
    Ok(())
}
