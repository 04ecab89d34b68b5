//! Applications and their client secrets.

use bailiwick_domain::authz::APPLICATION;
use bailiwick_domain::{
    Application, ApplicationId, ApplicationSpec, SecretId, TenantId, Timestamp,
};
use bailiwick_entities::{application_secrets, applications};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, ExprTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use crate::changes;
use crate::error::{Error, Result};
use crate::sql::{self, bytes32, from_json, json, readable};
use crate::tx::TenantTx;

/// An application with what it authenticates by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The application.
    pub application: Application,
    /// Its secrets that are not revoked; expired ones among them.
    pub secrets: Vec<Secret>,
}

/// A client secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// Its MAC under the tenant's key; the secret itself is not kept.
    pub mac: [u8; 32],
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// Every application of a tenant. One that this version cannot read is reported and left out.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &TenantTx, tenant: TenantId) -> Result<Vec<Stored>> {
    let rows = applications::Entity::find()
        .filter(applications::Column::TenantId.eq(tenant.0))
        .filter(applications::Column::DeletedAt.is_null())
        .order_by_asc(applications::Column::Id)
        .all(tx)
        .await?;
    let secrets = application_secrets::Entity::find()
        .filter(application_secrets::Column::TenantId.eq(tenant.0))
        .filter(application_secrets::Column::RevokedAt.is_null())
        .order_by_asc(application_secrets::Column::Id)
        .all(tx)
        .await?;
    let mut found: Vec<Stored> = rows
        .into_iter()
        .filter_map(|row| readable(read(row)))
        .map(|application| Stored { application, secrets: Vec::new() })
        .collect();
    for row in secrets {
        let owner = ApplicationId(row.application_id);
        // Rows are sorted by id.
        if let Ok(at) = found.binary_search_by_key(&owner, |s| s.application.id)
            && let Some(secret) = readable(read_secret(row))
            && let Some(stored) = found.get_mut(at)
        {
            stored.secrets.push(secret);
        }
    }
    Ok(found)
}

/// One application.
///
/// # Errors
/// [`Error::Corrupt`] when this version cannot read it.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: ApplicationId) -> Result<Option<Stored>> {
    let Some(row) = applications::Entity::find_by_id((tenant.0, id.0))
        .filter(applications::Column::DeletedAt.is_null())
        .one(tx)
        .await?
    else {
        return Ok(None);
    };
    let secrets = application_secrets::Entity::find()
        .filter(application_secrets::Column::TenantId.eq(tenant.0))
        .filter(application_secrets::Column::ApplicationId.eq(id.0))
        .filter(application_secrets::Column::RevokedAt.is_null())
        .order_by_asc(application_secrets::Column::Id)
        .all(tx)
        .await?;
    let secrets = secrets.into_iter().map(read_secret).collect::<Result<_>>()?;
    Ok(Some(Stored { application: read(row)?, secrets }))
}

/// Registers an application. The spec must be settled.
///
/// # Errors
/// [`Error::Taken`] when a live application has this `client_id`.
pub async fn insert(
    tx: &TenantTx,
    tenant: TenantId,
    id: ApplicationId,
    spec: &ApplicationSpec,
    now: Timestamp,
) -> Result<Application> {
    let row = applications::Model {
        tenant_id: tenant.0,
        id: id.0,
        client_id: spec.client_id.clone(),
        name: spec.name.clone(),
        spec: json(spec),
        version: 1,
        created_at: now.0,
        updated_at: now.0,
        deleted_at: None,
    };
    applications::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("client_id"))?;
    Ok(Application { id, spec: spec.clone(), version: 1, created_at: now, updated_at: now })
}

/// Replaces what an application is registered with. The spec must be settled.
///
/// # Errors
/// [`Error::Stale`] when its version is not `expected_version` or it is gone; [`Error::Taken`]
/// when another live application has this `client_id`.
pub async fn update(
    tx: &TenantTx,
    tenant: TenantId,
    id: ApplicationId,
    expected_version: i64,
    spec: &ApplicationSpec,
    now: Timestamp,
) -> Result<Application> {
    let change = applications::ActiveModel {
        client_id: Set(spec.client_id.clone()),
        name: Set(spec.name.clone()),
        spec: Set(json(spec)),
        version: Set(expected_version + 1),
        updated_at: Set(now.0),
        ..Default::default()
    };
    let changed = applications::Entity::update_many()
        .set(change)
        .filter(applications::Column::TenantId.eq(tenant.0))
        .filter(applications::Column::Id.eq(id.0))
        .filter(applications::Column::Version.eq(expected_version))
        .filter(applications::Column::DeletedAt.is_null())
        .exec_with_returning(tx)
        .await
        .map_err(Error::on_insert("client_id"))?;
    read(changed.into_iter().next().ok_or(Error::Stale("application"))?)
}

/// Removes an application: nothing is issued to it from here on, and its `client_id` is free.
///
/// # Errors
/// [`Error::Stale`] when its version is not `expected_version` or it is gone.
pub async fn delete(
    tx: &TenantTx,
    tenant: TenantId,
    id: ApplicationId,
    expected_version: i64,
    now: Timestamp,
) -> Result<()> {
    let change = applications::ActiveModel {
        version: Set(expected_version + 1),
        updated_at: Set(now.0),
        deleted_at: Set(Some(now.0)),
        ..Default::default()
    };
    let changed = applications::Entity::update_many()
        .set(change)
        .filter(applications::Column::TenantId.eq(tenant.0))
        .filter(applications::Column::Id.eq(id.0))
        .filter(applications::Column::Version.eq(expected_version))
        .filter(applications::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    if changed.rows_affected != 1 {
        return Err(Error::Stale("application"));
    }
    let sql = "DELETE FROM role_assignments WHERE tenant_id = $1 AND application_id = $2";
    sql::exec(tx, sql, [tenant.0.into(), id.0.into()]).await?;
    changes::entity(tx, tenant, (APPLICATION, id), now).await
}

/// Gives an application one more secret.
///
/// # Errors
/// [`Error::NotFound`] when there is no such application.
pub async fn add_secret(
    tx: &TenantTx,
    tenant: TenantId,
    application: ApplicationId,
    secret: &Secret,
    now: Timestamp,
) -> Result<()> {
    let added = sql::exec(
        tx,
        "INSERT INTO application_secrets \
         (tenant_id, id, application_id, mac, created_at, expires_at) \
         SELECT a.tenant_id, $3, a.id, $4, $5, $6 FROM applications a \
         WHERE a.tenant_id = $1 AND a.id = $2 AND a.deleted_at IS NULL",
        [
            tenant.0.into(),
            application.0.into(),
            secret.id.0.into(),
            secret.mac.to_vec().into(),
            now.0.into(),
            secret.expires_at.map(|t| t.0).into(),
        ],
    )
    .await?;
    if added == 1 { Ok(()) } else { Err(Error::NotFound("application")) }
}

/// The applications after a position, oldest first: at most `limit`, and fewer only at the end.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &TenantTx,
    tenant: TenantId,
    after: Option<(Timestamp, ApplicationId)>,
    limit: u64,
) -> Result<Vec<Application>> {
    use applications::Column::{CreatedAt, Id};
    let (mut at, mut id) =
        after.map_or((i64::MIN, ApplicationId(uuid::Uuid::nil())), |(t, id)| (t.0, id));
    let mut found = Vec::new();
    let mut wanted = limit;
    // Rows that are not readable are left out; more are fetched in their place.
    while wanted > 0 {
        let rows = applications::Entity::find()
            .filter(applications::Column::TenantId.eq(tenant.0))
            .filter(applications::Column::DeletedAt.is_null())
            .filter(
                Expr::tuple([Expr::col(CreatedAt), Expr::col(Id)])
                    .gt(Expr::tuple([Expr::val(at), Expr::val(id.0)])),
            )
            .order_by_asc(CreatedAt)
            .order_by_asc(Id)
            .limit(wanted)
            .all(tx)
            .await?;
        let Some(last) = rows.last() else { break };
        (at, id) = (last.created_at, ApplicationId(last.id));
        let all_there = rows.len() as u64 == wanted;
        found.extend(rows.into_iter().filter_map(|row| readable(read(row))));
        wanted = if all_there { limit.saturating_sub(found.len() as u64) } else { 0 };
    }
    Ok(found)
}

fn read(row: applications::Model) -> Result<Application> {
    Ok(Application {
        id: ApplicationId(row.id),
        spec: from_json(row.spec, "application")?,
        version: row.version,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

fn read_secret(row: application_secrets::Model) -> Result<Secret> {
    Ok(Secret {
        id: SecretId(row.id),
        mac: bytes32(row.mac, "client secret")?,
        expires_at: row.expires_at.map(Timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, World, id, mac, on_every_database, spec};

    #[tokio::test]
    async fn an_application_lives_and_ends() {
        on_every_database(async |w: World| {
            let (tenant, app, later) = (w.tenant, w.application, NOW.plus_secs(1));
            w.write(move |tx| async move {
                let secret = Secret { id: id(), mac: mac(), expires_at: Some(later) };
                add_secret(&tx, tenant, app, &secret, NOW).await?;
                let none = add_secret(&tx, tenant, id(), &secret, NOW).await;
                assert!(matches!(none, Err(Error::NotFound(_))));
                let stored = get(&tx, tenant, app).await?.unwrap();
                assert_eq!(stored.application.spec, spec("web"));
                assert_eq!(stored.secrets, [secret]);
                assert_eq!(list(&tx, tenant).await?, [stored]);
                assert_eq!(get(&tx, id(), app).await?, None);

                let changed = update(&tx, tenant, app, 1, &spec("web2"), later).await?;
                assert_eq!((changed.version, changed.updated_at), (2, later));
                assert_eq!((changed.created_at, &changed.spec.client_id[..]), (NOW, "web2"));
                let stale = update(&tx, tenant, app, 1, &spec("web3"), later).await;
                assert!(matches!(stale, Err(Error::Stale(_))));
                assert!(matches!(delete(&tx, tenant, app, 1, later).await, Err(Error::Stale(_))));
                delete(&tx, tenant, app, 2, later).await?;
                assert_eq!(get(&tx, tenant, app).await?, None);
                insert(&tx, tenant, id(), &spec("web2"), later).await?;
                Ok(())
            })
            .await
            .unwrap();
            let taken =
                w.write(
                    move |tx| async move { insert(&tx, tenant, id(), &spec("web2"), later).await },
                );
            assert!(matches!(taken.await, Err(Error::Taken("client_id"))));
        })
        .await;
    }

    #[tokio::test]
    async fn an_unreadable_application_does_not_hide_the_others() {
        on_every_database(async |w: World| {
            let (tenant, broken) = (w.tenant, w.application);
            w.write(move |tx| async move {
                let mut ids = vec![broken];
                for n in 0..3 {
                    let app = insert(&tx, tenant, id(), &spec(&format!("c{n}")), NOW).await?;
                    ids.push(app.id);
                }
                ids.sort_unstable();
                sql::exec(
                    &tx,
                    "UPDATE applications SET spec = $3 WHERE tenant_id = $1 AND id = $2",
                    [tenant.0.into(), broken.0.into(), serde_json::json!({"new": 1}).into()],
                )
                .await?;
                ids.retain(|id| *id != broken);
                let listed = list(&tx, tenant).await?;
                assert_eq!(listed.iter().map(|s| s.application.id).collect::<Vec<_>>(), ids);
                let first = page(&tx, tenant, None, 2).await?;
                assert_eq!(first.iter().map(|a| a.id).collect::<Vec<_>>(), ids[..2]);
                let rest = page(&tx, tenant, Some((NOW, ids[1])), 2).await?;
                assert_eq!(rest.iter().map(|a| a.id).collect::<Vec<_>>(), ids[2..]);
                assert!(matches!(get(&tx, tenant, broken).await, Err(Error::Corrupt(_))));
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
    }
}
