//! The management API, below `{issuer}/api/v1`: one file an endpoint.
//!
//! A handler's signature says who may call it ([`auth::Permit`]) and what it works on
//! ([`auth::Loaded`]): it cannot have the thing without the check. Refusals are RFC 9457 problems.

pub mod applications;
pub mod auth;
pub mod entities;
pub mod groups;
pub mod idempotency;
pub mod json;
pub mod members;
pub mod organizations;
pub mod page;
pub mod problem;
pub mod role_assignments;
pub mod roles;
pub mod signing_keys;
pub mod tenant;
pub mod users;
pub mod values;
pub mod versions;

use actix_web::middleware::from_fn;
use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where the API is, below the issuer of a tenant.
pub const BASE: &str = "/api/v1";

/// The routes.
pub fn routes(routes: &mut ServiceConfig<'_>) {
    let scope = utoipa_actix_web::scope(BASE)
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
        .default_service(web::route().to(problem::no_such_route));
    routes.service(scope);
}
