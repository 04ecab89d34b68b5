//! The data keys of a tenant in the database.

use bailiwick_domain::{DataKeyId, Env, TenantId};
use bailiwick_entities::data_keys;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};
use zeroize::Zeroizing;

use super::{MasterKeyring, TenantVault};
use crate::error::{Error, Result};
use crate::tx::TenantTx;

/// Makes the first data key of a tenant.
///
/// # Errors
/// [`Error::Taken`] when it has one.
pub async fn create(
    tx: &TenantTx,
    tenant: TenantId,
    keyring: &MasterKeyring,
    env: &Env,
) -> Result<TenantVault> {
    let key = insert(tx, (tenant, 1), keyring, env).await?;
    TenantVault::new(tenant, vec![key])
}

/// Reads and unwraps the data keys of a tenant.
///
/// # Errors
/// [`Error::NotFound`] when there is none, [`Error::Config`] when a master key is missing,
/// [`Error::Sealed`] when a key does not unwrap.
pub async fn load(tx: &TenantTx, tenant: TenantId, keyring: &MasterKeyring) -> Result<TenantVault> {
    TenantVault::new(tenant, keys(tx, tenant, keyring).await?)
}

/// Makes the next data key, which seals from now on; the vault holds all.
///
/// # Errors
/// As [`load`]; [`Error::Taken`] when another node makes one at the same time.
pub async fn add_version(
    tx: &TenantTx,
    tenant: TenantId,
    keyring: &MasterKeyring,
    env: &Env,
) -> Result<TenantVault> {
    let mut keys = keys(tx, tenant, keyring).await?;
    let newest = i64::try_from(keys.len()).map_err(|_| Error::Corrupt("data key"))?;
    keys.push(insert(tx, (tenant, newest + 1), keyring, env).await?);
    TenantVault::new(tenant, keys)
}

type Key = (DataKeyId, Zeroizing<[u8; 32]>);

/// Versions are never removed: they count up from 1 without gaps.
async fn keys(tx: &TenantTx, tenant: TenantId, keyring: &MasterKeyring) -> Result<Vec<Key>> {
    data_keys::Entity::find()
        .filter(data_keys::Column::TenantId.eq(tenant.0))
        .order_by_asc(data_keys::Column::Version)
        .all(tx)
        .await?
        .into_iter()
        .map(|row| {
            let (id, aad) = (DataKeyId(row.id), aad(tenant, DataKeyId(row.id), row.version));
            Ok((id, keyring.unwrap(&row.master_key_id, &aad, &row.wrapped)?))
        })
        .collect()
}

async fn insert(
    tx: &TenantTx,
    (tenant, version): (TenantId, i64),
    keyring: &MasterKeyring,
    env: &Env,
) -> Result<Key> {
    let (id, key): (DataKeyId, _) = (env.id(), Zeroizing::new(env.bytes::<32>()));
    let (master_key_id, wrapped) = keyring.wrap(&aad(tenant, id, version), &key, env);
    let row = data_keys::Model {
        tenant_id: tenant.0,
        id: id.0,
        version,
        wrapped,
        master_key_id,
        created_at: env.now().0,
    };
    data_keys::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await
        .map_err(Error::on_insert("data key"))?;
    Ok((id, key))
}

/// Which key it is: a wrapped key opens in no other row, and as no other version.
pub(super) fn aad(tenant: TenantId, id: DataKeyId, version: i64) -> Vec<u8> {
    [tenant.0.as_bytes().as_slice(), id.0.as_bytes(), &version.to_be_bytes()].concat()
}
