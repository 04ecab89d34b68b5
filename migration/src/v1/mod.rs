//! The first schema.

use crate::table::Table;

mod access;
mod accounts;
mod authz;
mod platform;
mod work;

/// By subject; a table comes after the tables that own its rows.
pub(crate) const TABLES: &[&[Table]] =
    &[platform::TABLES, accounts::TABLES, access::TABLES, authz::TABLES, work::TABLES];
