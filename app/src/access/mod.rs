//! The Authorization API 1.0 of AuthZEN: one file an endpoint.

pub mod evaluation;
pub mod evaluations;
mod failure;
pub mod metadata;
mod reply;
pub mod search;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::request_id;

/// The routes.
pub fn routes(routes: &mut ServiceConfig<'_>) {
    let scope = utoipa_actix_web::scope("/access/v1")
        .wrap(from_fn(echo))
        .service(evaluation::handler)
        .service(evaluations::handler)
        .service(search::subjects)
        .service(search::resources)
        .service(search::actions);
    routes.service(metadata::handler).service(scope);
}

/// Names the answer as the caller named its request (AuthZEN 10.1.9).
async fn echo(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let name = request.headers().get(request_id::HEADER).filter(|v| v.len() <= 256).cloned();
    let mut response = next.call(request).await?;
    if let Some(name) = name {
        response.headers_mut().insert(request_id::HEADER, name);
    }
    Ok(response)
}
