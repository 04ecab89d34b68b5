//! Raw statements: one text for both databases, rows by column name, sets of rows as parameters.

use bailiwick_domain::{TenantId, Timestamp};
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
    /// The names of `cmd`'s columns, each with its type on PostgreSQL: `uuid`, and `uuid?` when it
    /// may be null. A column that may be null cannot hold its type's empty value.
    pub columns: [(&'static str, &'static str); N],
    /// The rows, sorted by key: concurrent batches then lock rows in the same order.
    pub rows: Vec<[Value; N]>,
}

impl Set<2> {
    /// Tenants with ids of theirs, as `tenant_id` and `id`.
    pub fn of_ids<'a, T: Copy + Into<Uuid> + 'a>(
        ids: impl IntoIterator<Item = &'a (TenantId, T)>,
    ) -> Self {
        let row = |(tenant, id): &(TenantId, T)| [tenant.0.into(), Into::<Uuid>::into(*id).into()];
        let rows = ids.into_iter().map(row).collect();
        Self { columns: [("tenant_id", "uuid"), ("id", "uuid")], rows }
    }
}

impl<const N: usize> Set<N> {
    /// Runs `sql`, which reads `cmd` and may use `args` as `$1`, `$2`, ..., and gives its rows.
    ///
    /// Few distinct texts occur, so that prepared statements are used again: one on PostgreSQL,
    /// which is given an array a column; one a power of two on `SQLite`, filled with rows of
    /// nulls. `sql` must let these fall: by a join, or by `tenant_id IS NOT NULL`.
    pub async fn run(
        self,
        tx: &impl ConnectionTrait,
        sql: &str,
        args: &[Value],
    ) -> Result<Vec<QueryResult>> {
        let mut found = Vec::new();
        let db = tx.get_database_backend();
        for chunk in self.rows.chunks(CHUNK) {
            let (head, values) = if db == DbBackend::Postgres {
                (self.arrays_head(args.len()), self.arrays(chunk)?)
            } else {
                let size = chunk.len().next_power_of_two();
                (self.values_head(args.len(), size), filled(chunk, size))
            };
            let text = format!("{head} {sql}");
            let params = args.iter().cloned().chain(values);
            found.extend(tx.query_all_raw(statement(db, &text, params)).await?);
        }
        Ok(found)
    }

    /// `WITH cmd AS (SELECT a, NULLIF(b, '') AS b FROM unnest($2::uuid[], $3::text[]) AS x(a, b))`.
    fn arrays_head(&self, offset: usize) -> String {
        let names = self.columns.map(|(name, _)| name).join(", ");
        let selected = self.columns.map(|(name, kind)| match kind {
            "uuid?" => format!("NULLIF({name}, '{}') AS {name}", Uuid::nil()),
            _ if kind.ends_with('?') => format!("NULLIF({name}, '') AS {name}"),
            _ => name.to_owned(),
        });
        let arrays = self.columns.iter().zip(offset + 1..);
        let arrays = arrays.map(|((_, kind), n)| format!("${n}::{}[]", kind.trim_end_matches('?')));
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        let selected = selected.join(", ");
        format!("WITH cmd AS (SELECT {selected} FROM unnest({arrays}) AS x({names}))")
    }

    /// The columns of rows as arrays, a null as the empty value of its type.
    fn arrays(&self, rows: &[[Value; N]]) -> Result<Vec<Value>> {
        let mut columns: [Vec<Value>; N] = std::array::from_fn(|_| Vec::with_capacity(rows.len()));
        for row in rows {
            for ((value, (name, kind)), column) in row.iter().zip(self.columns).zip(&mut columns) {
                let null = *value == value.as_null();
                if null && !kind.ends_with('?') {
                    return Err(Error::Statement(format!("{name} must not be null")));
                }
                column.push(if null { value.dummy_value() } else { value.clone() });
            }
        }
        let array = |column: Vec<Value>| {
            let kind = column.first().map(Value::array_type);
            kind.map(|kind| Value::Array(kind, Some(Box::new(column))))
        };
        Ok(columns.into_iter().filter_map(array).collect())
    }

    /// `WITH cmd(a, b) AS (VALUES ($2, $3), ($4, $5))`.
    fn values_head(&self, offset: usize, size: usize) -> String {
        let names = self.columns.map(|(name, _)| name).join(", ");
        let row = |row: usize| {
            let cells = (0..N).map(|i| format!("${}", offset + row * N + i + 1));
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        };
        let rows = (0..size).map(row).collect::<Vec<_>>().join(", ");
        format!("WITH cmd({names}) AS (VALUES {rows})")
    }
}

/// The values of rows, with rows of nulls up to `size`.
fn filled<const N: usize>(rows: &[[Value; N]], size: usize) -> Vec<Value> {
    let nulls = rows.first().map(|row| row.each_ref().map(Value::as_null));
    let fill = nulls.iter().cycle().take(size - rows.len());
    rows.iter().chain(fill).flatten().cloned().collect()
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
