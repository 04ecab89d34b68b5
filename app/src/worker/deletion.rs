//! The end of accounts whose people want that.

use bailiwick_actors::Platform;
use bailiwick_domain::{EventKind, JobId, UserId};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::jobs::{self, Job, JobKind, NewJob};
use bailiwick_store::{Error as StoreError, TenantTx, users};

use crate::flow::cut_off::cut_off;
use crate::mails::send::unavailable;

/// Deletes an account if that is still wanted, and due: it may have been kept, or planned anew.
pub(super) async fn run(platform: &Platform, job: &Job) -> Result<bool, StoreError> {
    let user = job.payload.get("user").and_then(serde_json::Value::as_str);
    let user: UserId = user.and_then(|id| id.parse().ok()).ok_or(StoreError::Corrupt("job"))?;
    let (tenant, now, env) = (job.tenant, platform.env().now(), platform.env());
    let event = AuditEvent::new(env, tenant, EventKind::UserDeleted, Actor::user(tenant, user));
    let event = event.on("user", user.0);
    let id: JobId = env.id();
    let payload = serde_json::json!({ "user": user });
    let purge = NewJob { id, kind: JobKind::PurgeDeleted, payload, run_at: now };
    let write = move |tx: TenantTx| async move {
        let found = users::get(&tx, tenant, user).await?;
        let due = found.filter(|u| u.delete_at.is_some_and(|at| at <= now));
        let Some(found) = due else { return Ok(Vec::new()) };
        let revoked = cut_off(&tx, tenant, user, now).await?;
        users::delete(&tx, tenant, user, found.version, now).await?;
        jobs::enqueue(&tx, tenant, &purge, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(revoked)
    };
    let revoked = platform.store().write(tenant, write).await?;
    if !revoked.is_empty()
        && let Some(handle) = platform.tenant(tenant).await.map_err(unavailable)?
        && let Err(error) = handle.revoked(revoked).await
    {
        // It is in the change feed: this node learns it half a second later.
        tracing::warn!(%error, "revocations reach this node late");
    }
    Ok(true)
}
