//! `GET /health/live` and `GET /health/ready`: for load balancers and supervisors, on any host.

use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
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

/// Whether this node should get requests: it is not stopping, and it knows of every change made
/// elsewhere in the last seconds. Without Redis it goes on, with tightened limits.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "Platform",
    operation_id = "health_ready",
    responses(
        (status = 200, description = "It should", body = serde_json::Value,
            example = json!({"status": "ready", "change_feed": "fresh", "database": "up",
                "redis": "not used"})),
        (status = 503, description = "It should not", body = serde_json::Value,
            example = json!({"status": "not ready", "change_feed": "stale", "database": "away",
                "redis": "away"})),
    )
)]
#[get("/health/ready")]
pub async fn ready(state: Data<State>) -> HttpResponse {
    let platform = &state.platform;
    let fresh = platform.health().is_ready(platform.env().now());
    let stopping = state.stopping.load(Ordering::Relaxed);
    let up = |away: bool| if away { "away" } else { "up" };
    let (code, status) = match (stopping, fresh) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (_, false) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        _ => (StatusCode::OK, "ready"),
    };
    HttpResponse::build(code).json(json!({
        "status": status,
        "change_feed": if fresh { "fresh" } else { "stale" },
        "database": up(platform.store().is_away()),
        "redis": platform.store().redis().map_or("not used", |r| up(r.is_away())),
    }))
}
