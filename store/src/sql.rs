//! Raw statements: one text for both databases, rows by column name, sets of rows as parameters.

use bailiwick_domain::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, TryGetable, Value};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Error, Result};

/// The most rows of one set: larger sets are cut, so that a statement never has more parameters
/// than the databases accept (32,766).
const CHUNK: usize = 256;

fn statement(db: DbBackend, sql: &str, args: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db, sql, args)
}

/// Every row of a statement.
pub(crate) async fn all(
    tx: &impl ConnectionTrait,
    sql: &str,
    args: impl IntoIterator<Item = Value> + Send,
) -> Result<Vec<QueryResult>> {
    Ok(tx.query_all_raw(statement(tx.get_database_backend(), sql, args)).await?)
}

/// The first row of a statement.
pub(crate) async fn one(
    tx: &impl ConnectionTrait,
    sql: &str,
    args: impl IntoIterator<Item = Value> + Send,
) -> Result<Option<QueryResult>> {
    Ok(tx.query_one_raw(statement(tx.get_database_backend(), sql, args)).await?)
}

/// How many rows a statement changed.
pub(crate) async fn exec(
    tx: &impl ConnectionTrait,
    sql: &str,
    args: impl IntoIterator<Item = Value> + Send,
) -> Result<u64> {
    Ok(tx.execute_raw(statement(tx.get_database_backend(), sql, args)).await?.rows_affected())
}

/// A set of rows as a common table expression `cmd`.
pub(crate) struct Set<const N: usize> {
    /// The names of `cmd`'s columns, each with its type on PostgreSQL.
    pub columns: [(&'static str, &'static str); N],
    /// The rows, sorted by key: concurrent batches then lock rows in the same order.
    pub rows: Vec<[Value; N]>,
}

impl<const N: usize> Set<N> {
    /// Runs `sql`, which reads `cmd` and may use `args` as `$1`, `$2`, ..., and gives its rows.
    ///
    /// Each set is filled with rows of nulls up to a power of two, so that few distinct texts
    /// occur and prepared statements are used again. `sql` must let these rows fall: by a join,
    /// or by `tenant_id IS NOT NULL`.
    pub async fn run(
        self,
        tx: &impl ConnectionTrait,
        sql: &str,
        args: &[Value],
    ) -> Result<Vec<QueryResult>> {
        let mut found = Vec::new();
        let Some(nulls) = self.rows.first().map(|row| row.each_ref().map(Value::as_null)) else {
            return Ok(found);
        };
        let db = tx.get_database_backend();
        for chunk in self.rows.chunks(CHUNK) {
            let size = chunk.len().next_power_of_two();
            let text = format!("{} {sql}", self.head(db, args.len(), size));
            let fill = std::iter::repeat_n(&nulls, size - chunk.len());
            let values = chunk.iter().chain(fill).flatten();
            let params = args.iter().chain(values).cloned();
            found.extend(tx.query_all_raw(statement(db, &text, params)).await?);
        }
        Ok(found)
    }

    /// `WITH cmd(a, b) AS (VALUES ($2::uuid, $3::text), ($4, $5))`; the first row tells PostgreSQL
    /// the types. `SQLite` would read `$2::uuid` as the name of a parameter.
    fn head(&self, db: DbBackend, offset: usize, size: usize) -> String {
        let names = self.columns.map(|(name, _)| name).join(", ");
        let rows: Vec<String> = (0..size)
            .map(|row| {
                let cells: Vec<String> = self
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(i, (_, kind))| {
                        let n = offset + row * N + i + 1;
                        if row == 0 && db == DbBackend::Postgres {
                            format!("${n}::{kind}")
                        } else {
                            format!("${n}")
                        }
                    })
                    .collect();
                format!("({})", cells.join(", "))
            })
            .collect();
        format!("WITH cmd({names}) AS (VALUES {})", rows.join(", "))
    }
}

/// Reads the columns of a row by name.
pub(crate) trait Row {
    /// A column as it is.
    fn value<T: TryGetable>(&self, column: &str) -> Result<T>;

    /// An id.
    fn id<T: From<Uuid>>(&self, column: &str) -> Result<T> {
        Ok(self.value::<Uuid>(column)?.into())
    }

    /// An id that may be null; the nil UUID counts as null (unique keys treat nulls as distinct).
    fn maybe_id<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>> {
        Ok(self.value::<Option<Uuid>>(column)?.filter(|id| !id.is_nil()).map(T::from))
    }

    /// A time.
    fn time(&self, column: &str) -> Result<Timestamp> {
        Ok(Timestamp(self.value(column)?))
    }

    /// A time that may be null.
    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.value::<Option<i64>>(column)?.map(Timestamp))
    }

    /// A JSON column as a typed value; `what` names it in [`Error::Corrupt`].
    fn json<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T> {
        from_json(self.value(column)?, what)
    }
}

impl Row for QueryResult {
    fn value<T: TryGetable>(&self, column: &str) -> Result<T> {
        Ok(self.try_get("", column)?)
    }
}

/// A stored JSON value as a typed one.
pub(crate) fn from_json<T: DeserializeOwned>(
    value: serde_json::Value,
    what: &'static str,
) -> Result<T> {
    serde_json::from_value(value).map_err(|_| Error::Corrupt(what))
}

/// A value as a JSON parameter.
pub(crate) fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("our types have string keys and cannot fail to serialize")
}

/// A stored MAC or hash.
pub(crate) fn bytes32(bytes: Vec<u8>, what: &'static str) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| Error::Corrupt(what))
}

/// Keeps the rows that are readable: one that this version does not understand is reported and
/// left out, and does not take the others with it.
pub(crate) fn readable<T>(row: Result<T>) -> Option<T> {
    row.inspect_err(|error| tracing::error!(%error, "a stored row is left out")).ok()
}

/// The bound of a page, as a parameter.
pub(crate) fn limit(n: u64) -> Value {
    i64::try_from(n).unwrap_or(i64::MAX).into()
}
