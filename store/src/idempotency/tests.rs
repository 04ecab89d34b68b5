use super::*;
use crate::testing::{NOW, World, mac, on_every_database};

async fn ask(world: &World, call: Call, now: Timestamp) -> Begun {
    let tenant = world.tenant;
    let begin = move |tx| async move { begin(&tx, tenant, &call, now, now.plus_secs(60)).await };
    world.write(begin).await.unwrap()
}

#[tokio::test]
async fn a_call_is_done_once_until_it_is_forgotten() {
    on_every_database(async |w: World| {
        let (call, tenant) = (Call { key_hash: mac(), request_hash: [1; 32] }, w.tenant);
        assert_eq!(ask(&w, call, NOW).await, Begun::Fresh);
        assert_eq!(ask(&w, call, NOW).await, Begun::InProgress);
        let body = Some(b"sealed".to_vec());
        let expires = NOW.plus_secs(3_600);
        let answer = Answer { status: 201, body: body.clone(), expires };
        let key = call.key_hash;
        w.write(move |tx| async move { finish(&tx, tenant, &key, answer).await }).await.unwrap();
        assert_eq!(ask(&w, call, NOW).await, Begun::Replay { status: 201, body });
        assert_eq!(ask(&w, Call { request_hash: [2; 32], ..call }, NOW).await, Begun::Different);
        // Another tenant's key is another key.
        let other = World::new(&w.store).await;
        assert_eq!(ask(&other, call, NOW).await, Begun::Fresh);
        let later = NOW.plus_secs(60);
        assert_eq!(ask(&other, call, later).await, Begun::Fresh, "nobody finished it in time");
        assert!(matches!(ask(&w, call, later).await, Begun::Replay { .. }));
        assert_eq!(ask(&w, call, expires).await, Begun::Fresh);
        // What did nothing is given back; what was finished stays.
        w.write(move |tx| async move { forget(&tx, tenant, &key).await }).await.unwrap();
        assert_eq!(ask(&w, call, expires).await, Begun::Fresh);
        let (unknown, again) = (mac(), Answer { status: 200, body: None, expires });
        let lost = w.write(move |tx| async move { finish(&tx, tenant, &unknown, again).await });
        assert!(matches!(lost.await, Err(Error::NotFound(_))));
    })
    .await;
}
