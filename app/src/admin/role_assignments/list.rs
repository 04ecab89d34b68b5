//! `GET /api/v1/role-assignments`: who has which role.

use std::str::FromStr;

use actix_web::{HttpResponse, get};
use bailiwick_domain::AssignmentId;
use bailiwick_domain::authz::is_role_name;
use bailiwick_store::authz::assignments::{self, Assignment, Filter};
use uuid::Uuid;

use super::AssignmentBody;
use crate::admin::auth::{ListRoleAssignments, Permit};
use crate::admin::page::{self, Page, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// Which ones: those that all of these fit.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those of this user: `usr_...`. Those of its groups are the groups'.
    pub user: Option<String>,
    /// Only those of this group: `grp_...`.
    pub group: Option<String>,
    /// Only those of this application: `app_...`.
    pub application: Option<String>,
    /// Only those that hold in this organization: `org_...`.
    pub organization: Option<String>,
    /// Only those of this role: its name.
    pub role: Option<String>,
}

/// Who has which role, a page at a time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/role-assignments",
    tag = "Management",
    operation_id = "role_assignments_list",
    params(Which, Query),
    responses(
        (status = 200, description = "A page", body = Page<AssignmentBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/role-assignments")]
pub async fn handler(permit: Permit<ListRoleAssignments>) -> Result<HttpResponse, Problem> {
    let names = ["user", "group", "application", "organization", "role"];
    let (wanted, [user, group, application, organization, role]) =
        page::filtered::<_, Uuid, 5>(&permit, names)?;
    if role.as_deref().is_some_and(|name| !is_role_name(name)) {
        return Err(Problem::mistake("role", "is not the name of a role"));
    }
    let filter = Filter {
        user: id("user", user)?,
        group: id("group", group)?,
        application: id("application", application)?,
        organization: id("organization", organization)?,
        role,
    };
    let (tenant, after) = (permit.cx.tenant_id(), wanted.after.map(AssignmentId));
    let read =
        move |tx| async move { assignments::page(&tx, tenant, &filter, after, wanted.read).await };
    let found: Vec<Assignment> = permit.cx.store().read(tenant, read).await?;
    let view = |it: &Assignment| serde_json::json!(AssignmentBody::from(it));
    Ok(page::answer(&permit, wanted.read, found, |it| it.id.0, view))
}

fn id<T: FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, Problem> {
    let parse = |text: String| text.parse().map_err(|_| Problem::mistake(name, "is not an id"));
    text.map(parse).transpose()
}
