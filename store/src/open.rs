//! Opening the database: pools, the runtime that all I/O runs on, and the schema's version.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_domain::breaker::{Breaker, Rule};
use bailiwick_domain::{Env, Timestamp};
use bailiwick_migration::{LATEST, Roles, State};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement,
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};
use crate::redis::Redis;

pub use bailiwick_migration::Report as Migrated;

/// How long a transaction waits for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was idle for this long is tested before it is used.
const TEST_AFTER: Duration = Duration::from_secs(30);
/// How long a statement on SQLite waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Routing, the poll of the change feed and the claiming of jobs: rare and short.
const SYSTEM_CONNECTIONS: u32 = 4;
/// The server gives up a statement, or a transaction that nobody continues, after this long.
const STATEMENT_TIMEOUT: &str = "8s";
const ABANDONED: &str = "10s";
/// How many prepared statements a connection keeps: more than there are texts.
const STATEMENTS: usize = 300;
/// Every statement of ours finds its rows by key, in the order in which it names its tables. The
/// planner is held to that: what it would rather do while a table is small, or was small when it
/// was last counted, takes seconds when it has grown.
const PLANS: [(&str, &str); 7] = [
    // Once a connection: planning takes longer than running.
    ("plan_cache_mode", "force_generic_plan"),
    ("join_collapse_limit", "1"),
    ("from_collapse_limit", "1"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // Compiling takes longer still.
    ("jit", "off"),
];
const BREAKER: Rule =
    Rule { failures: 3, first: Duration::from_millis(200), longest: Duration::from_secs(2) };

/// Where the database is. The user names in the three PostgreSQL URLs are the names of the roles.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite:path` or `postgres://app@...`.
    pub url: SecretString,
    /// PostgreSQL only: the owner of the tables, for [`Store::migrate`].
    pub owner_url: Option<SecretString>,
    /// PostgreSQL only, required: the role that sees every tenant.
    pub system_url: Option<SecretString>,
    /// The most connections for transactions of tenants; on SQLite, for reading ones.
    pub max_connections: u32,
    /// `redis://...`: what the nodes of a cluster share beside the database.
    pub redis_url: Option<SecretString>,
}

/// The database. Cheap to clone; the last clone closes it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// Transactions that only read.
    pub(crate) reader: DatabaseConnection,
    /// Transactions that write: one connection on SQLite, the reader's pool on PostgreSQL.
    pub(crate) writer: DatabaseConnection,
    /// Transactions over every tenant.
    pub(crate) system: DatabaseConnection,
    /// SQLite: one connection that stays open, because `data_version` is relative to it.
    watcher: Option<DatabaseConnection>,
    /// Lets nobody wait for a PostgreSQL that is away.
    pub(crate) breaker: Breaker,
    pub(crate) redis: Option<Redis>,
    pub(crate) env: Env,
    runtime: Owned,
}

impl Inner {
    pub(crate) fn is_sqlite(&self) -> bool {
        self.writer.get_database_backend() == DbBackend::Sqlite
    }

    /// Where every statement runs.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime.handle
    }
}

impl Store {
    /// Opens the database: migrates it first on SQLite, checks its schema on PostgreSQL.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Schema`] and [`Error::Unavailable`], with what to do.
    pub async fn open(cfg: &StoreConfig, env: &Env) -> Result<Self> {
        let runtime = Owned::new()?;
        let redis = cfg.redis_url.as_ref().map(|url| Redis::open(url, &runtime.handle, env));
        let (redis, cfg, now) = (redis.transpose()?, cfg.clone(), env.now());
        let pools = on(&runtime.handle, async move {
            match backend(&cfg.url)? {
                DbBackend::Sqlite => open_sqlite(&cfg, now).await,
                _ => open_postgres(&cfg).await,
            }
        })
        .await?;
        let Pools { reader, writer, system, watcher } = pools;
        let (breaker, env) = (Breaker::new(BREAKER), env.clone());
        let inner = Inner { reader, writer, system, watcher, breaker, redis, env, runtime };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the nodes of a cluster share beside the database; none unless it is configured.
    #[must_use]
    pub fn redis(&self) -> Option<&Redis> {
        self.inner.redis.as_ref()
    }

    /// Whether the last attempts to reach PostgreSQL failed.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.inner.breaker.is_open()
    }

    /// Brings the schema up to date, as the owner of the tables.
    ///
    /// # Errors
    /// [`Error::Config`] without an owner on PostgreSQL, [`Error::Unavailable`], and
    /// [`Error::Statement`]; nothing is changed then.
    pub async fn migrate(cfg: &StoreConfig, now: Timestamp) -> Result<Migrated> {
        let runtime = Owned::new()?;
        let cfg = cfg.clone();
        on(&runtime.handle, async move {
            match backend(&cfg.url)? {
                DbBackend::Sqlite => {
                    migrate_sqlite(&Sqlite::new(&cfg)?.writer().await?, &cfg, now).await
                }
                _ => migrate_postgres(&cfg, now).await,
            }
        })
        .await
    }

    /// Whether it is the embedded database, which has one writer.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.inner.is_sqlite()
    }

    /// A number that differs from the last one when anybody, this process included, has committed
    /// meanwhile; `None` on PostgreSQL.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn data_version(&self) -> Result<Option<i64>> {
        let Some(watcher) = self.inner.watcher.clone() else { return Ok(None) };
        on(self.inner.runtime(), async move {
            let sql = Statement::from_string(DbBackend::Sqlite, "PRAGMA data_version");
            let row = watcher.query_one_raw(sql).await?;
            Ok(row.map(|r| r.try_get_by_index(0)).transpose()?)
        })
        .await
    }
}

/// A runtime that can be dropped anywhere: dropping a plain one inside async code panics.
#[derive(Debug)]
struct Owned {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Owned {
    fn new() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|e| Error::Unavailable(format!("no threads for the store: {e}")))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs a task on a runtime, and waits for it on any other.
async fn on<T: Send + 'static>(
    runtime: &Handle,
    task: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    runtime.spawn(task).await.map_err(|e| Error::Unavailable(format!("the store stopped: {e}")))?
}

struct Pools {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    system: DatabaseConnection,
    watcher: Option<DatabaseConnection>,
}

fn backend(url: &SecretString) -> Result<DbBackend> {
    match url.expose_secret().split_once(':') {
        Some(("sqlite", _)) => Ok(DbBackend::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(DbBackend::Postgres),
        _ => Err(Error::Config("the database URL must begin with sqlite: or postgres:".into())),
    }
}

fn options(url: &SecretString, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose_secret());
    options
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false);
    options
}

/// An SQLite file and how to connect to it.
struct Sqlite<'a> {
    cfg: &'a StoreConfig,
    file: PathBuf,
}

impl<'a> Sqlite<'a> {
    fn new(cfg: &'a StoreConfig) -> Result<Self> {
        let url = cfg.url.expose_secret();
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(Error::Config("the database must be a file".into()));
        }
        let parsed: SqliteConnectOptions =
            url.parse().map_err(|e| Error::Config(format!("the SQLite URL: {e}")))?;
        Ok(Self { cfg, file: parsed.get_filename().to_owned() })
    }

    async fn connect(&self, connections: u32, read_only: bool) -> Result<DatabaseConnection> {
        let mut options = options(&self.cfg.url, connections);
        options.idle_timeout(None).max_lifetime(None).map_sqlx_sqlite_opts(move |o| {
            let o = o
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT);
            if read_only { o.pragma("query_only", "ON") } else { o }
        });
        Ok(Database::connect(options).await?)
    }

    /// The one connection that writes; makes the file, for this user only, when there is none.
    async fn writer(&self) -> Result<DatabaseConnection> {
        let mut open = std::fs::OpenOptions::new();
        open.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        match open.open(&self.file) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::Config(format!("{}: {e}", self.file.display())));
            }
            _ => {}
        }
        self.connect(1, false).await
    }
}

async fn open_sqlite(cfg: &StoreConfig, now: Timestamp) -> Result<Pools> {
    let sqlite = Sqlite::new(cfg)?;
    let writer = sqlite.writer().await?;
    migrate_sqlite(&writer, cfg, now).await?;
    check(bailiwick_migration::state(&writer).await?)?;
    Ok(Pools {
        reader: sqlite.connect(cfg.max_connections, true).await?,
        watcher: Some(sqlite.connect(1, true).await?),
        system: writer.clone(),
        writer,
    })
}

async fn migrate_sqlite(
    writer: &DatabaseConnection,
    cfg: &StoreConfig,
    now: Timestamp,
) -> Result<Migrated> {
    let file = Sqlite::new(cfg)?.file;
    Ok(bailiwick_migration::run(writer, None, Some(&file), now.0).await?)
}

/// One connection without limits: a migration takes as long as it takes.
async fn owner_postgres(url: &SecretString) -> Result<DatabaseConnection> {
    let mut options = options(url, 1);
    options.set_application_name("bailiwick migrate");
    Ok(Database::connect(options).await?)
}

/// A pool that serves: no statement and no transaction may hold its rows for long.
async fn serve_postgres(url: &SecretString, connections: u32) -> Result<DatabaseConnection> {
    let mut options = options(url, connections);
    options
        .set_application_name("bailiwick")
        .test_before_acquire_if_idle_for(TEST_AFTER)
        .map_sqlx_postgres_opts(|o| {
            o.statement_cache_capacity(STATEMENTS).options(PLANS).options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("idle_in_transaction_session_timeout", ABANDONED),
            ])
        });
    Ok(Database::connect(options).await?)
}

async fn open_postgres(cfg: &StoreConfig) -> Result<Pools> {
    let app = serve_postgres(&cfg.url, cfg.max_connections).await?;
    check(bailiwick_migration::state(&app).await?)?;
    let system = serve_postgres(system_url(cfg)?, SYSTEM_CONNECTIONS).await?;
    Ok(Pools { reader: app.clone(), writer: app, system, watcher: None })
}

async fn migrate_postgres(cfg: &StoreConfig, now: Timestamp) -> Result<Migrated> {
    let owner = cfg.owner_url.as_ref().ok_or_else(|| {
        Error::Config("migrating PostgreSQL needs the URL of the tables' owner".into())
    })?;
    let roles = Roles { app: user(&cfg.url)?, system: user(system_url(cfg)?)? };
    let db = owner_postgres(owner).await?;
    Ok(bailiwick_migration::run(&db, Some(&roles), None, now.0).await?)
}

fn system_url(cfg: &StoreConfig) -> Result<&SecretString> {
    cfg.system_url.as_ref().ok_or_else(|| {
        Error::Config("PostgreSQL needs the URL of the role that sees every tenant".into())
    })
}

/// The user name in a PostgreSQL URL.
fn user(url: &SecretString) -> Result<String> {
    let options: PgConnectOptions = url
        .expose_secret()
        .parse()
        .map_err(|e| Error::Config(format!("the PostgreSQL URL: {e}")))?;
    Ok(options.get_username().to_owned())
}

/// Whether this binary works on a schema in that state.
fn check(state: Option<State>) -> Result<()> {
    match state {
        Some(s) if s.min_compatible > LATEST => Err(Error::Schema(format!(
            "the schema of the database is at version {} and works only with programs of schema \
             version {} or later; this one is of version {LATEST}: start the newer program",
            s.version, s.min_compatible
        ))),
        Some(s) if s.version >= LATEST => Ok(()),
        other => Err(Error::Schema(format!(
            "the schema of the database is at version {} and this program needs version {LATEST}: \
             run `bailiwick migrate` first",
            other.map_or(0, |s| s.version)
        ))),
    }
}

#[cfg(test)]
mod tests;
