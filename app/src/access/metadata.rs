//! `GET /.well-known/authzen-configuration` (AuthZEN 9, also with the well-known part inserted
//! before the issuer's path): where the decision point is.

use actix_web::http::header;
use actix_web::{HttpResponse, get};
use serde_json::json;

use crate::cx::Cx;

/// What the tenant's decision point offers.
#[utoipa::path(
    get,
    path = "/.well-known/authzen-configuration",
    tag = "Discovery",
    operation_id = "authzen_configuration",
    responses((status = 200, description = "Metadata", body = serde_json::Value))
)]
#[get("/.well-known/authzen-configuration")]
pub async fn handler(cx: Cx) -> HttpResponse {
    let issuer = cx.issuer();
    let at = |path: &str| format!("{issuer}/access/v1/{path}");
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=600")).json(json!({
        "policy_decision_point": issuer,
        "access_evaluation_endpoint": at("evaluation"),
        "access_evaluations_endpoint": at("evaluations"),
        "search_subject_endpoint": at("search/subject"),
        "search_resource_endpoint": at("search/resource"),
        "search_action_endpoint": at("search/action"),
    }))
}
