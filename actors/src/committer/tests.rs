use bailiwick_domain::limits::Ceilings;
use bailiwick_domain::{CommandId, Env, TenantSettings};
use bailiwick_store::batch::{Action, Command, Outcome};
use bailiwick_store::changes::{self, Topic};
use bailiwick_store::vault::MasterKeyring;
use bailiwick_store::{Error as StoreError, Store, StoreConfig};
use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::runtime::BATCH;
use crate::{Error, NewTenant, Options, Platform};

async fn platform(folder: &std::path::Path) -> Platform {
    let env = Env::system();
    let config = StoreConfig {
        url: format!("sqlite://{}", folder.join("test.db").display()).into(),
        owner_url: None,
        system_url: None,
        max_connections: 4,
        redis_url: None,
    };
    let store = Store::open(&config, &env).await.expect("a fresh database opens");
    let keyring = MasterKeyring::load_or_create(&folder.join("master.key"), &env).expect("made");
    let options = Options {
        public_url: "http://localhost:8080".into(),
        base_domain: None,
        development: true,
        ceilings: Ceilings::default(),
    };
    Platform::start(store, env, keyring, options).await.expect("it starts")
}

/// While the database stands still, so much waits and the rest is refused at once. What was
/// accepted is done, what was refused is not.
#[test]
fn a_full_queue_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    crate::runtime::run(async {
        let platform = platform(folder.path()).await;
        let new = NewTenant {
            slug: "acme".into(),
            name: "Acme".into(),
            settings: TenantSettings::default(),
        };
        let id = platform.create_tenant(new, None).await.expect("created").id;
        let tenant = platform.tenant(id).await.expect("read").expect("there");
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
