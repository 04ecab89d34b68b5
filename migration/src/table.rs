//! How a table is declared.

/// Who may see the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Rows of tenants: `tenant_id` comes first by itself, under row-level security.
    Tenant,
    /// The platform's own: no row-level security.
    Platform,
}

/// What a column holds. Every whole number, times included, is an `i64`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Uuid,
    Int,
    Text,
    Bool,
    Json,
    Bytes,
    /// A number that counts up by itself: the table's whole primary key.
    Serial,
}

#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub name: &'static str,
    pub kind: Type,
    pub nullable: bool,
}

impl Column {
    const fn new(name: &'static str, kind: Type) -> Self {
        Self { name, kind, nullable: false }
    }

    pub(crate) const fn null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

pub(crate) const fn uuid(name: &'static str) -> Column {
    Column::new(name, Type::Uuid)
}
pub(crate) const fn int(name: &'static str) -> Column {
    Column::new(name, Type::Int)
}
pub(crate) const fn text(name: &'static str) -> Column {
    Column::new(name, Type::Text)
}
pub(crate) const fn boolean(name: &'static str) -> Column {
    Column::new(name, Type::Bool)
}
pub(crate) const fn json(name: &'static str) -> Column {
    Column::new(name, Type::Json)
}
pub(crate) const fn bytes(name: &'static str) -> Column {
    Column::new(name, Type::Bytes)
}
pub(crate) const fn serial(name: &'static str) -> Column {
    Column::new(name, Type::Serial)
}

/// An index; its name is made of the table's and the columns' names.
#[derive(Clone, Copy)]
pub(crate) struct Index {
    pub columns: &'static [&'static str],
    pub unique: bool,
    pub only: Option<&'static str>,
}

impl Index {
    /// A partial index: only rows that meet the condition.
    pub(crate) const fn only(self, condition: &'static str) -> Self {
        Self { only: Some(condition), ..self }
    }
}

pub(crate) const fn index(columns: &'static [&'static str]) -> Index {
    Index { columns, unique: false, only: None }
}

pub(crate) const fn unique(columns: &'static [&'static str]) -> Index {
    Index { columns, unique: true, only: None }
}

/// A table.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub name: &'static str,
    pub scope: Scope,
    pub columns: &'static [Column],
    /// The primary key, after `tenant_id` in a tenant table; empty with a [`Type::Serial`].
    pub key: &'static [&'static str],
    pub indexes: &'static [Index],
    /// Owners in the same tenant as (column, table): their rows take these along when deleted.
    pub owners: &'static [(&'static str, &'static str)],
}

impl Table {
    const fn new(
        name: &'static str,
        scope: Scope,
        key: &'static [&'static str],
        columns: &'static [Column],
    ) -> Self {
        Self { name, scope, columns, key, indexes: &[], owners: &[] }
    }

    pub(crate) const fn indexes(self, indexes: &'static [Index]) -> Self {
        Self { indexes, ..self }
    }

    pub(crate) const fn owners(self, owners: &'static [(&'static str, &'static str)]) -> Self {
        Self { owners, ..self }
    }
}

/// A tenant table. Tenants themselves are no owners in the sense of foreign keys: every insert
/// anywhere would lock the one row of its tenant.
pub(crate) const fn tenant(
    name: &'static str,
    key: &'static [&'static str],
    columns: &'static [Column],
) -> Table {
    Table::new(name, Scope::Tenant, key, columns)
}

/// A table of the platform.
pub(crate) const fn platform(
    name: &'static str,
    key: &'static [&'static str],
    columns: &'static [Column],
) -> Table {
    Table::new(name, Scope::Platform, key, columns)
}
