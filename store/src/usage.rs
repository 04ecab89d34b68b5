//! Receipts, the hourly ledger that they add up to, and counted refusals.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use bailiwick_domain::{ApplicationId, BootId, ReceiptId, TenantId, Timestamp};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::sql::{self, Row as _, Set, bytes32, readable};
use crate::tx::TenantTx;

const HOUR: i64 = 3_600_000_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Access tokens issued.
    TokenIssued,
    /// Authorization decisions made; a page of a search is one.
    DecisionMade,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 2] = [Self::TokenIssued, Self::DecisionMade];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenIssued => "token.issued",
            Self::DecisionMade => "decision.made",
        }
    }

    /// The dimension of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

/// What one node counted for one application in one flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// The tenant.
    pub tenant: TenantId,
    /// The application.
    pub application: ApplicationId,
    /// What was counted.
    pub dimension: Dimension,
    /// When the node began to count.
    pub period_start: Timestamp,
    /// When it stopped; the hour that the quantity belongs to.
    pub flushed_at: Timestamp,
    /// How many.
    pub quantity: i64,
    /// A hash over what was counted.
    pub digest: [u8; 32],
}

/// A stored receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// The run of the node that counted.
    pub boot: BootId,
    /// What it counted.
    pub row: ReceiptRow,
}

/// What an application used in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// The start of the hour.
    pub hour: Timestamp,
    /// The application.
    pub application: ApplicationId,
    /// What is counted.
    pub dimension: Dimension,
    /// How many.
    pub quantity: i64,
}

/// Refusals of one kind in one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// The tenant.
    pub tenant: TenantId,
    /// The start of the minute.
    pub minute: Timestamp,
    /// What was refused.
    pub kind: String,
    /// The application, when it is known.
    pub application: Option<ApplicationId>,
    /// The network that asked.
    pub network: String,
    /// How many.
    pub count: i64,
}

/// Stores receipts of many tenants and adds them to the ledger, in two statements.
///
/// A receipt that is stored already, because the answer of an earlier commit was lost, is not
/// counted again: its id follows from what it is a receipt of.
///
/// # Errors
/// When the database fails.
pub async fn flush(tx: &TenantTx, boot: BootId, rows: &[ReceiptRow]) -> Result<()> {
    let set: BTreeMap<(Uuid, Uuid), [Value; 9]> = rows
        .iter()
        .map(|r| {
            let id = receipt_id(boot, r);
            let values = [
                r.tenant.0.into(),
                id.into(),
                boot.0.into(),
                r.application.0.into(),
                r.dimension.name().into(),
                r.period_start.0.into(),
                r.flushed_at.0.into(),
                r.quantity.into(),
                r.digest.to_vec().into(),
            ];
            ((r.tenant.0, id), values)
        })
        .collect();
    let receipts = Set {
        columns: [
            ("tenant_id", "uuid"),
            ("id", "uuid"),
            ("boot_id", "uuid"),
            ("application_id", "uuid"),
            ("dimension", "text"),
            ("period_start", "bigint"),
            ("flushed_at", "bigint"),
            ("quantity", "bigint"),
            ("digest", "bytea"),
        ],
        rows: set.into_values().collect(),
    };
    let sql = "INSERT INTO receipts (tenant_id, id, boot_id, application_id, dimension, \
         period_start, flushed_at, quantity, digest) \
         SELECT tenant_id, id, boot_id, application_id, dimension, \
         period_start, flushed_at, quantity, digest FROM cmd WHERE tenant_id IS NOT NULL \
         ON CONFLICT DO NOTHING \
         RETURNING tenant_id, application_id, dimension, flushed_at, quantity";
    let fresh = receipts.run(tx, sql, &[]).await?;
    add(tx, &fresh).await
}

/// Adds fresh receipts to the ledger.
async fn add(tx: &TenantTx, fresh: &[QueryResult]) -> Result<()> {
    // One row may be updated only once by one statement: what falls together is added up first.
    let mut hours: BTreeMap<(Uuid, i64, Uuid, String), i64> = BTreeMap::new();
    for row in fresh {
        let at: i64 = row.value("flushed_at")?;
        let key = (
            row.value("tenant_id")?,
            at - at.rem_euclid(HOUR),
            row.value("application_id")?,
            row.value("dimension")?,
        );
        let sum = hours.entry(key).or_default();
        *sum = sum.saturating_add(row.value("quantity")?);
    }
    let hours = Set {
        columns: [
            ("tenant_id", "uuid"),
            ("hour", "bigint"),
            ("application_id", "uuid"),
            ("dimension", "text"),
            ("quantity", "bigint"),
        ],
        rows: hours
            .into_iter()
            .map(|((t, h, a, d), n)| [t.into(), h.into(), a.into(), d.into(), n.into()])
            .collect(),
    };
    let sql = "INSERT INTO usage_hourly (tenant_id, hour, application_id, dimension, quantity) \
         SELECT tenant_id, hour, application_id, dimension, quantity FROM cmd \
         WHERE tenant_id IS NOT NULL \
         ON CONFLICT (tenant_id, hour, application_id, dimension) \
         DO UPDATE SET quantity = usage_hourly.quantity + excluded.quantity";
    hours.run(tx, sql, &[]).await?;
    Ok(())
}

/// Adds counted refusals of many tenants.
///
/// # Errors
/// When the database fails.
pub async fn refusals(tx: &TenantTx, rows: &[RefusalRow]) -> Result<()> {
    let mut counts: BTreeMap<(Uuid, i64, &str, Uuid, &str), i64> = BTreeMap::new();
    for r in rows {
        let application = r.application.map_or(Uuid::nil(), |a| a.0);
        let key = (r.tenant.0, r.minute.0, r.kind.as_str(), application, r.network.as_str());
        let sum = counts.entry(key).or_default();
        *sum = sum.saturating_add(r.count);
    }
    let counts = Set {
        columns: [
            ("tenant_id", "uuid"),
            ("minute", "bigint"),
            ("kind", "text"),
            ("application_id", "uuid"),
            ("network", "text"),
            ("count", "bigint"),
        ],
        rows: counts
            .into_iter()
            .map(|((t, m, k, a, w), n)| {
                [t.into(), m.into(), k.into(), a.into(), w.into(), n.into()]
            })
            .collect(),
    };
    let sql = "INSERT INTO refusals (tenant_id, minute, kind, application_id, network, count) \
         SELECT tenant_id, minute, kind, application_id, network, count FROM cmd \
         WHERE tenant_id IS NOT NULL \
         ON CONFLICT (tenant_id, minute, kind, application_id, network) \
         DO UPDATE SET count = refusals.count + excluded.count";
    counts.run(tx, sql, &[]).await?;
    Ok(())
}

/// The ledger of a tenant, for hours from `from` on and before `to`.
///
/// # Errors
/// When the database fails.
pub async fn hours(
    tx: &TenantTx,
    tenant: TenantId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Hour>> {
    let rows = sql::all(
        tx,
        "SELECT hour, application_id, dimension, quantity FROM usage_hourly \
         WHERE tenant_id = $1 AND hour >= $2 AND hour < $3 \
         ORDER BY hour, application_id, dimension",
        [tenant.0.into(), from.0.into(), to.0.into()],
    )
    .await?;
    let read = |row: &QueryResult| {
        Ok(Hour {
            hour: row.time("hour")?,
            application: row.id("application_id")?,
            dimension: dimension(row)?,
            quantity: row.value("quantity")?,
        })
    };
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

/// The receipts of a tenant that were flushed from `from` on and before `to`.
///
/// # Errors
/// When the database fails.
pub async fn receipts(
    tx: &TenantTx,
    tenant: TenantId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Receipt>> {
    let rows = sql::all(
        tx,
        "SELECT * FROM receipts WHERE tenant_id = $1 AND flushed_at >= $2 AND flushed_at < $3 \
         ORDER BY flushed_at, id",
        [tenant.0.into(), from.0.into(), to.0.into()],
    )
    .await?;
    let read = |row: &QueryResult| {
        Ok(Receipt {
            id: row.id("id")?,
            boot: row.id("boot_id")?,
            row: ReceiptRow {
                tenant,
                application: row.id("application_id")?,
                dimension: dimension(row)?,
                period_start: row.time("period_start")?,
                flushed_at: row.time("flushed_at")?,
                quantity: row.value("quantity")?,
                digest: bytes32(row.value("digest")?, "receipt")?,
            },
        })
    };
    Ok(rows.iter().filter_map(|row| readable(read(row))).collect())
}

fn dimension(row: &QueryResult) -> Result<Dimension> {
    Dimension::parse(&row.value::<String>("dimension")?).ok_or(Error::Corrupt("dimension"))
}

/// A `UUIDv8` (RFC 9562 section 5.8) of what the receipt is of.
fn receipt_id(boot: BootId, r: &ReceiptRow) -> Uuid {
    let mut hash = digest::Context::new(&digest::SHA256);
    for id in [r.tenant.0, boot.0, r.application.0] {
        hash.update(id.as_bytes());
    }
    hash.update(&r.flushed_at.0.to_be_bytes());
    hash.update(r.dimension.name().as_bytes());
    let hash = hash.finish();
    let first = hash.as_ref().first_chunk::<16>().expect("SHA-256 has 32 bytes");
    uuid::Builder::from_custom_bytes(*first).into_uuid()
}

#[cfg(test)]
mod tests;
