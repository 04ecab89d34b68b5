//! The statements that make a declared table.

use sea_orm_migration::sea_orm::DbBackend;

use crate::Roles;
use crate::table::{Column, Index, Scope, Table, Type, uuid};

/// What the app role may see, evaluated once a statement. After its first use a pooled connection
/// reads '', not NULL. The outer cast makes it a value: without it, `= ANY` would look for an array
/// among rows. IS TRUE keeps it a check: as a condition of an index it would hide from the planner
/// that a whole primary key is given, and other indexes, read by tenant alone, would look as good.
/// Every statement names its `tenant_id` for that.
const OWN_ROWS: &str = "(tenant_id = ANY ((SELECT string_to_array(NULLIF(current_setting(\
                        'app.tenant_ids', true), ''), ',')::uuid[])::uuid[])) IS TRUE";

/// The table, its indexes and, on PostgreSQL, who may do what with it.
pub(crate) fn create(table: &Table, backend: DbBackend, roles: Option<&Roles>) -> Vec<String> {
    let mut out = vec![create_table(table, backend)];
    out.extend(table.indexes.iter().map(|i| create_index(table.name, i)));
    if let Some(roles) = roles {
        out.extend(protect(table, roles));
    }
    out
}

fn create_table(table: &Table, backend: DbBackend) -> String {
    let tenant = (table.scope == Scope::Tenant).then(|| uuid("tenant_id"));
    let columns = tenant.iter().chain(table.columns);
    let mut parts: Vec<String> = columns.map(|c| column(c, backend)).collect();
    let serial = table.columns.iter().any(|c| c.kind == Type::Serial);
    if !serial {
        let key = tenant.iter().map(|c| c.name).chain(table.key.iter().copied());
        parts.push(format!("PRIMARY KEY ({})", list(key)));
    }
    parts.extend(table.owners.iter().map(|(column, owner)| {
        format!(
            "FOREIGN KEY (\"tenant_id\", \"{column}\") REFERENCES \"{owner}\" \
             (\"tenant_id\", \"id\") ON DELETE CASCADE"
        )
    }));
    let strict = if backend == DbBackend::Sqlite { " STRICT" } else { "" };
    format!("CREATE TABLE \"{}\" ({}){strict}", table.name, parts.join(", "))
}

fn column(column: &Column, backend: DbBackend) -> String {
    let kind = match (column.kind, backend) {
        (Type::Serial, DbBackend::Sqlite) => "INTEGER PRIMARY KEY AUTOINCREMENT",
        (Type::Int | Type::Bool, DbBackend::Sqlite) => "INTEGER",
        (Type::Text | Type::Json, DbBackend::Sqlite) => "TEXT",
        (Type::Uuid | Type::Bytes, DbBackend::Sqlite) => "BLOB",
        (Type::Serial, _) => "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        (Type::Int, _) => "bigint",
        (Type::Bool, _) => "boolean",
        // By bytes, like SQLite: both databases sort alike, and a prefix is a range of the index.
        (Type::Text, _) => "text COLLATE \"C\"",
        (Type::Json, _) => "jsonb",
        (Type::Uuid, _) => "uuid",
        (Type::Bytes, _) => "bytea",
    };
    let null = if column.nullable { "" } else { " NOT NULL" };
    format!("\"{}\" {kind}{null}", column.name)
}

fn create_index(table: &str, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let only = index.only.map(|c| format!(" WHERE {c}")).unwrap_or_default();
    let columns = list(index.columns.iter().copied());
    let name = index.columns.join("_");
    format!("CREATE {unique}INDEX \"{table}_{name}\" ON \"{table}\" ({columns}){only}")
}

fn protect(table: &Table, roles: &Roles) -> Vec<String> {
    let (name, app, system) = (table.name, quote(&roles.app), quote(&roles.system));
    let mut out =
        vec![format!("GRANT SELECT, INSERT, UPDATE, DELETE ON \"{name}\" TO {app}, {system}")];
    if table.scope == Scope::Tenant {
        out.extend([
            format!("ALTER TABLE \"{name}\" ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE \"{name}\" FORCE ROW LEVEL SECURITY"),
            format!(
                "CREATE POLICY app ON \"{name}\" TO {app} \
                 USING ({OWN_ROWS}) WITH CHECK ({OWN_ROWS})"
            ),
            format!(
                "CREATE POLICY system ON \"{name}\" TO {system} USING (true) WITH CHECK (true)"
            ),
        ]);
    }
    out
}

/// The statement that lets both roles read, and only read, the state of the schema.
pub(crate) fn grant_state(roles: &Roles) -> String {
    format!("GRANT SELECT ON schema_state TO {}, {}", quote(&roles.app), quote(&roles.system))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quote).collect::<Vec<_>>().join(", ")
}

/// A quoted identifier.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{VERSIONS, tables};

    #[test]
    fn a_tenant_table_brings_its_protection() {
        const THINGS: Table = crate::table::tenant("things", &["id"], &[uuid("id")]);
        let roles = Roles { app: "a\"b".into(), system: "s".into() };
        let sql = create(&THINGS, DbBackend::Postgres, Some(&roles)).join(";\n");
        for part in [
            "CREATE TABLE \"things\" (\"tenant_id\" uuid NOT NULL, \"id\" uuid NOT NULL, \
             PRIMARY KEY (\"tenant_id\", \"id\"))",
            "ENABLE ROW LEVEL SECURITY",
            "FORCE ROW LEVEL SECURITY",
            "TO \"a\"\"b\" USING ((tenant_id = ANY",
            "TO \"s\" USING (true)",
        ] {
            assert!(sql.contains(part), "{part} is missing in {sql}");
        }
    }

    #[test]
    fn names_fit_postgres_and_every_named_column_exists() {
        for table in tables(VERSIONS) {
            let known = |column: &str| {
                table.columns.iter().any(|c| c.name == column)
                    || (table.scope == Scope::Tenant && column == "tenant_id")
            };
            assert!(table.key.iter().all(|c| known(c)), "{}", table.name);
            assert!(table.owners.iter().all(|(c, _)| known(c)), "{}", table.name);
            for index in table.indexes {
                assert!(index.columns.iter().all(|c| known(c)), "{}", table.name);
                let name = create_index(table.name, index);
                let name = name.split('"').nth(1).expect("quoted");
                assert!(name.len() <= 63, "{name}");
            }
        }
    }
}
