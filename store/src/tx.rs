//! Transactions: the only way to a statement.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bailiwick_domain::TenantId;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::guard;
use crate::open::{Inner, Store};
use crate::sql::{self, Row as _};

/// The longest that the statements of a transaction take together.
const WORK: Duration = Duration::from_secs(8);
/// The longest wait for the answer of a commit.
const COMMIT: Duration = Duration::from_secs(5);
/// How long a lost answer is looked for, and how often.
const READ_BACK: Duration = Duration::from_secs(10);
const READ_BACK_AGAIN: Duration = Duration::from_millis(200);

/// The tenants that a transaction may touch: one in a request, the batch's in a committer.
#[derive(Clone, Debug)]
pub struct Tenants(Arc<[TenantId]>);

impl From<TenantId> for Tenants {
    fn from(id: TenantId) -> Self {
        Self(Arc::new([id]))
    }
}

impl From<Vec<TenantId>> for Tenants {
    fn from(mut ids: Vec<TenantId>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self(ids.into())
    }
}

/// A transaction for an explicit set of tenants. Cheap to clone; every store function takes it.
///
/// On PostgreSQL row-level security holds it to its tenants. In builds with debug assertions, so
/// in every test, a statement that names a tenant table without `tenant_id` fails.
#[derive(Clone, Debug)]
pub struct TenantTx {
    tx: Arc<DatabaseTransaction>,
    tenants: Tenants,
    /// Whether the other nodes have something to learn from it.
    pub(crate) announces: Arc<AtomicBool>,
}

impl TenantTx {
    /// The tenants it may touch, sorted.
    #[must_use]
    pub fn tenants(&self) -> &[TenantId] {
        &self.tenants.0
    }

    /// The database it runs on.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }
}

/// A transaction of the platform over every tenant: routing, the change feed, claiming jobs,
/// asking whose signing keys are due, bounded cleaning, and nothing else.
#[derive(Clone, Debug)]
pub struct SystemTx {
    tx: Arc<DatabaseTransaction>,
}

impl SystemTx {
    /// The database it runs on.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }
}

macro_rules! connection {
    ($name:ident, $check:expr) => {
        #[async_trait]
        impl ConnectionTrait for $name {
            fn get_database_backend(&self) -> DbBackend {
                self.tx.get_database_backend()
            }
            async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
                $check(&stmt.sql)?;
                #[cfg(test)]
                explained::note(&*self.tx, &stmt).await?;
                self.tx.execute_raw(stmt).await
            }
            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                $check(sql)?;
                self.tx.execute_unprepared(sql).await
            }
            async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
                $check(&stmt.sql)?;
                #[cfg(test)]
                explained::note(&*self.tx, &stmt).await?;
                self.tx.query_one_raw(stmt).await
            }
            async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
                $check(&stmt.sql)?;
                #[cfg(test)]
                explained::note(&*self.tx, &stmt).await?;
                self.tx.query_all_raw(stmt).await
            }
        }
    };
}

connection!(TenantTx, scoped);
connection!(SystemTx, unscoped);

fn scoped(sql: &str) -> Result<(), DbErr> {
    if cfg!(debug_assertions)
        && let Err(table) = guard::check(sql)
    {
        return Err(DbErr::Custom(format!("no tenant_id in a statement on {table}: {sql}")));
    }
    Ok(())
}

/// Plans of the statements of a test.
#[cfg(test)]
pub(crate) mod explained {
    use std::cell::RefCell;

    use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

    tokio::task_local! {
        /// Where it is set, each statement on PostgreSQL is explained before it runs.
        pub(crate) static PLANS: RefCell<Vec<String>>;
    }

    pub(super) async fn note(tx: &impl ConnectionTrait, stmt: &Statement) -> Result<(), DbErr> {
        let wanted = PLANS.try_with(|_| ()).is_ok() && stmt.db_backend == DbBackend::Postgres;
        if !wanted || stmt.sql.starts_with("EXPLAIN") {
            return Ok(());
        }
        let explain = Statement { sql: format!("EXPLAIN {}", stmt.sql), ..stmt.clone() };
        let lines = tx.query_all_raw(explain).await?;
        let lines = lines.iter().map(|l| l.try_get_by_index(0)).collect::<Result<Vec<String>, _>>();
        let plan = format!("{}\n{}", stmt.sql, lines?.join("\n"));
        PLANS.with(|plans| plans.borrow_mut().push(plan));
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the other side of `scoped`")]
const fn unscoped(_: &str) -> Result<(), DbErr> {
    Ok(())
}

impl Store {
    /// Runs `f` in a transaction that commits when it returns `Ok` and rolls back otherwise.
    ///
    /// It runs to its end on the store's runtime even when the caller stops waiting.
    ///
    /// # Errors
    /// Those of `f`; [`Error::Unavailable`] when no connection is to be had in time;
    /// [`Error::CommitLost`] when the answer of the commit did not arrive.
    pub async fn write<T, E, F, Fut>(&self, tenants: impl Into<Tenants>, f: F) -> Result<T, E>
    where
        F: FnOnce(TenantTx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.scoped(tenants.into(), Mode::Write, f).await
    }

    /// Runs `f` in a read-only transaction: one consistent view, no locks.
    ///
    /// # Errors
    /// Those of `f`, and [`Error::Unavailable`].
    pub async fn read<T, E, F, Fut>(&self, tenants: impl Into<Tenants>, f: F) -> Result<T, E>
    where
        F: FnOnce(TenantTx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.scoped(tenants.into(), Mode::Read, f).await
    }

    /// Runs `f` over every tenant. Rare: see [`SystemTx`].
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn system<T, E, F, Fut>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(SystemTx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        self.run(async move {
            let tx = Arc::new(inner.watched(begin(&inner.system, Mode::Write)).await?);
            let done = bounded(f(SystemTx { tx: Arc::clone(&tx) })).await;
            finish(&inner, (tx, Lost::Unknown), done).await
        })
        .await
    }

    async fn scoped<T, E, F, Fut>(&self, tenants: Tenants, mode: Mode, f: F) -> Result<T, E>
    where
        F: FnOnce(TenantTx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        self.run(async move {
            let (tx, lost) = inner.watched(begin_for(&inner, &tenants, mode)).await?;
            let (tx, announces) = (Arc::new(tx), Arc::<AtomicBool>::default());
            let scoped = TenantTx { tx: Arc::clone(&tx), tenants, announces: announces.clone() };
            let done = bounded(f(scoped)).await;
            let done = finish(&inner, (tx, lost), done).await;
            if let (true, Some(redis)) = (announces.load(Ordering::Relaxed), &inner.redis)
                && done.is_ok()
            {
                redis.announce();
            }
            done
        })
        .await
    }

    /// Runs a task on the store's runtime and waits for it.
    async fn run<T, E>(
        &self,
        task: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self.inner.runtime().spawn(task).await {
            Ok(done) => done,
            Err(e) if e.is_panic() => Err(Error::Statement("a store task panicked".into()).into()),
            Err(_) => Err(Error::Unavailable("the store is stopping".into()).into()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

async fn begin(db: &DatabaseConnection, mode: Mode) -> Result<DatabaseTransaction> {
    let options = match (db.get_database_backend(), mode) {
        // The write lock at once: a deferred transaction that upgrades can fail half-way.
        (DbBackend::Sqlite, Mode::Write) => TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        },
        _ => TransactionOptions::default(),
    };
    Ok(db.begin_with_options(options).await?)
}

/// What it means that the answer of a commit did not arrive.
enum Lost {
    /// Nothing: it only read.
    Nothing,
    /// PostgreSQL knows what became of this transaction.
    Ask(String),
    /// Whether it was committed is not known.
    Unknown,
}

async fn begin_for(
    inner: &Inner,
    tenants: &Tenants,
    mode: Mode,
) -> Result<(DatabaseTransaction, Lost)> {
    let db = if mode == Mode::Read { &inner.reader } else { &inner.writer };
    let tx = begin(db, mode).await?;
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok((tx, if mode == Mode::Read { Lost::Nothing } else { Lost::Unknown }));
    }
    // Ids are hexadecimal digits and hyphens, so that they cannot break out of the literal.
    let ids = tenants.0.iter().map(|t| t.0.to_string()).collect::<Vec<_>>().join(",");
    if mode == Mode::Read {
        let sql = format!("SET TRANSACTION READ ONLY; SET LOCAL app.tenant_ids = '{ids}'");
        tx.execute_unprepared(&sql).await?;
        return Ok((tx, Lost::Nothing));
    }
    let sql = "SELECT set_config('app.tenant_ids', $1, true), pg_current_xact_id()::text AS xid";
    let row = sql::one(&tx, sql, [ids.into()]).await?;
    let xid = row.map(|row| row.value("xid")).transpose()?;
    Ok((tx, xid.map_or(Lost::Unknown, Lost::Ask)))
}

impl Inner {
    /// Begins a transaction unless PostgreSQL was away a moment ago, and notes whether it is.
    async fn watched<T>(&self, begin: impl Future<Output = Result<T>>) -> Result<T> {
        if self.is_sqlite() {
            return begin.await;
        }
        if !self.breaker.admits(Instant::now().into_std()) {
            return Err(Error::Unavailable("it was away a moment ago".into()));
        }
        let begun = begin.await;
        match &begun {
            Err(Error::Unavailable(why)) => {
                let random = self.env.bytes::<1>()[0];
                if self.breaker.failed(Instant::now().into_std(), random) {
                    tracing::warn!(error = why, "PostgreSQL is away");
                }
            }
            _ if self.breaker.succeeded() => tracing::info!("PostgreSQL is back"),
            _ => {}
        }
        begun
    }
}

/// The work of a transaction, which must end: a network that swallows packets ends nothing.
async fn bounded<T, E: From<Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let late = |_| Error::Unavailable("a transaction took too long".into());
    tokio::time::timeout(WORK, work).await.map_err(late)?
}

/// Commits or rolls back. A clone of the transaction that outlives its closure is a mistake of
/// ours, and rolls back.
async fn finish<T, E: From<Error>>(
    inner: &Inner,
    (tx, on_loss): (Arc<DatabaseTransaction>, Lost),
    done: Result<T, E>,
) -> Result<T, E> {
    let Some(tx) = Arc::into_inner(tx) else {
        return Err(Error::Statement("a transaction outlived its closure".into()).into());
    };
    match done {
        Ok(value) => {
            let lost = match tokio::time::timeout(COMMIT, tx.commit()).await {
                Ok(Ok(())) => return Ok(value),
                Ok(Err(e)) => match Error::from(e) {
                    Error::Unavailable(why) => why,
                    other => return Err(other.into()),
                },
                Err(_) => "no answer to a commit".to_owned(),
            };
            match on_loss {
                Lost::Nothing => Ok(value),
                Lost::Ask(xid) => Ok(read_back(inner, &xid, lost).await.map(|()| value)?),
                // The embedded database is a file: a commit that fails did not happen.
                Lost::Unknown if inner.is_sqlite() => Err(Error::Unavailable(lost).into()),
                Lost::Unknown => Err(Error::CommitLost(lost).into()),
            }
        }
        Err(e) => {
            if let Err(rollback) = tx.rollback().await {
                tracing::warn!(error = %rollback, "rollback failed; the connection is dropped");
            }
            Err(e)
        }
    }
}

/// Finds out what became of a commit whose answer was lost: PostgreSQL remembers the fate of every
/// recent transaction by its number.
async fn read_back(inner: &Inner, xid: &str, why: String) -> Result<()> {
    let asked = async {
        loop {
            let sql = "SELECT pg_xact_status($1::text::xid8) AS status";
            let row = sql::one(&inner.system, sql, [xid.into()]).await;
            let status = row.and_then(|r| r.map(|r| r.value("status")).transpose());
            match status.as_ref().map(|s: &Option<String>| s.as_deref()) {
                Ok(Some("committed")) => return Ok(()),
                Ok(Some("aborted")) => return Err(Error::Unavailable(why.clone())),
                _ => tokio::time::sleep(READ_BACK_AGAIN).await,
            }
        }
    };
    let unknown = |_| Error::CommitLost(why.clone());
    let found = tokio::time::timeout(READ_BACK, asked).await.map_err(unknown)?;
    tracing::warn!(xid, committed = found.is_ok(), "the answer of a commit was lost and found");
    found
}
