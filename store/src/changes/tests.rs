use super::*;
use crate::Error;
use crate::testing::{NOW, World, on_every_database};

async fn give(world: &World, topic: Topic, key: &'static str, at: Timestamp) {
    let tenant = world.tenant;
    world
        .write(move |tx| async move { append(&tx, tenant, topic, key, 1, at).await })
        .await
        .unwrap();
}

async fn feed(world: &World, from: Position, limit: u64) -> Vec<Change> {
    let read = move |tx| async move { since(&tx, from, limit).await };
    world.store.system::<_, Error, _, _>(read).await.unwrap()
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_though_times_are_equal() {
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        let at = NOW.plus_secs(5);
        for (world, key) in [(&a, "1"), (&b, "2"), (&a, "3"), (&b, "4")] {
            give(world, Topic::Keys, key, at).await;
        }
        give(&a, Topic::Keys, "0", NOW).await;
        let mut keys = Vec::new();
        let mut from = Position::from(at);
        loop {
            let page = feed(&a, from, 2).await;
            let Some(last) = page.last() else { break };
            from = Position::from(last);
            let own = |c: &&Change| [a.tenant, b.tenant].contains(&c.tenant);
            keys.extend(page.iter().filter(own).map(|c| c.key.clone()));
        }
        assert_eq!(keys, ["1", "2", "3", "4"]);
    })
    .await;
}

#[tokio::test]
async fn a_topic_of_a_newer_version_is_kept_without_one() {
    on_every_database(async |w: World| {
        let at = NOW.plus_secs(5);
        give(&w, Topic::Tenant, "", at).await;
        let tenant = w.tenant.0;
        let rename = move |tx| async move {
            let sql =
                "UPDATE changes SET topic = 'newer' WHERE tenant_id = $1 AND topic = 'tenant'";
            sql::exec(&tx, sql, [tenant.into()]).await
        };
        w.write(rename).await.unwrap();
        let page = feed(&w, Position::from(at), 10_000).await;
        let own = page.iter().find(|c| c.tenant == w.tenant).unwrap();
        assert_eq!((own.topic, own.version, own.at), (None, 1, at));
    })
    .await;
}

#[tokio::test]
async fn a_starting_tenant_reads_its_own_revocations() {
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        give(&a, Topic::Revoked, "early", NOW).await;
        give(&a, Topic::Revoked, "grant:1", NOW.plus_secs(1)).await;
        give(&a, Topic::Tenant, "", NOW.plus_secs(1)).await;
        give(&b, Topic::Revoked, "grant:2", NOW.plus_secs(1)).await;
        let (tenant, from) = (a.tenant, NOW.plus_secs(1));
        let read = move |tx| async move { revoked_since(&tx, tenant, from).await };
        let keys: Vec<_> = a.write(read).await.unwrap().into_iter().map(|c| c.key).collect();
        assert_eq!(keys, ["grant:1"]);
    })
    .await;
}

#[tokio::test]
async fn postgres_tells_the_time() {
    on_every_database(async |w: World| {
        let read = |tx: SystemTx| async move { Ok((tx.backend(), database_time(&tx).await?)) };
        let (backend, time) = w.store.system::<_, Error, _, _>(read).await.unwrap();
        assert_eq!(time.is_some(), backend == DbBackend::Postgres);
        assert!(time.is_none_or(|t| t > NOW));
    })
    .await;
}

#[test]
fn keys_of_entities_hold_type_and_id() {
    let key = entity_key("Crm::Deal", "a\"::b");
    assert_eq!(parse_entity_key(&key), Some(("Crm::Deal", "a\"::b")));
    assert_eq!(parse_entity_key(EVERY_ENTITY), None);
}
