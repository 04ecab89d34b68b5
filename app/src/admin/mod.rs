//! The management API, below `{issuer}/api/v1`: one file an endpoint.
//!
//! A handler's signature says who may call it ([`auth::Permit`]) and what it works on
//! ([`auth::Loaded`]): it cannot have the thing without the check. Refusals are RFC 9457 problems.

pub mod applications;
pub mod auth;
pub mod decisions;
pub mod entities;
pub mod groups;
pub mod idempotency;
pub mod json;
pub mod members;
pub mod organizations;
pub mod page;
pub mod policies;
pub mod role_assignments;
pub mod roles;
pub mod signing_keys;
pub mod tenant;
pub mod users;
pub mod values;
pub mod versions;

pub use crate::http::problem;

use crate::cx::Cx;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, FromRequest as _, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Where the API is, below the issuer of a tenant.
pub const BASE: &str = "/api/v1";

/// The routes.
pub fn routes(routes: &mut ServiceConfig<'_>) {
    let scope = utoipa_actix_web::scope(BASE)
        .wrap(from_fn(in_force))
        .wrap(from_fn(problem::middleware))
        .service(tenant::get::handler)
        .service(applications::list::handler)
        .service(applications::create::handler)
        .service(applications::get::handler)
        .service(applications::patch::handler)
        .service(applications::delete::handler)
        .service(users::list::handler)
        .service(users::create::handler)
        .service(users::get::handler)
        .service(users::patch::handler)
        .service(users::delete::handler)
        .service(users::invite::handler)
        .service(users::factors::list)
        .service(users::factors::remove)
        .service(signing_keys::list::handler)
        .service(signing_keys::rotate::handler)
        .service(signing_keys::revoke::handler)
        .service(groups::list::handler)
        .service(groups::create::handler)
        .service(groups::get::handler)
        .service(groups::patch::handler)
        .service(groups::delete::handler)
        .service(groups::members::list)
        .service(groups::members::add)
        .service(groups::members::remove)
        .service(organizations::list::handler)
        .service(organizations::create::handler)
        .service(organizations::get::handler)
        .service(organizations::patch::handler)
        .service(organizations::delete::handler)
        .service(organizations::members::list)
        .service(organizations::members::add)
        .service(organizations::members::remove)
        .service(roles::list::handler)
        .service(roles::create::handler)
        .service(roles::get::handler)
        .service(roles::patch::handler)
        .service(roles::delete::handler)
        .service(role_assignments::list::handler)
        .service(role_assignments::create::handler)
        .service(role_assignments::get::handler)
        .service(role_assignments::delete::handler)
        .service(entities::list::handler)
        .service(entities::bulk::handler)
        .service(entities::get::handler)
        .service(entities::put::handler)
        .service(entities::patch::handler)
        .service(entities::delete::handler)
        .service(policies::get::handler)
        .service(policies::drafts::list)
        .service(policies::drafts::create)
        .service(policies::drafts::get)
        .service(policies::drafts::update)
        .service(policies::drafts::remove)
        .service(policies::validate::handler)
        .service(policies::replay::start)
        .service(policies::replay::get)
        .service(decisions::list)
        .service(decisions::stats)
        .service(policies::activate::draft)
        .service(policies::activate::version)
        .service(policies::versions::list)
        .service(policies::versions::get)
        .service(policies::versions::diff)
        .default_service(web::route().to(problem::no_such_route));
    routes.service(scope);
}

/// What was changed is in force on this node before it is answered.
async fn in_force(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let changes = *request.method() != Method::GET;
    let response = next.call(request).await?;
    if changes && response.status().is_success() {
        let request = response.request();
        if let Ok(cx) = Cx::extract(request).await {
            cx.platform().catch_up(&cx.tenant).await;
        }
    }
    Ok(response)
}
