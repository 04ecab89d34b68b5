//! Signing keys whose time has come get their successors.

use std::time::Duration;

use bailiwick_actors::{Error, Platform, Rotation};
use bailiwick_domain::TenantId;
use bailiwick_store::audit::Actor;
use bailiwick_store::{Error as StoreError, signing_keys};

/// Keys that one round looks at.
const BATCH: u64 = 16;
/// When what could not be rotated is tried again; others go first.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// Rotates what is due, of a few tenants; says of how many. When it is not zero there may be more.
/// What another node has rotated meanwhile is not due any more.
pub(super) async fn rotate_due(platform: &Platform) -> Result<usize, StoreError> {
    let now = platform.env().now();
    let ask = move |tx| async move { signing_keys::due(&tx, now, BATCH).await };
    let due: Vec<TenantId> = platform.store().system(ask).await?;
    for &tenant in &due {
        if let Err(e) = rotate(platform, tenant).await {
            tracing::error!(%tenant, error = %e, "signing keys were not rotated; tried again later");
        }
        // Whatever is due even now, one of an algorithm of a newer version among it.
        let until = now.plus(AGAIN);
        let put_off = move |tx| async move { signing_keys::put_off(&tx, tenant, now, until).await };
        platform.store().write::<_, StoreError, _, _>(tenant, put_off).await?;
    }
    Ok(due.len())
}

async fn rotate(platform: &Platform, id: TenantId) -> Result<(), Error> {
    let tenant = platform.tenant(id).await?.ok_or(StoreError::NotFound("tenant"))?;
    tenant.rotate_keys(Rotation::Due, Actor::system(id)).await.map(drop)
}
