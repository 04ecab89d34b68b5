//! `GET /.well-known/jwks.json` (RFC 7517 5): the tenant's public keys.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get};
use bailiwick_protocol::jose::JWKS_MAX_AGE;

use crate::cx::Cx;

/// The public keys that tokens of this tenant are signed with.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "Discovery",
    operation_id = "jwks",
    responses((status = 200, description = "JWK Set (RFC 7517 5)", body = serde_json::Value))
)]
#[get("/.well-known/jwks.json")]
pub async fn handler(cx: Cx) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((
            header::CACHE_CONTROL,
            format!("public, max-age={}", JWKS_MAX_AGE.as_secs()),
        ))
        .content_type("application/jwk-set+json")
        .body(Bytes::from_owner(cx.view.keys.jwks(cx.now)))
}
