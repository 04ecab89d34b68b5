use super::*;
use crate::testing::{NOW, World, id, on_every_database};

fn receipt(world: &World, at: Timestamp, quantity: i64) -> ReceiptRow {
    ReceiptRow {
        tenant: world.tenant,
        application: world.application,
        dimension: Dimension::TokenIssued,
        period_start: NOW,
        flushed_at: at,
        quantity,
        digest: [7; 32],
    }
}

async fn flush_all(world: &World, boot: BootId, rows: Vec<ReceiptRow>) {
    let tenants: Vec<TenantId> = rows.iter().map(|r| r.tenant).collect();
    let write = move |tx| async move { flush(&tx, boot, &rows).await };
    world.store.write::<_, Error, _, _>(tenants, write).await.unwrap();
}

async fn ledger(world: &World) -> Vec<i64> {
    let (tenant, to) = (world.tenant, NOW.plus_secs(100_000));
    let from = NOW.minus(std::time::Duration::from_secs(3_600));
    let read = move |tx| async move {
        let sum = receipts(&tx, tenant, from, to).await?.iter().map(|r| r.row.quantity).sum();
        let hours = hours(&tx, tenant, from, to).await?;
        Ok::<(i64, Vec<Hour>), Error>((sum, hours))
    };
    let (sum, hours) = world.write(read).await.unwrap();
    assert_eq!(sum, hours.iter().map(|h| h.quantity).sum::<i64>(), "the ledger is its receipts");
    hours.iter().map(|h| h.quantity).collect()
}

#[tokio::test]
async fn the_ledger_is_the_sum_of_its_receipts() {
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        let boot = id();
        let first = vec![
            receipt(&a, NOW, 3),
            receipt(&b, NOW, 100),
            receipt(&a, NOW.plus_secs(1), 4),
            receipt(&a, NOW.plus_secs(3_600), 5),
        ];
        flush_all(&a, boot, first.clone()).await;
        assert_eq!((ledger(&a).await, ledger(&b).await), (vec![7, 5], vec![100]));
        // Another flush adds; the same again, after the answer of a commit was lost, does not.
        flush_all(&a, boot, vec![receipt(&a, NOW.plus_secs(2), 1)]).await;
        flush_all(&a, boot, first).await;
        assert_eq!((ledger(&a).await, ledger(&b).await), (vec![8, 5], vec![100]));
        // The same moment on another node is another receipt.
        flush_all(&a, id(), vec![receipt(&a, NOW, 1)]).await;
        assert_eq!(ledger(&a).await, [9, 5]);
    })
    .await;
}

#[tokio::test]
async fn refusals_add_up() {
    on_every_database(async |w: World| {
        let row = |application, count| RefusalRow {
            tenant: w.tenant,
            minute: NOW,
            kind: "token.invalid_client".into(),
            application,
            network: "192.0.2.0/24".into(),
            count,
        };
        let rows = vec![row(None, 1), row(Some(w.application), 2), row(None, 3)];
        for _ in 0..2 {
            let rows = rows.clone();
            w.write(move |tx| async move { refusals(&tx, &rows).await }).await.unwrap();
        }
        let tenant = w.tenant.0;
        let read = move |tx| async move {
            let sql = "SELECT count FROM refusals WHERE tenant_id = $1 ORDER BY count";
            sql::all(&tx, sql, [tenant.into()]).await
        };
        let counts = w.write(read).await.unwrap();
        let counts: Vec<i64> = counts.iter().map(|r| r.value("count").unwrap()).collect();
        assert_eq!(counts, [4, 8]);
    })
    .await;
}

#[tokio::test]
async fn a_dimension_of_a_newer_version_is_left_out() {
    on_every_database(async |w: World| {
        flush_all(&w, id(), vec![receipt(&w, NOW, 3)]).await;
        let tenant = w.tenant;
        let read = move |tx| async move {
            let sql = "UPDATE usage_hourly SET dimension = 'newer' WHERE tenant_id = $1";
            sql::exec(&tx, sql, [tenant.0.into()]).await?;
            hours(&tx, tenant, Timestamp::EPOCH, NOW).await
        };
        assert_eq!(w.write(read).await.unwrap(), []);
    })
    .await;
}
