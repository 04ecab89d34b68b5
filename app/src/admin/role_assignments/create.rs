//! `POST /api/v1/role-assignments`: gives somebody a role.

use actix_web::{HttpResponse, post, web};
use bailiwick_domain::{ApplicationId, EventKind, GroupId, OrganizationId, UserId};
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::authz::assignments::{self, Assignee, Assignment};
use bailiwick_store::{Error as StoreError, TenantTx};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AssignmentBody, told};
use crate::admin::auth::{CreateRoleAssignment, Load as _, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody, Reason};
use crate::cx::Cx;

/// Who gets which role, and where: exactly one of `user`, `group` and `application`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignmentMembers {
    /// The name of the role.
    #[schema(example = "editor")]
    role: String,
    /// The user that gets it.
    #[schema(value_type = Option<String>, example = "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    user: Option<UserId>,
    /// The group whose users get it.
    #[schema(value_type = Option<String>)]
    group: Option<GroupId>,
    /// The application that gets it, in the whole tenant.
    #[schema(value_type = Option<String>)]
    application: Option<ApplicationId>,
    /// The organization that it holds in: of a user, who is a member of it, or of a group, for those of
    /// its users that are members. Without it, the role holds in the whole tenant.
    #[schema(value_type = Option<String>, example = "org_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    organization: Option<OrganizationId>,
}

impl AssignmentMembers {
    fn assignee(&self) -> Result<Assignee, Problem> {
        let (user, group, application) = (self.user, self.group, self.application);
        match (user, group, application) {
            (Some(id), None, None) => Ok(Assignee::User(id)),
            (None, Some(id), None) => Ok(Assignee::Group(id)),
            (None, None, Some(_)) if self.organization.is_some() => {
                let message = "an application has its roles in the whole tenant";
                Err(Problem::mistake("organization", message))
            }
            (None, None, Some(id)) => Ok(Assignee::Application(id)),
            _ => Err(Problem::mistake("", "give one of user, group and application")),
        }
    }
}

/// Gives a role to a user, to the users of a group, or to an application.
///
/// # Errors
/// 400, 401, 403, 409, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/role-assignments",
    tag = "Management",
    operation_id = "role_assignments_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = AssignmentMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is given", body = AssignmentBody<'_>,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where: what is named must be there, and a \
            user must be a member of the organization", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 409, description = "It has this role there", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/role-assignments")]
pub async fn handler(
    permit: Permit<CreateRoleAssignment>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let members: AssignmentMembers = json::typed(body.value.clone())?;
    let new = Assignment {
        id: permit.cx.env().id(),
        assignee: members.assignee()?,
        role: members.role,
        organization: members.organization,
        created_at: permit.cx.now,
    };
    let work = create(permit.cx.clone(), permit.actor, new);
    idempotency::once(&permit, &body, work).await
}

async fn create(cx: Cx, actor: Actor, new: Assignment) -> Result<Created, Problem> {
    let tenant = cx.tenant_id();
    let event = AuditEvent::new(cx.env(), tenant, EventKind::RoleAssigned, actor);
    let event = event.on("role_assignment", new.id.0).with(told(&new));
    let made = new.clone();
    let write = move |tx: TenantTx| async move {
        assignments::insert(&tx, tenant, &new).await?;
        audit::append(&tx, &[event]).await
    };
    cx.store().write(tenant, write).await.map_err(refused)?;
    let body = serde_json::json!(AssignmentBody::from(&made));
    Ok(Created { path: format!("/role-assignments/{}", made.id), version: made.version(), body })
}

fn refused(e: StoreError) -> Problem {
    match e {
        StoreError::Taken(_) => Problem::new(Reason::Exists, "it has this role there already"),
        StoreError::NotFound("member") => {
            Problem::mistake("organization", "the user is not a member of it")
        }
        StoreError::NotFound(what) => Problem::mistake(what, "does not exist in this tenant"),
        e => e.into(),
    }
}
