//! Groups of users.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod members;
pub mod patch;

use actix_web::HttpRequest;
use bailiwick_domain::{GroupId, TenantId};
use bailiwick_store::authz::groups::{self, Group};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::auth::{Load, named};

/// What may be set in a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMembers {
    /// Shown to people, unique in the tenant.
    #[schema(example = "Editors")]
    pub name: String,
    /// What policies know about it, in the JSON format of Cedar: at most 16 KiB, 8 levels deep.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"level": 3}))]
    pub attributes: Map<String, Value>,
}

/// A group.
#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
pub struct GroupBody<'a> {
    /// Its id.
    #[schema(value_type = String, example = "grp_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: GroupId,
    /// Shown to people.
    #[schema(example = "Editors")]
    name: &'a str,
    /// What policies know about it.
    #[schema(value_type = Object, example = json!({"level": 3}))]
    attributes: &'a Map<String, Value>,
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

impl<'a> From<&'a Group> for GroupBody<'a> {
    fn from(group: &'a Group) -> Self {
        Self {
            id: group.id,
            name: &group.name,
            attributes: &group.attributes,
            version: group.version,
            created_at: group.created_at.to_rfc3339(),
            updated_at: group.updated_at.to_rfc3339(),
        }
    }
}

impl Load for Group {
    type Id = GroupId;

    fn id(request: &HttpRequest) -> Result<GroupId, super::problem::Problem> {
        named(request, "id")
    }

    async fn load(tx: TenantTx, tenant: TenantId, id: GroupId) -> Result<Option<Self>, StoreError> {
        groups::get(&tx, tenant, id).await
    }

    fn version(&self) -> i64 {
        self.version
    }
}
