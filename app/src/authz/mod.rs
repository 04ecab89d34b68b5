//! Our own decision API, below `{issuer}/authz`: one file an endpoint. Refusals are RFC 9457
//! problems.

pub mod decide;
pub mod snapshot;

use actix_web::middleware::from_fn;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::problem;

/// The routes.
pub fn routes(routes: &mut ServiceConfig<'_>) {
    let scope = utoipa_actix_web::scope("/authz")
        .wrap(from_fn(problem::middleware))
        .service(decide::handler)
        .service(snapshot::handler);
    routes.service(scope);
}
