//! `GET /health/live` and `GET /health/ready`: for load balancers and supervisors, on any host.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde_json::json;

use crate::state::State;

/// Whether the process runs.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "Platform",
    operation_id = "health_live",
    responses((status = 200, description = "It does", body = serde_json::Value,
        example = json!({"status": "ok"})))
)]
#[get("/health/live")]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Whether this node should get requests: its database answers, and it knows of every change made
/// elsewhere in the last seconds.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "Platform",
    operation_id = "health_ready",
    responses(
        (status = 200, description = "It should", body = serde_json::Value,
            example = json!({"status": "ready", "change_feed": "fresh"})),
        (status = 503, description = "It should not", body = serde_json::Value,
            example = json!({"status": "not ready", "change_feed": "stale"})),
    )
)]
#[get("/health/ready")]
pub async fn ready(state: Data<State>) -> HttpResponse {
    let fresh = state.platform.health().is_ready(state.platform.env().now());
    if fresh {
        HttpResponse::Ok().json(json!({ "status": "ready", "change_feed": "fresh" }))
    } else {
        HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "not ready", "change_feed": "stale" }))
    }
}
