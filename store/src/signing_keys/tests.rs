use std::time::Duration;

use super::*;
use crate::testing::{NOW, World, id, on_every_database};

fn key(rotate_at: Option<Timestamp>) -> Row {
    Row {
        id: id(),
        alg: SigningAlg::ES256,
        public_jwk: serde_json::json!({"kty": "EC"}),
        private_sealed: vec![1],
        published_at: NOW,
        signs_from: NOW,
        signs_until: None,
        gone_at: None,
        rotate_at,
    }
}

impl World {
    async fn keep(&self, key: &Row) {
        let (tenant, key) = (self.tenant, key.clone());
        self.write(move |tx| async move { insert(&tx, tenant, &key).await }).await.unwrap();
    }

    async fn keys(&self) -> Vec<Row> {
        let tenant = self.tenant;
        self.write(move |tx| async move { list(&tx, tenant).await }).await.unwrap()
    }

    async fn due(&self, now: Timestamp, limit: u64) -> Vec<TenantId> {
        let ask = move |tx| async move { due(&tx, now, limit).await };
        self.store.system::<_, Error, _, _>(ask).await.unwrap()
    }
}

#[tokio::test]
async fn who_has_waited_longest_is_due_first_and_who_is_put_off_later() {
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        // Before the times of every other test on this database.
        let (early, later) = (Timestamp(1), Timestamp(2));
        a.keep(&key(Some(early))).await;
        a.keep(&key(Some(early))).await;
        a.keep(&key(None)).await;
        b.keep(&key(Some(later))).await;
        assert_eq!(a.due(Timestamp(0), 9).await, []);
        assert_eq!(a.due(early, 9).await, [a.tenant], "once, with two keys");
        assert_eq!(a.due(later, 2).await, [a.tenant]);
        let mut both = vec![a.tenant, b.tenant];
        both.sort_unstable();
        let mut found = a.due(later, 3).await;
        found.sort_unstable();
        assert_eq!(found, both);
        let tenant = a.tenant;
        let until = NOW.plus(Duration::from_secs(60));
        a.write(move |tx| async move { put_off(&tx, tenant, early, until).await }).await.unwrap();
        assert_eq!(a.due(later, 9).await, [b.tenant]);
        let times: Vec<_> = a.keys().await.iter().map(|k| k.rotate_at).collect();
        assert_eq!(times.iter().filter(|at| **at == Some(until)).count(), 2);
        // What the other tests on this database ask for is theirs.
        for world in [&a, &b] {
            for key in world.keys().await {
                let tenant = world.tenant;
                let gone = move |tx| async move { delete(&tx, tenant, key.id).await };
                assert!(world.write(gone).await.unwrap());
                assert!(!world.write(gone).await.unwrap());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_times_of_a_key_change() {
    on_every_database(async |w: World| {
        let (mut changed, other, tenant) = (key(None), key(Some(NOW)), w.tenant);
        for key in [&changed, &other] {
            w.keep(key).await;
        }
        changed.signs_from = NOW.plus_secs(1);
        changed.signs_until = Some(NOW.plus_secs(2));
        changed.gone_at = Some(NOW.plus_secs(3));
        changed.rotate_at = Some(NOW.plus_secs(4));
        let given = changed.clone();
        let retimed = move |tx| async move {
            lock(&tx, tenant).await?;
            retime(&tx, tenant, &given).await
        };
        w.write(retimed).await.unwrap();
        let found = w.keys().await;
        assert!(found.len() == 2 && found.contains(&changed) && found.contains(&other));
        let (tenant, missing) = (w.tenant, key(None));
        let late = move |tx| async move { retime(&tx, tenant, &missing).await };
        assert!(matches!(w.write(late).await, Err(Error::Stale("signing key"))));
    })
    .await;
}
