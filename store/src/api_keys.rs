//! Keys of the management API.

use bailiwick_domain::{ApiKeyId, TenantId, Timestamp};
use bailiwick_entities::api_keys;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};

use crate::error::Result;
use crate::sql::{self, bytes32, from_json, json, readable};
use crate::tx::TenantTx;

/// A key of the management API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Shown to administrators.
    pub name: String,
    /// The MAC of its secret part under the tenant's key; the secret itself is not kept.
    pub mac: [u8; 32],
    /// The names of its roles.
    pub roles: Vec<String>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// Stores a key.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &TenantTx, tenant: TenantId, key: &ApiKey, now: Timestamp) -> Result<()> {
    let row = api_keys::Model {
        tenant_id: tenant.0,
        id: key.id.0,
        name: key.name.clone(),
        mac: key.mac.to_vec(),
        roles: json(&key.roles),
        created_at: now.0,
        expires_at: key.expires_at.map(|t| t.0),
        revoked_at: None,
    };
    api_keys::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// A key that is not revoked. It may have expired: compare [`ApiKey::expires_at`].
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &TenantTx, tenant: TenantId, id: ApiKeyId) -> Result<Option<ApiKey>> {
    api_keys::Entity::find_by_id((tenant.0, id.0))
        .filter(api_keys::Column::RevokedAt.is_null())
        .one(tx)
        .await?
        .map(read)
        .transpose()
}

/// Every key that is not revoked, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &TenantTx, tenant: TenantId) -> Result<Vec<ApiKey>> {
    let rows = api_keys::Entity::find()
        .filter(api_keys::Column::TenantId.eq(tenant.0))
        .filter(api_keys::Column::RevokedAt.is_null())
        .order_by_asc(api_keys::Column::CreatedAt)
        .order_by_asc(api_keys::Column::Id)
        .all(tx)
        .await?;
    Ok(rows.into_iter().filter_map(|row| readable(read(row))).collect())
}

/// Revokes a key; `false` when there is none, or it is revoked already.
///
/// # Errors
/// When the database fails.
pub async fn revoke(tx: &TenantTx, tenant: TenantId, id: ApiKeyId, now: Timestamp) -> Result<bool> {
    let changed = sql::exec(
        tx,
        "UPDATE api_keys SET revoked_at = $3 \
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        [tenant.0.into(), id.0.into(), now.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

fn read(row: api_keys::Model) -> Result<ApiKey> {
    Ok(ApiKey {
        id: ApiKeyId(row.id),
        name: row.name,
        mac: bytes32(row.mac, "API key")?,
        roles: from_json(row.roles, "API key")?,
        expires_at: row.expires_at.map(Timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, World, id, mac, on_every_database};

    #[tokio::test]
    async fn a_key_works_until_it_is_revoked() {
        on_every_database(async |w: World| {
            let tenant = w.tenant;
            w.write(move |tx| async move {
                let key = ApiKey {
                    id: id(),
                    name: "deploy".into(),
                    mac: mac(),
                    roles: vec!["admin".into()],
                    expires_at: None,
                };
                insert(&tx, tenant, &key, NOW).await?;
                assert_eq!(list(&tx, tenant).await?, std::slice::from_ref(&key));
                assert_eq!(get(&tx, id(), key.id).await?, None);
                assert!(!revoke(&tx, id(), key.id, NOW).await?);
                assert_eq!(get(&tx, tenant, key.id).await?, Some(key.clone()));
                assert!(revoke(&tx, tenant, key.id, NOW).await?);
                assert!(!revoke(&tx, tenant, key.id, NOW).await?);
                assert_eq!(get(&tx, tenant, key.id).await?, None);
                assert!(list(&tx, tenant).await?.is_empty());
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
    }
}
