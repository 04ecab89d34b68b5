//! Consents: what a user allows an application, remembered.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_domain::{
    ApplicationId, GrantId, OrganizationId, ScopeSet, TenantId, Timestamp, UserId,
};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::grants;
use crate::sql::{self, Row as _, Set, json, readable};
use crate::tx::TenantTx;

/// Whose consent, to whom, for what organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parties {
    /// Who allows it.
    pub user: UserId,
    /// The application that is allowed something.
    pub application: ApplicationId,
    /// The organization that it is allowed for.
    pub organization: Option<OrganizationId>,
}

impl Parties {
    fn args(&self, tenant: TenantId) -> [Value; 4] {
        [
            tenant.0.into(),
            self.user.0.into(),
            self.application.0.into(),
            self.organization.map_or(Uuid::nil(), |o| o.0).into(),
        ]
    }
}

/// A remembered consent that is not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its id.
    pub id: Uuid,
    /// Between whom.
    pub parties: Parties,
    /// What is allowed.
    pub scopes: ScopeSet,
    /// Counts its changes.
    pub version: i64,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const SELECT: &str = "SELECT id, user_id, application_id, organization_id, scopes, version, \
     created_at, updated_at FROM consents WHERE tenant_id = $1 AND user_id = $2 \
     AND revoked_at IS NULL";

/// The consent between these parties.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, parties: &Parties) -> Result<Option<Consent>> {
    let key = (tenant, *parties);
    Ok(find(tx, &BTreeSet::from([key])).await?.remove(&key))
}

/// Consents of any tenants of the transaction.
///
/// # Errors
/// When the database fails.
pub async fn find(
    tx: &TenantTx,
    wanted: &BTreeSet<(TenantId, Parties)>,
) -> Result<BTreeMap<(TenantId, Parties), Consent>> {
    let sql = "SELECT c.tenant_id, c.id, c.user_id, c.application_id, c.organization_id, \
         c.scopes, c.version, c.created_at, c.updated_at \
         FROM cmd JOIN consents c ON c.tenant_id = cmd.tenant_id AND c.user_id = cmd.user_id \
         AND c.application_id = cmd.application_id AND c.organization_id = cmd.organization_id \
         WHERE c.revoked_at IS NULL";
    let columns = [
        ("tenant_id", "uuid"),
        ("user_id", "uuid"),
        ("application_id", "uuid"),
        ("organization_id", "uuid"),
    ];
    let rows = wanted.iter().map(|(tenant, parties)| parties.args(*tenant)).collect();
    let rows = Set { columns, rows }.run(tx, sql, &[]).await?;
    // One that is not readable allows nothing: the user is asked again.
    let consents = rows.iter().filter_map(|row| {
        readable(read(row).and_then(|c| Ok(((row.id("tenant_id")?, c.parties), c))))
    });
    Ok(consents.collect())
}

/// Every consent of a user, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_of_user(tx: &TenantTx, tenant: TenantId, user: UserId) -> Result<Vec<Consent>> {
    let sql = format!("{SELECT} ORDER BY created_at, id");
    let rows = sql::all(tx, &sql, [tenant.0.into(), user.0.into()]).await?;
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

/// Remembers a consent: its scopes join those that are remembered already, unless these were
/// revoked. `new_id` is its id if it is the first between these parties.
///
/// # Errors
/// When the database fails.
pub async fn remember(
    tx: &TenantTx,
    tenant: TenantId,
    (new_id, parties): (Uuid, &Parties),
    scopes: &ScopeSet,
    now: Timestamp,
) -> Result<()> {
    let [tenant_id, user, application, organization] = parties.args(tenant);
    let inserted = sql::exec(
        tx,
        "INSERT INTO consents (tenant_id, user_id, application_id, organization_id, id, scopes, \
         version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) \
         ON CONFLICT (tenant_id, user_id, application_id, organization_id) DO NOTHING",
        [
            tenant_id,
            user,
            application,
            organization,
            new_id.into(),
            json(scopes).into(),
            now.0.into(),
        ],
    )
    .await?;
    if inserted == 1 {
        return Ok(());
    }
    // Takes the row's lock, so that two consents at once both count.
    let row = sql::one(
        tx,
        "UPDATE consents SET version = version + 1 WHERE tenant_id = $1 AND user_id = $2 \
         AND application_id = $3 AND organization_id = $4 RETURNING id, scopes, revoked_at",
        parties.args(tenant),
    )
    .await?
    .ok_or(Error::Stale("consent"))?;
    let known = match row.maybe_time("revoked_at")? {
        None => readable(row.json::<ScopeSet>("scopes", "consent")).unwrap_or_default(),
        Some(_) => ScopeSet::default(),
    };
    let union = known.union(scopes);
    // A larger set would not be readable; what the user said last counts.
    let scopes = if union.len() > ScopeSet::MAX { scopes } else { &union };
    sql::exec(
        tx,
        "UPDATE consents SET scopes = $3, updated_at = $4, revoked_at = NULL \
         WHERE tenant_id = $1 AND id = $2",
        [tenant.0.into(), row.value::<Uuid>("id")?.into(), json(scopes).into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Takes a consent back and revokes the grants that rest on it; the result is these grants.
///
/// # Errors
/// [`Error::NotFound`] when there is no such consent, or it is revoked already.
pub async fn revoke(
    tx: &TenantTx,
    tenant: TenantId,
    consent: Uuid,
    now: Timestamp,
) -> Result<Vec<GrantId>> {
    let row = sql::one(
        tx,
        "UPDATE consents SET revoked_at = $3, updated_at = $3, version = version + 1 \
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL \
         RETURNING user_id, application_id, organization_id",
        [tenant.0.into(), consent.into(), now.0.into()],
    )
    .await?
    .ok_or(Error::NotFound("consent"))?;
    grants::revoke_between(tx, tenant, &parties(&row)?, now).await
}

fn parties(row: &QueryResult) -> Result<Parties> {
    Ok(Parties {
        user: row.id("user_id")?,
        application: row.id("application_id")?,
        organization: row.maybe_id("organization_id")?,
    })
}

fn read(row: &QueryResult) -> Result<Consent> {
    Ok(Consent {
        id: row.id("id")?,
        parties: parties(row)?,
        scopes: row.json("scopes", "consent")?,
        version: row.value("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{self, Action, Command, IssueGrant, Outcome};
    use crate::testing::{NOW, World, id, on_every_database};

    #[tokio::test]
    async fn scopes_join_until_the_consent_is_revoked() {
        on_every_database(async |w: World| {
            let (tenant, grant) = (w.tenant, id());
            let parties = Parties { user: w.user, application: w.application, organization: None };
            w.write(move |tx| async move {
                let scopes = |text| ScopeSet::parse(text).unwrap();
                let allow = |text| {
                    let (tx, new) = (tx.clone(), id());
                    async move { remember(&tx, tenant, (new, &parties), &scopes(text), NOW).await }
                };
                assert_eq!(get(&tx, tenant, &parties).await?, None);
                allow("openid").await?;
                allow("profile").await?;
                let found = get(&tx, tenant, &parties).await?.unwrap();
                assert_eq!((&found.scopes, found.version), (&scopes("openid profile"), 2));
                let listed = list_of_user(&tx, tenant, w.user).await?;
                assert_eq!(listed, std::slice::from_ref(&found));
                let elsewhere = Parties { organization: Some(id()), ..parties };
                assert_eq!(get(&tx, tenant, &elsewhere).await?, None);
                assert_eq!(get(&tx, id(), &parties).await?, None);

                let issue = IssueGrant {
                    grant,
                    user: w.user,
                    application: w.application,
                    organization: None,
                    session: None,
                    session_until: None,
                    scopes: scopes("openid"),
                    expires_at: NOW.plus_secs(60),
                    code: None,
                };
                let action = Action::IssueGrant(issue);
                let command = Command { id: id(), tenant, action, audit: None };
                assert_eq!(batch::run(&tx, &[command], NOW).await?, [Outcome::Issued]);
                assert!(matches!(revoke(&tx, id(), found.id, NOW).await, Err(Error::NotFound(_))));
                assert_eq!(revoke(&tx, tenant, found.id, NOW).await?, [grant]);
                assert!(!grants::is_alive(&tx, tenant, grant, NOW).await?);
                assert_eq!(get(&tx, tenant, &parties).await?, None);
                assert!(matches!(
                    revoke(&tx, tenant, found.id, NOW).await,
                    Err(Error::NotFound(_))
                ));
                allow("email").await?;
                let found = get(&tx, tenant, &parties).await?.unwrap();
                assert_eq!(found.scopes, scopes("email"), "nothing of before comes back");
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
    }
}
