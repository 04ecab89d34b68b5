//! Ending all that a user has.

use bailiwick_actors::RevokedKey;
use bailiwick_domain::{TenantId, Timestamp, UserId};
use bailiwick_store::{Error as StoreError, TenantTx, grants, sessions};

use crate::cx::Cx;

/// Ends the sessions of a user and revokes what it granted, with the tokens that came of it. The
/// result is for [`tell`], after the transaction.
///
/// # Errors
/// When the database fails.
pub async fn cut_off(
    tx: &TenantTx,
    tenant: TenantId,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<RevokedKey>, StoreError> {
    let ended = sessions::end_of_user(tx, tenant, user, now).await?;
    let revoked = grants::revoke_of_user(tx, tenant, user, now).await?;
    let ended = ended.into_iter().map(RevokedKey::Session);
    Ok(ended.chain(revoked.into_iter().map(RevokedKey::Grant)).collect())
}

/// Tells this node what is committed, before the caller is answered.
pub async fn tell(cx: &Cx, revoked: Vec<RevokedKey>) {
    if let Err(error) = cx.tenant.revoked(revoked).await {
        // It is in the change feed: this node learns it half a second later.
        tracing::warn!(%error, "revocations reach this node late");
    }
}
