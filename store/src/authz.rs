//! What authorization is decided by: groups and their members, roles and who has them, entities of
//! the tenant's own, policies; and the log of decisions.
//!
//! Whatever changes how an entity looks to policies tells the change feed in its transaction, and
//! so does whatever changes what roles and policies allow.

use bailiwick_domain::TenantId;
use sea_orm::DbBackend;

use crate::error::Result;
use crate::sql;
use crate::tx::TenantTx;

pub mod assignments;
pub mod candidates;
pub mod decisions;
pub mod groups;
pub mod held;
pub mod members;
pub mod objects;
pub mod platform;
pub mod policies;
pub mod replays;
pub mod roles;

#[cfg(test)]
mod tests;

/// Keeps other transactions of the tenant from what must see the whole: giving and removing roles
/// and members, and moving entities in the hierarchy. SQLite has one writer and needs no lock.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &TenantTx, tenant: TenantId) -> Result<()> {
    if tx.backend() == DbBackend::Postgres {
        let sql = "SELECT tenant_id FROM tenants WHERE tenant_id = $1 FOR UPDATE";
        sql::one(tx, sql, [tenant.0.into()]).await?;
    }
    Ok(())
}
