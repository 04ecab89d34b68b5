//! Signing keys. Their state is a function of these rows and the time.

use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::{SigningKeyId, TenantId, Timestamp};
use bailiwick_entities::signing_keys;
use sea_orm::{
    ColumnTrait as _, DbBackend, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _,
};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::sql::{self, Row as _, readable};
use crate::tx::{SystemTx, TenantTx};

/// A signing key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id: the `kid` of tokens.
    pub id: SigningKeyId,
    /// Its algorithm.
    pub alg: SigningAlg,
    /// The public half (RFC 7517).
    pub public_jwk: Value,
    /// The private half, sealed by the vault.
    pub private_sealed: Vec<u8>,
    /// From when the JWKS shows it.
    pub published_at: Timestamp,
    /// From when it signs.
    pub signs_from: Timestamp,
    /// Until when it signs.
    pub signs_until: Option<Timestamp>,
    /// When the JWKS stops showing it.
    pub gone_at: Option<Timestamp>,
    /// When it is to get a successor.
    pub rotate_at: Option<Timestamp>,
}

/// Keeps every other transaction from changing the keys of a tenant until this one ends: what is
/// read after this is what is changed. SQLite has one writer and needs no lock.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &TenantTx, tenant: TenantId) -> Result<()> {
    if tx.backend() == DbBackend::Postgres {
        // The tenant's row: keys come and go.
        let sql = "SELECT tenant_id FROM tenants WHERE tenant_id = $1 FOR UPDATE";
        sql::one(tx, sql, [tenant.0.into()]).await?;
    }
    Ok(())
}

/// Every key of a tenant, oldest first. One of an unknown algorithm is left out.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &TenantTx, tenant: TenantId) -> Result<Vec<Row>> {
    let rows = signing_keys::Entity::find()
        .filter(signing_keys::Column::TenantId.eq(tenant.0))
        .order_by_asc(signing_keys::Column::CreatedAt)
        .order_by_asc(signing_keys::Column::Id)
        .all(tx)
        .await?;
    Ok(rows.into_iter().filter_map(|row| readable(read(row))).collect())
}

/// Stores a key, as of its publication.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &TenantTx, tenant: TenantId, key: &Row) -> Result<()> {
    let row = signing_keys::Model {
        tenant_id: tenant.0,
        id: key.id.0,
        alg: key.alg.name().to_owned(),
        public_jwk: key.public_jwk.clone(),
        private_sealed: key.private_sealed.clone(),
        published_at: key.published_at.0,
        signs_from: key.signs_from.0,
        signs_until: key.signs_until.map(|t| t.0),
        gone_at: key.gone_at.map(|t| t.0),
        rotate_at: key.rotate_at.map(|t| t.0),
        created_at: key.published_at.0,
    };
    signing_keys::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Changes when a key does what.
///
/// # Errors
/// [`Error::Stale`] when it is not there any more.
pub async fn retime(tx: &TenantTx, tenant: TenantId, key: &Row) -> Result<()> {
    let time = |at: Option<Timestamp>| sea_orm::Value::from(at.map(|t| t.0));
    let changed = sql::exec(
        tx,
        "UPDATE signing_keys SET signs_from = $3, signs_until = $4, gone_at = $5, rotate_at = $6 \
         WHERE tenant_id = $1 AND id = $2",
        [
            tenant.0.into(),
            key.id.0.into(),
            key.signs_from.0.into(),
            time(key.signs_until),
            time(key.gone_at),
            time(key.rotate_at),
        ],
    )
    .await?;
    if changed == 1 { Ok(()) } else { Err(Error::Stale("signing key")) }
}

/// Removes a key with both of its halves; `false` when it is not there.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &TenantTx, tenant: TenantId, id: SigningKeyId) -> Result<bool> {
    let sql = "DELETE FROM signing_keys WHERE tenant_id = $1 AND id = $2";
    Ok(sql::exec(tx, sql, [tenant.0.into(), id.0.into()]).await? == 1)
}

/// Tenants with a key that is to get a successor: those of the `limit` keys that wait longest.
///
/// # Errors
/// When the database fails.
pub async fn due(tx: &SystemTx, now: Timestamp, limit: u64) -> Result<Vec<TenantId>> {
    let sql = "SELECT DISTINCT tenant_id FROM (SELECT tenant_id FROM signing_keys \
               WHERE rotate_at <= $1 ORDER BY rotate_at LIMIT $2) waiting";
    let rows = sql::all(tx, sql, [now.0.into(), sql::limit(limit)]).await?;
    rows.iter().map(|row| row.id("tenant_id")).collect()
}

/// Puts off what is due in a tenant, so that it does not stand before the others.
///
/// # Errors
/// When the database fails.
pub async fn put_off(
    tx: &TenantTx,
    tenant: TenantId,
    now: Timestamp,
    until: Timestamp,
) -> Result<()> {
    let sql = "UPDATE signing_keys SET rotate_at = $3 WHERE tenant_id = $1 AND rotate_at <= $2";
    sql::exec(tx, sql, [tenant.0.into(), now.0.into(), until.0.into()]).await?;
    Ok(())
}

fn read(row: signing_keys::Model) -> Result<Row> {
    Ok(Row {
        id: SigningKeyId(row.id),
        alg: SigningAlg::parse(&row.alg).ok_or(Error::Corrupt("signing key"))?,
        public_jwk: row.public_jwk,
        private_sealed: row.private_sealed,
        published_at: Timestamp(row.published_at),
        signs_from: Timestamp(row.signs_from),
        signs_until: row.signs_until.map(Timestamp),
        gone_at: row.gone_at.map(Timestamp),
        rotate_at: row.rotate_at.map(Timestamp),
    })
}

#[cfg(test)]
mod tests;
