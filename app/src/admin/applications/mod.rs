//! Applications: the OAuth clients of the tenant.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod patch;
mod schema;

pub use schema::{ApplicationMembers, LifetimesMembers};

use bailiwick_domain::{Application, ApplicationId, ApplicationSpec};
use serde::Serialize;
use utoipa::ToSchema;

/// An application.
#[derive(Serialize, ToSchema)]
#[schema(as = Application)]
pub struct ApplicationBody<'a> {
    /// Its id; its `client_id` is another thing.
    #[schema(value_type = String, example = "app_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: ApplicationId,
    /// What it is registered with.
    #[serde(flatten)]
    #[schema(value_type = ApplicationMembers)]
    spec: &'a ApplicationSpec,
    /// The secret of a new application that authenticates by one: given once, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "bws_pDq2cH0sXq7tZ5vYkM3nB8rL1wE6uJ9aGf4iTdVxCoQ")]
    client_secret: Option<&'a str>,
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

impl<'a> From<&'a Application> for ApplicationBody<'a> {
    fn from(app: &'a Application) -> Self {
        Self {
            id: app.id,
            spec: &app.spec,
            client_secret: None,
            version: app.version,
            created_at: app.created_at.to_rfc3339(),
            updated_at: app.updated_at.to_rfc3339(),
        }
    }
}
