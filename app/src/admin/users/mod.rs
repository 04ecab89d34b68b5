//! Users of the tenant.

pub mod create;
pub mod delete;
pub mod factors;
pub mod get;
pub mod invite;
pub mod list;
mod members;
pub mod patch;

pub use members::UserMembers;

use bailiwick_domain::UserId;
use bailiwick_domain::user::User;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

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
    /// When it will be deleted, because its person wants that. RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-15T12:00:00.000Z", format = DateTime)]
    delete_at: Option<String>,
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
            delete_at: user.delete_at.map(bailiwick_domain::Timestamp::to_rfc3339),
            version: user.version,
            created_at: user.created_at.to_rfc3339(),
            updated_at: user.updated_at.to_rfc3339(),
        }
    }
}
