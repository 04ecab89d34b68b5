//! Counts: the usage ledger, and the proof that it says what the receipts say.
//!
//! Every token that was issued is in exactly one receipt, and receipts and ledger are written in
//! one transaction. So the ledger can be recomputed at any time, and any difference is a fault.

use std::collections::BTreeMap;

use bailiwick_domain::{ApplicationId, TenantId, Timestamp};
use bailiwick_store::usage::{self, Dimension, Hour, Receipt};
use bailiwick_store::{Error, Store};

const HOUR: i64 = 3_600_000_000;

/// An hour of an application in which ledger and receipts disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The start of the hour.
    pub hour: Timestamp,
    /// The application.
    pub application: ApplicationId,
    /// What is counted.
    pub dimension: Dimension,
    /// What the ledger says.
    pub ledger: i64,
    /// What the receipts add up to.
    pub receipts: i64,
}

/// The ledger held against the receipts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// The sum of the ledger, by dimension.
    pub totals: BTreeMap<&'static str, i64>,
    /// How many receipts were added up.
    pub receipts: usize,
    /// Where they disagree; empty when the ledger is right to the unit.
    pub differences: Vec<Difference>,
}

/// Recomputes a tenant's ledger from its receipts, for whole hours from `from` (inclusive) to `to`
/// (exclusive), both read in one transaction.
///
/// # Errors
/// Those of the store.
pub async fn reconcile(
    store: &Store,
    tenant: TenantId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Reconciliation, Error> {
    let (from, to) = (hour_of(from), hour_of(Timestamp(to.0.saturating_add(HOUR - 1))));
    let read = move |tx| async move {
        let hours = usage::hours(&tx, tenant, from, to).await?;
        Ok::<_, Error>((hours, usage::receipts(&tx, tenant, from, to).await?))
    };
    let (hours, receipts) = store.read(tenant, read).await?;
    Ok(compare(&hours, &receipts))
}

/// The start of the hour that a time is in.
const fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0.rem_euclid(HOUR))
}

fn compare(hours: &[Hour], receipts: &[Receipt]) -> Reconciliation {
    let mut sums: BTreeMap<(Timestamp, ApplicationId, &'static str), (Dimension, i64, i64)> =
        BTreeMap::new();
    for h in hours {
        let key = (h.hour, h.application, h.dimension.name());
        sums.entry(key).or_insert((h.dimension, 0, 0)).1 += h.quantity;
    }
    for Receipt { row, .. } in receipts {
        let key = (hour_of(row.flushed_at), row.application, row.dimension.name());
        sums.entry(key).or_insert((row.dimension, 0, 0)).2 += row.quantity;
    }
    let mut out = Reconciliation { receipts: receipts.len(), ..Reconciliation::default() };
    for ((hour, application, name), (dimension, ledger, receipts)) in sums {
        *out.totals.entry(name).or_default() += ledger;
        if ledger != receipts {
            out.differences.push(Difference { hour, application, dimension, ledger, receipts });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_store::usage::ReceiptRow;
    use uuid::Uuid;

    fn receipt(app: u128, at: i64, quantity: i64) -> Receipt {
        let at = Timestamp::from_secs(at);
        Receipt {
            id: Uuid::nil().into(),
            boot: Uuid::nil().into(),
            row: ReceiptRow {
                tenant: Uuid::nil().into(),
                application: Uuid::from_u128(app).into(),
                dimension: Dimension::TokenIssued,
                period_start: at,
                flushed_at: at,
                quantity,
                digest: [0; 32],
            },
        }
    }

    fn hour(app: u128, at: i64, quantity: i64) -> Hour {
        Hour {
            hour: Timestamp::from_secs(at),
            application: Uuid::from_u128(app).into(),
            dimension: Dimension::TokenIssued,
            quantity,
        }
    }

    #[test]
    fn agrees_to_the_unit() {
        let receipts = [receipt(1, 3_600, 2), receipt(1, 7_199, 3), receipt(1, 7_200, 4)];
        let done = compare(&[hour(1, 3_600, 5), hour(1, 7_200, 4)], &receipts);
        assert_eq!(done.differences, []);
        assert_eq!(done.totals, BTreeMap::from([("token.issued", 9)]));
    }

    #[test]
    fn every_disagreement_is_found() {
        // Changed in the ledger, missing in the ledger, missing among the receipts.
        let receipts = [receipt(1, 3_600, 2), receipt(2, 3_600, 3)];
        let done = compare(&[hour(1, 3_600, 1), hour(3, 3_600, 7)], &receipts);
        let found: Vec<_> = done.differences.iter().map(|d| (d.ledger, d.receipts)).collect();
        assert_eq!(found, [(1, 2), (0, 3), (7, 0)]);
    }
}
