//! Signing keys. Their state is a function of these rows and the time.

use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::{SigningKeyId, TenantId, Timestamp};
use bailiwick_entities::signing_keys;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::sql::readable;
use crate::tx::TenantTx;

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
        created_at: key.published_at.0,
    };
    signing_keys::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
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
    })
}
