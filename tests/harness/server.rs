//! A real server with a fresh database.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use bailiwick_domain::Env;
use reqwest::{Client, Response};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::env::{SeededEntropy, TestClock};
use crate::free_port;
use crate::node::Node;
use crate::postgres::Database;

/// Which database a server keeps its rows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded one: a file.
    Sqlite,
    /// A database of its own in the throw-away cluster.
    Postgres,
}

impl Backend {
    /// Whether `BAILIWICK_TEST_DATABASES` names it; all are wanted when that is not set.
    #[must_use]
    pub fn is_wanted(self) -> bool {
        let name = match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        };
        std::env::var("BAILIWICK_TEST_DATABASES")
            .map_or(true, |wanted| wanted.split(',').any(|w| w.trim() == name))
    }
}

/// How the server's time goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// It stands at [`crate::env::START`] until the test moves it.
    #[default]
    Still,
    /// It runs with the system's clock, for clients that read their own.
    Real,
}

/// How a server is started. The default suits nearly every test.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How its time goes.
    pub time: Time,
    /// What its randomness starts from.
    pub seed: u64,
    /// Further `BAILIWICK_*` variables, such as `("BAILIWICK_PASSWORDS__QUEUE", "1")`.
    pub config: Vec<(&'static str, String)>,
    /// The host of its public address, when that is not `127.0.0.1`: passkeys need a name.
    pub host: Option<&'static str>,
    /// Leaves out the check that every job was done.
    pub jobs_may_remain: bool,
}

impl Options {
    /// The server's time is the system's.
    #[must_use]
    pub fn real_time() -> Self {
        Self { time: Time::Real, ..Self::default() }
    }

    /// At `http://localhost:PORT`.
    #[must_use]
    pub fn localhost() -> Self {
        Self { host: Some("localhost"), ..Self::default() }
    }

    /// With one more `BAILIWICK_*` variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.config.push((name, value.into()));
        self
    }
}

/// A running server. Dropping it stops the server, and fails the test when a job is left undone.
pub struct Server {
    /// Its public address, without a trailing slash: `http://127.0.0.1:PORT`.
    pub base: String,
    /// Its clock; see [`Server::advance`].
    pub clock: TestClock,
    /// Follows no redirects and keeps no cookies; [`crate::Browser`] does.
    pub http: Client,
    /// Its database in the throw-away cluster; none on SQLite.
    pub database: Option<Database>,
    env: Env,
    config: HashMap<String, String>,
    data: TempDir,
    node: Mutex<Option<Node>>,
    jobs_may_remain: bool,
    runtime: Handle,
}

impl Server {
    /// Starts a server with a fresh database and waits until it is ready.
    pub async fn start(backend: Backend, options: Options) -> Self {
        let clock = match options.time {
            Time::Still => TestClock::still(),
            Time::Real => TestClock::real(),
        };
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Database::migrated().await),
        };
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let listen = format!("127.0.0.1:{}", free_port());
        let base = match options.host {
            Some(host) => listen.replace("127.0.0.1", &format!("http://{host}")),
            None => format!("http://{listen}"),
        };
        let mut config = HashMap::from([
            ("BAILIWICK_DATA_DIR".to_owned(), data.path().display().to_string()),
            ("BAILIWICK_LISTEN".to_owned(), listen),
            ("BAILIWICK_PUBLIC_URL".to_owned(), base.clone()),
        ]);
        if let Some(database) = &database {
            config.insert("BAILIWICK_DATABASE_URL".to_owned(), database.app.clone());
            config.insert("BAILIWICK_DATABASE_SYSTEM_URL".to_owned(), database.system.clone());
            // Only the embedded mode makes its own.
            write_master_key(&data.path().join("master.key"));
        }
        config.extend(options.config.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let server = Self {
            env: Env::new(clock.clone(), SeededEntropy::new(options.seed)),
            http: client(),
            node: Mutex::new(None),
            jobs_may_remain: options.jobs_may_remain,
            runtime: Handle::current(),
            base,
            clock,
            database,
            config,
            data,
        };
        server.start_node().await;
        server
    }

    /// Stops the server in order and starts it again on the same data and at the same address.
    pub async fn restart(&self) {
        self.stop_node().await;
        self.start_node().await;
    }

    /// Starts a second node on the same database, at an address of its own; the public address
    /// stays that of this one.
    pub async fn peer(&self) -> Peer {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut config = self.config.clone();
        config.insert("BAILIWICK_LISTEN".to_owned(), listen.clone());
        // Randomness of its own, the same time.
        let env = Env::new(self.clock.clone(), SeededEntropy::new(u64::MAX));
        let node = Node::start(config, env).await;
        Peer { base: format!("http://{listen}"), node }
    }

    /// Applies a manifest, as `bailiwick apply --output json` does, and gives that output.
    pub async fn apply(&self, manifest: &str) -> Value {
        let node = self.node.lock().await;
        node.as_ref().expect("the server runs").apply(manifest).await
    }

    /// A new key of the management API, with these roles, of a tenant that is there.
    pub async fn api_key(&self, slug: &str, roles: &[&str]) -> String {
        let node = self.node.lock().await;
        node.as_ref().expect("the server runs").api_key(slug, roles).await
    }

    /// Moves the time forward and waits until the server is ready again: after a jump it first
    /// has to look at the change feed.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.ready().await;
    }

    /// The folder of `BAILIWICK_DATA_DIR`.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data.path().to_owned()
    }

    /// The `BAILIWICK_*` variables that it was started with: for running the binary beside it.
    #[must_use]
    pub fn config(&self) -> &HashMap<String, String> {
        &self.config
    }

    /// The issuer of the tenant with this slug.
    #[must_use]
    pub fn issuer(&self, slug: &str) -> String {
        format!("{}/t/{slug}", self.base)
    }

    /// The address of a path, which starts with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.expect("the server answers")
    }

    /// POST of a form.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.http.post(self.url(path)).form(form).send().await.expect("the server answers")
    }

    /// The one number that a statement gives, past row-level security.
    pub async fn number(&self, sql: &str) -> i64 {
        self.rows::<(i64,)>(sql).await.first().expect("the statement gives a row").0
    }

    /// How many rows each table has: comparing two of these shows what a request wrote.
    pub async fn row_counts(&self) -> BTreeMap<String, i64> {
        let tables = match &self.database {
            None => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            }
            Some(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        };
        let mut counts = BTreeMap::new();
        for (table,) in self.rows::<(String,)>(tables).await {
            let count = self.number(&format!("SELECT COUNT(*) FROM {table}")).await;
            counts.insert(table, count);
        }
        counts
    }

    /// The rows that a statement gives, past row-level security.
    pub async fn rows<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + Send
            + Unpin,
    {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows = match &self.database {
            Some(database) => {
                let mut connection =
                    PgConnection::connect(&database.superuser).await.expect("PostgreSQL answers");
                sqlx::query_as(sql).fetch_all(&mut connection).await
            }
            None => {
                let file = self.data.path().join("bailiwick.db");
                let url = format!("sqlite://{}", file.display());
                let mut connection =
                    SqliteConnection::connect(&url).await.expect("the file is there");
                sqlx::query_as(sql).fetch_all(&mut connection).await
            }
        };
        rows.expect("the statement is right")
    }

    async fn start_node(&self) {
        *self.node.lock().await = Some(Node::start(self.config.clone(), self.env.clone()).await);
        self.ready().await;
    }

    async fn stop_node(&self) {
        if let Some(node) = self.node.lock().await.take() {
            node.stop().await;
        }
    }

    async fn ready(&self) {
        for _ in 0..1_000 {
            if self.get("/health/ready").await.status() == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server did not get ready");
    }

    /// Due jobs that were not done, and those that failed, once the worker had time for them.
    async fn jobs_left(&self) -> Vec<(String, Option<String>)> {
        let now = self.env.now().0;
        let sql = format!(
            "SELECT kind, last_error FROM jobs WHERE finished_at IS NULL \
             AND (run_at <= {now} OR last_error IS NOT NULL)"
        );
        let mut left = Vec::new();
        for _ in 0..250 {
            left = self.rows(&sql).await;
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        left
    }

    async fn finish(&self, failed: bool) {
        let running = self.node.lock().await.is_some();
        let left = if running && !failed && !self.jobs_may_remain {
            self.jobs_left().await
        } else {
            Vec::new()
        };
        self.stop_node().await;
        assert!(left.is_empty(), "jobs are left undone: {left:?}");
    }
}

/// A second node, see [`Server::peer`].
pub struct Peer {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
    node: Node,
}

impl Peer {
    /// Stops it in order.
    pub async fn stop(self) {
        self.node.stop().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        let this = &*self;
        // Drop cannot wait for a future on a thread that already waits for one.
        let finished = std::thread::scope(|scope| {
            scope.spawn(|| this.runtime.block_on(this.finish(failed))).join()
        });
        if let (Err(why), false) = (finished, failed) {
            std::panic::resume_unwind(why);
        }
    }
}

/// Writes a master keyring of one known key.
pub fn write_master_key(path: &std::path::Path) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.create_new(true).write(true).mode(0o600).open(path);
    let key = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    file.and_then(|mut f| f.write_all(key.as_bytes())).expect("a temporary folder is writable");
}

#[expect(clippy::disallowed_methods, reason = "the tests are the other people here")]
/// A client that follows no redirects.
#[must_use]
pub fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client can be built")
}
