//! Who has which role, and where.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;

use actix_web::HttpRequest;
use bailiwick_domain::{ApplicationId, AssignmentId, GroupId, OrganizationId, TenantId, UserId};
use bailiwick_store::authz::assignments::{self, Assignee, Assignment};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::{Load, named};
use super::problem::Problem;

/// A role that somebody has.
#[derive(Serialize, ToSchema)]
#[schema(as = RoleAssignment)]
pub struct AssignmentBody<'a> {
    /// Its id.
    #[schema(value_type = String, example = "asg_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: AssignmentId,
    /// The name of the role.
    #[schema(example = "editor")]
    role: &'a str,
    /// The user that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    user: Option<UserId>,
    /// The group whose users have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "grp_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    group: Option<GroupId>,
    /// The application that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "app_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    application: Option<ApplicationId>,
    /// The organization that it holds in; absent when it holds in the whole tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "org_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    organization: Option<OrganizationId>,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
}

impl<'a> From<&'a Assignment> for AssignmentBody<'a> {
    fn from(it: &'a Assignment) -> Self {
        let mut body = Self {
            id: it.id,
            role: &it.role,
            user: None,
            group: None,
            application: None,
            organization: it.organization,
            created_at: it.created_at.to_rfc3339(),
        };
        match it.assignee {
            Assignee::User(id) => body.user = Some(id),
            Assignee::Group(id) => body.group = Some(id),
            Assignee::Application(id) => body.application = Some(id),
        }
        body
    }
}

/// What an audit event says of an assignment.
fn told(it: &Assignment) -> Value {
    let mut told = json!(AssignmentBody::from(it));
    if let Some(members) = told.as_object_mut() {
        members.remove("created_at");
        members.remove("id");
    }
    told
}

impl Load for Assignment {
    type Id = AssignmentId;

    fn id(request: &HttpRequest) -> Result<AssignmentId, Problem> {
        named(request, "id")
    }

    async fn load(
        tx: TenantTx,
        tenant: TenantId,
        id: AssignmentId,
    ) -> Result<Option<Self>, StoreError> {
        assignments::get(&tx, tenant, id).await
    }

    /// It never changes.
    fn version(&self) -> i64 {
        1
    }
}
