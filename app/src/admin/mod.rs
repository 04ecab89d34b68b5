//! The management API, below `{issuer}/api/v1`: one file an endpoint.
//!
//! A handler's signature says who may call it ([`auth::Permit`]) and what it works on
//! ([`auth::Loaded`]): it cannot have the thing without the check. Refusals are RFC 9457 problems.

pub mod applications;
pub mod auth;
pub mod idempotency;
pub mod json;
pub mod page;
pub mod policies;
pub mod signing_keys;
pub mod tenant;
pub mod users;
pub mod versions;

pub use crate::http::problem;

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
        .service(policies::get::handler)
        .service(policies::drafts::list)
        .service(policies::drafts::create)
        .service(policies::drafts::get)
        .service(policies::drafts::update)
        .service(policies::drafts::remove)
        .service(policies::validate::handler)
        .service(policies::activate::draft)
        .service(policies::activate::version)
        .service(policies::versions::list)
        .service(policies::versions::get)
        .service(policies::versions::diff)
        .default_service(web::route().to(problem::no_such_route));
    routes.service(scope);
}
