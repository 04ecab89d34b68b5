//! What the tests of this crate stand on: every database there is, and a tenant with one of each.

use std::future::Future;
use std::path::PathBuf;

use bailiwick_domain::user::Authentication;
use bailiwick_domain::{
    ApplicationId, ApplicationSpec, BrowserId, Env, SessionId, TenantId, Timestamp, UserId,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::users::{Email, NewUser};
use crate::{Error, Store, StoreConfig, TenantTx, applications, sessions, users};

/// Runs a test on SQLite, and on PostgreSQL when `BAILIWICK_TEST_PG_OWNER_URL`, `_APP_URL` and
/// `_SYSTEM_URL` say where one is. It is given a world of its own.
pub(crate) async fn on_every_database(test: impl AsyncFn(World)) {
    let dir = TempDir::new();
    let sqlite = format!("sqlite:{}", dir.0.join("store.db").display());
    test(
        World::new(
            &open(StoreConfig {
                url: sqlite.into(),
                owner_url: None,
                system_url: None,
                max_connections: 4,
                redis_url: None,
            })
            .await,
        )
        .await,
    )
    .await;
    let url = |role| std::env::var(format!("BAILIWICK_TEST_PG_{role}_URL")).ok();
    if let (Some(owner), Some(app), Some(system)) = (url("OWNER"), url("APP"), url("SYSTEM")) {
        test(
            World::new(
                &open(StoreConfig {
                    url: app.into(),
                    owner_url: Some(owner.into()),
                    system_url: Some(system.into()),
                    max_connections: 4,
                    redis_url: None,
                })
                .await,
            )
            .await,
        )
        .await;
    }
}

async fn open(cfg: StoreConfig) -> Store {
    Store::migrate(&cfg, NOW).await.unwrap();
    Store::open(&cfg, &Env::system()).await.unwrap()
}

/// A folder that is removed when the test ends.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        let name = format!("bailiwick-store-{}", id::<Uuid>());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The time at which every test starts.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

/// A new id: random, so that tests can share a database.
pub(crate) fn id<T: From<Uuid>>() -> T {
    Env::system().id()
}

/// A new MAC.
pub(crate) fn mac() -> [u8; 32] {
    Env::system().bytes()
}

/// One store and the ids of what is in it.
#[derive(Clone)]
pub(crate) struct World {
    pub store: Store,
    pub tenant: TenantId,
    pub user: UserId,
    pub application: ApplicationId,
    pub browser_mac: [u8; 32],
    pub session: SessionId,
}

impl World {
    /// A tenant with a user who is signed in, and an application.
    pub async fn new(store: &Store) -> Self {
        let world = Self {
            store: store.clone(),
            tenant: id(),
            user: id(),
            application: id(),
            browser_mac: mac(),
            session: id(),
        };
        let it = world.clone();
        world
            .write(|tx| async move {
                users::create(&tx, it.tenant, &user(it.user, "Ada@Example.com"), NOW).await?;
                applications::insert(&tx, it.tenant, it.application, &spec("web"), NOW).await?;
                sessions::start(&tx, &it.sign_in()).await
            })
            .await
            .unwrap();
        world
    }

    /// A sign-in of the user with a new browser.
    pub fn sign_in(&self) -> sessions::StartSession {
        sessions::StartSession {
            tenant: self.tenant,
            browser: id::<BrowserId>(),
            browser_mac: self.browser_mac,
            previous: None,
            browser_expires_at: NOW.plus_secs(86_400),
            session: self.session,
            user: self.user,
            authentications: vec![password_at(NOW)],
            risk: 0,
            device: None,
            now: NOW,
            idle_expires_at: NOW.plus_secs(600),
            expires_at: NOW.plus_secs(3_600),
        }
    }

    pub async fn write<T, F, Fut>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(TenantTx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.store.write(self.tenant, f).await
    }
}

/// A user to create.
pub(crate) fn user(id: UserId, email: &str) -> NewUser {
    NewUser {
        id,
        sub: id.0.simple().to_string(),
        email: Email::new(email, true),
        name: Some("Ada".into()),
        claims: json!({"locale": "en"}).as_object().unwrap().clone(),
        password_hash: Some("$argon2id$hash".into()),
    }
}

/// A settled spec.
pub(crate) fn spec(client_id: &str) -> ApplicationSpec {
    let spec: Json = json!({
        "client_id": client_id, "name": "Web", "type": "web",
        "redirect_uris": ["https://app.example/cb"], "scopes": ["openid", "profile"],
    });
    serde_json::from_value::<ApplicationSpec>(spec).unwrap().settle(false).unwrap()
}

/// An authentication by password.
pub(crate) fn password_at(at: Timestamp) -> Authentication {
    Authentication { connection: "password".into(), amr: vec!["pwd".into()], at }
}
