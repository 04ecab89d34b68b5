//! Schema history and row-level security.
//!
//! A table is declared once, for SQLite and PostgreSQL ([`table`]); a declaration of a tenant
//! table brings its `tenant_id`, its composite keys and, on PostgreSQL, its row-level security and
//! grants, so that the next table cannot forget them. [`run`] brings a database up to [`LATEST`].

mod ddl;
mod run;
mod table;
mod v1;

use std::sync::LazyLock;

pub use run::{Report, State, run, state};
pub use sea_orm_migration::sea_orm::DbErr;

use table::{Scope, Table};

/// The two roles that the application uses on PostgreSQL; the owner of the tables is a third.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Held to the tenants named in `app.tenant_ids`.
    pub app: String,
    /// Sees every tenant.
    pub system: String,
}

/// One version of the schema.
///
/// `min_compatible` is the oldest [`LATEST`] of a binary that still works on it: expand first,
/// contract in a later version.
struct Version {
    number: i64,
    min_compatible: i64,
    name: &'static str,
    tables: &'static [&'static [Table]],
}

/// Every version, in order.
const VERSIONS: &[Version] =
    &[Version { number: 1, min_compatible: 1, name: "first schema", tables: v1::TABLES }];

/// The version of the schema that this binary needs.
pub const LATEST: i64 = 1;

/// The names of the tables under the tenant rule: every statement on one names `tenant_id`.
#[must_use]
pub fn tenant_tables() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        tables(VERSIONS).filter(|t| t.scope == Scope::Tenant).map(|t| t.name).collect()
    });
    &NAMES
}

fn tables(versions: &'static [Version]) -> impl Iterator<Item = &'static Table> {
    versions.iter().flat_map(|v| v.tables).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_to_the_latest() {
        let numbers: Vec<i64> = VERSIONS.iter().map(|v| v.number).collect();
        assert_eq!(numbers, (1..=LATEST).collect::<Vec<_>>());
        assert!(VERSIONS.iter().all(|v| (1..=v.number).contains(&v.min_compatible)));
    }

    #[test]
    fn only_the_address_book_names_tenants_outside_the_tenant_rule() {
        let outside: Vec<_> = tables(VERSIONS)
            .filter(|t| t.scope == Scope::Platform)
            .filter(|t| t.columns.iter().any(|c| c.name == "tenant_id"))
            .map(|t| t.name)
            .collect();
        assert_eq!(outside, ["addresses"]);
        assert!(tenant_tables().contains(&"tenants") && tenant_tables().contains(&"jobs"));
    }
}
