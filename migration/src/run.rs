//! Brings a database up to date.

use std::path::{Path, PathBuf};

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _,
};

use crate::{Roles, VERSIONS, Version, ddl};

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The version before: 0 for an empty database.
    pub from: i64,
    /// The version now.
    pub to: i64,
    /// The names of the versions that were applied.
    pub applied: Vec<&'static str>,
    /// The copy that was made of an SQLite database that held something.
    pub backup: Option<PathBuf>,
}

/// The state of a database's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Its version.
    pub version: i64,
    /// The oldest [`crate::LATEST`] of a binary that works on it.
    pub min_compatible: i64,
}

/// Any number that no other use of the database takes for its advisory locks.
const LOCK: i64 = 0x6261_696c_6977_6963;

/// Brings `db` to [`crate::LATEST`]; does nothing when it is there or beyond.
///
/// All in one transaction: under an advisory lock on PostgreSQL; on SQLite under the write lock,
/// after a copy to `<file>.before-v<N>` when the database held something. PostgreSQL needs
/// `roles`; SQLite has none.
///
/// # Errors
/// Those of the database; nothing is changed then.
pub async fn run(
    db: &DatabaseConnection,
    roles: Option<&Roles>,
    sqlite_file: Option<&Path>,
    now_micros: i64,
) -> Result<Report, DbErr> {
    if (db.get_database_backend() == DbBackend::Postgres) != roles.is_some() {
        return Err(DbErr::Custom("PostgreSQL needs roles, and only PostgreSQL".into()));
    }
    run_versions(VERSIONS, db, roles, (sqlite_file, now_micros)).await
}

/// The state of the schema; `None` in a database that was never migrated.
///
/// # Errors
/// Those of the database.
pub async fn state(db: &impl ConnectionTrait) -> Result<Option<State>, DbErr> {
    let backend = db.get_database_backend();
    let exists = match backend {
        DbBackend::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = 'schema_state'",
        _ => "SELECT 1 WHERE to_regclass('schema_state') IS NOT NULL",
    };
    if db.query_one_raw(Statement::from_string(backend, exists)).await?.is_none() {
        return Ok(None);
    }
    let sql = "SELECT version, min_compatible FROM schema_state WHERE id = 1";
    let Some(row) = db.query_one_raw(Statement::from_string(backend, sql)).await? else {
        return Ok(None);
    };
    Ok(Some(State {
        version: row.try_get("", "version")?,
        min_compatible: row.try_get("", "min_compatible")?,
    }))
}

async fn run_versions(
    versions: &'static [Version],
    db: &DatabaseConnection,
    roles: Option<&Roles>,
    (sqlite_file, now): (Option<&Path>, i64),
) -> Result<Report, DbErr> {
    let latest = versions.last().map_or(0, |v| v.number);
    let before = state(db).await?.map_or(0, |s| s.version);
    if before >= latest {
        return Ok(Report { from: before, to: before, applied: Vec::new(), backup: None });
    }
    let backup = match sqlite_file {
        Some(file) if holds_something(db).await? => Some(copy(db, file, latest).await?),
        _ => None,
    };
    let backend = db.get_database_backend();
    let sqlite_transaction_mode =
        (backend == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
    let tx = db.begin_with_options(options).await?;
    if backend == DbBackend::Postgres {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    // Another process may have done it while this one waited for the lock.
    let from = match state(&tx).await? {
        Some(state) => state.version,
        None => {
            create_state(&tx, roles).await?;
            0
        }
    };
    let mut applied = Vec::new();
    for version in versions.iter().filter(|v| v.number > from) {
        let tables = version.tables.iter().flat_map(|t| t.iter());
        let statements: Vec<String> =
            tables.flat_map(|table| ddl::create(table, backend, roles)).collect();
        for sql in statements {
            tx.execute_unprepared(&sql).await?;
        }
        let sql = "UPDATE schema_state SET version = $1, min_compatible = $2, applied_at = $3 \
                   WHERE id = 1";
        let values = [version.number.into(), version.min_compatible.into(), now.into()];
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        applied.push(version.name);
    }
    tx.commit().await?;
    Ok(Report { from, to: latest.max(from), applied, backup })
}

async fn create_state(db: &impl ConnectionTrait, roles: Option<&Roles>) -> Result<(), DbErr> {
    db.execute_unprepared(
        "CREATE TABLE schema_state (id bigint PRIMARY KEY CHECK (id = 1), \
         version bigint NOT NULL, min_compatible bigint NOT NULL, applied_at bigint NOT NULL)",
    )
    .await?;
    db.execute_unprepared("INSERT INTO schema_state VALUES (1, 0, 0, 0)").await?;
    if let Some(roles) = roles {
        db.execute_unprepared(&ddl::grant_state(roles)).await?;
    }
    Ok(())
}

async fn holds_something(db: &DatabaseConnection) -> Result<bool, DbErr> {
    let sql = "SELECT 1 FROM sqlite_master LIMIT 1";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    Ok(row.is_some())
}

/// Copies the database beside itself. The copy gets its name when it is whole, and replaces the
/// copy of an earlier attempt.
async fn copy(db: &DatabaseConnection, file: &Path, version: i64) -> Result<PathBuf, DbErr> {
    let beside = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".before-v{version}{suffix}"));
        PathBuf::from(name)
    };
    let failed = |e: std::io::Error| DbErr::Custom(format!("copy before the migration: {e}"));
    let (part, whole) = (beside(".part"), beside(""));
    match std::fs::remove_file(&part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    // Made first, so that the copy is as private as the database.
    std::fs::File::create_new(&part).map_err(failed)?;
    let permissions = std::fs::metadata(file).map_err(failed)?.permissions();
    std::fs::set_permissions(&part, permissions).map_err(failed)?;
    let path = part.to_str().ok_or_else(|| DbErr::Custom("the path is not UTF-8".into()))?;
    db.execute_unprepared(&format!("VACUUM INTO '{}'", path.replace('\'', "''"))).await?;
    std::fs::rename(&part, &whole).map_err(failed)?;
    Ok(whole)
}

#[cfg(test)]
mod tests;
