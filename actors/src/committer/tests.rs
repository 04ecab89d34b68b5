use bailiwick_domain::CommandId;
use bailiwick_store::Error as StoreError;
use bailiwick_store::batch::{Action, Command, Outcome};
use bailiwick_store::changes::{self, Topic};
use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::Error;
use crate::runtime::BATCH;
use crate::testing::{platform, tenant};

/// While the database stands still, so much waits and the rest is refused at once. What was
/// accepted is done, what was refused is not.
#[test]
fn a_full_queue_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    crate::runtime::run(async {
        let platform = platform(folder.path(), 64 << 20).await;
        let tenant = tenant(&platform, "acme").await;
        let id = tenant.view().tenant.id;
        let (env, store) = (platform.env().clone(), platform.store().clone());
        // Whoever writes next waits for this transaction.
        let (release, released) = oneshot::channel::<()>();
        let (hold, held) = oneshot::channel::<()>();
        let holder = tokio::spawn(async move {
            let wait = move |_| async move {
                let _ = hold.send(());
                let _ = released.await;
                Ok::<_, StoreError>(())
            };
            store.write(id, wait).await
        });
        held.await.expect("it holds");
        let command = |_| {
            let jti = env.token::<16>();
            let action = Action::RevokeToken { jti, expires_at: env.now().plus_secs(600) };
            tenant.commit(Command { id: env.id::<CommandId>(), tenant: id, action, audit: None })
        };
        let release = async {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            release.send(()).expect("it waits");
        };
        let sent = 30 * BATCH;
        let (outcomes, ()) = tokio::join!(join_all((0..sent).map(command)), release);
        holder.await.expect("it ran").expect("it commits");
        let done = outcomes.iter().filter(|o| matches!(o, Ok(Outcome::TokenRevoked))).count();
        let full = outcomes.iter().filter(|o| matches!(o, Err(Error::Full))).count();
        assert_eq!(done + full, sent);
        assert!(done >= BATCH && full >= BATCH, "{done} done, {full} refused");
        let read = move |tx| async move {
            let from = bailiwick_domain::Timestamp::EPOCH;
            changes::revoked_since(&tx, id, from).await
        };
        let rows = platform.store().read::<_, StoreError, _, _>(id, read).await.expect("read");
        assert!(rows.iter().all(|row| row.topic == Some(Topic::Revoked)));
        assert_eq!(rows.len(), done, "what was accepted is done, and nothing else");
        platform.stop().await;
    });
}
