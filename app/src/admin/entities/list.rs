//! `GET /api/v1/entities`: the entities that the tenant keeps here.

use actix_web::{HttpResponse, get};
use bailiwick_domain::authz::is_entity_type;
use bailiwick_store::authz::objects::{self, EntityRef, Object};

use super::EntityBody;
use crate::admin::auth::{ListEntities, Permit};
use crate::admin::page::{self, Page, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// Which ones.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those of this type.
    pub r#type: Option<String>,
}

/// The entities that the tenant keeps here, in the order of their types and ids, a page at a
/// time.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/entities",
    tag = "Management",
    operation_id = "entities_list",
    params(Which, Query),
    responses(
        (status = 200, description = "A page", body = Page<EntityBody<'_>>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/entities")]
pub async fn handler(permit: Permit<ListEntities>) -> Result<HttpResponse, Problem> {
    let (wanted, [kind]) = page::filtered::<_, EntityRef, 1>(&permit, ["type"])?;
    if kind.as_deref().is_some_and(|kind| !is_entity_type(kind)) {
        return Err(Problem::mistake("type", "is not the name of a type"));
    }
    let tenant = permit.cx.tenant_id();
    let read = move |tx| async move {
        objects::page(&tx, tenant, kind.as_deref(), wanted.after.as_ref(), wanted.read).await
    };
    let found: Vec<Object> = permit.cx.store().read(tenant, read).await?;
    let view = |it: &Object| serde_json::json!(EntityBody::from(it));
    Ok(page::answer(&permit, wanted.read, found, |it| it.data.uid.clone(), view))
}
