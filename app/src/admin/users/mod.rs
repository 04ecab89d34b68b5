//! Users of the tenant.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
mod members;
pub mod patch;

pub use members::UserMembers;

use bailiwick_actors::RevokedKey;
use bailiwick_domain::user::User;
use bailiwick_domain::{TenantId, Timestamp, UserId};
use bailiwick_store::{Error as StoreError, TenantTx, grants, sessions};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::cx::Cx;

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody<'a> {
    /// Its id.
    #[schema(value_type = String, example = "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: UserId,
    /// The `sub` of tokens.
    #[schema(example = "Yk3v0mQx8sZ1aT5cP7nR2w")]
    sub: &'a str,
    /// The e-mail address, as the user wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ada@example.com")]
    email: Option<&'a str>,
    /// Whether the address is known to be the user's.
    email_verified: bool,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ada Lovelace")]
    name: Option<&'a str>,
    /// Further claims.
    #[schema(value_type = Object, example = json!({"given_name": "Ada"}))]
    claims: &'a Map<String, Value>,
    /// `false`: may not sign in, and nothing issued to it works.
    active: bool,
    /// Counts its changes: `v1` is the ETag of version 1.
    #[schema(example = 1)]
    version: i64,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    updated_at: String,
}

impl<'a> From<&'a User> for UserBody<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            sub: &user.sub,
            email: user.email.as_deref(),
            email_verified: user.email_verified,
            name: user.name.as_deref(),
            claims: &user.claims,
            active: user.active,
            version: user.version,
            created_at: user.created_at.to_rfc3339(),
            updated_at: user.updated_at.to_rfc3339(),
        }
    }
}

/// Ends the sessions of a user and revokes what it granted, with the tokens that came of it. The
/// result is for [`tell`], after the transaction.
///
/// # Errors
/// When the database fails.
async fn cut_off(
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
async fn tell(cx: &Cx, revoked: Vec<RevokedKey>) {
    if let Err(error) = cx.tenant.revoked(revoked).await {
        // It is in the change feed: this node learns it half a second later.
        tracing::warn!(%error, "revocations reach this node late");
    }
}
