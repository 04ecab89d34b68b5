//! The ids of entities of a type, in their order: what a search looks through.

use bailiwick_domain::TenantId;
use bailiwick_domain::authz::{APPLICATION, GROUP, ORGANIZATION, ROLE, SESSION, USER};

use super::{groups, objects, roles};
use crate::error::Result;
use crate::tx::TenantTx;
use crate::{organizations, users};

/// Whether everything of a type can be looked through. Sessions cannot; applications are in memory.
#[must_use]
pub fn is_listed(kind: &str) -> bool {
    !matches!(kind, SESSION | APPLICATION)
}

/// The ids of a type after one of them: at most `limit`. What is no id comes before all.
///
/// # Errors
/// When the database fails.
pub async fn ids_after(
    tx: &TenantTx,
    tenant: TenantId,
    kind: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<String>> {
    fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    }
    Ok(match kind {
        USER => {
            let after = after.and_then(|id| id.parse().ok());
            texts(&users::ids_after(tx, tenant, after, limit).await?)
        }
        GROUP => {
            let after = after.and_then(|id| id.parse().ok());
            texts(&groups::ids_after(tx, tenant, after, limit).await?)
        }
        ORGANIZATION => {
            let after = after.and_then(|id| id.parse().ok());
            texts(&organizations::ids_after(tx, tenant, after, limit).await?)
        }
        ROLE => {
            let found = roles::page(tx, tenant, after, limit).await?;
            found.into_iter().map(|role| role.name).collect()
        }
        SESSION | APPLICATION => Vec::new(),
        kind => objects::ids_after(tx, tenant, kind, after, limit).await?,
    })
}
