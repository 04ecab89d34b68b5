//! Transactions: the only way to a statement.

use std::future::Future;
use std::sync::Arc;

use bailiwick_domain::TenantId;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

use crate::error::{Error, Result};
use crate::guard;
use crate::open::{Inner, Store};

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
                self.tx.execute_raw(stmt).await
            }
            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                $check(sql)?;
                self.tx.execute_unprepared(sql).await
            }
            async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
                $check(&stmt.sql)?;
                self.tx.query_one_raw(stmt).await
            }
            async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
                $check(&stmt.sql)?;
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
            let tx = Arc::new(begin(&inner.system, Mode::Write).await?);
            let done = f(SystemTx { tx: Arc::clone(&tx) }).await;
            finish(tx, done).await
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
            let tx = Arc::new(begin_for(&inner, &tenants, mode).await?);
            let done = f(TenantTx { tx: Arc::clone(&tx), tenants }).await;
            finish(tx, done).await
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

async fn begin_for(inner: &Inner, tenants: &Tenants, mode: Mode) -> Result<DatabaseTransaction> {
    let db = if mode == Mode::Read { &inner.reader } else { &inner.writer };
    let tx = begin(db, mode).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        // Ids are hexadecimal digits and hyphens, so that they cannot break out of the literal.
        let ids = tenants.0.iter().map(|t| t.0.to_string()).collect::<Vec<_>>().join(",");
        let read_only = if mode == Mode::Read { "SET TRANSACTION READ ONLY; " } else { "" };
        tx.execute_unprepared(&format!("{read_only}SET LOCAL app.tenant_ids = '{ids}'")).await?;
    }
    Ok(tx)
}

/// Commits or rolls back. A clone of the transaction that outlives its closure is a mistake of
/// ours, and rolls back.
async fn finish<T, E: From<Error>>(
    tx: Arc<DatabaseTransaction>,
    done: Result<T, E>,
) -> Result<T, E> {
    let Some(tx) = Arc::into_inner(tx) else {
        return Err(Error::Statement("a transaction outlived its closure".into()).into());
    };
    match done {
        Ok(value) => {
            let sqlite = tx.get_database_backend() == DbBackend::Sqlite;
            tx.commit().await.map_err(|e| match Error::from(e) {
                Error::Unavailable(why) if !sqlite => Error::CommitLost(why),
                other => other,
            })?;
            Ok(value)
        }
        Err(e) => {
            if let Err(rollback) = tx.rollback().await {
                tracing::warn!(error = %rollback, "rollback failed; the connection is dropped");
            }
            Err(e)
        }
    }
}
