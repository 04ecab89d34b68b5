//! `GET /.well-known/jwks.json` (RFC 7517 5): the tenant's public keys.

use actix_web::http::header;
use actix_web::{HttpResponse, get};

use crate::cx::Cx;

/// How long clients may keep it, in seconds. A new key is published longer than this before it
/// signs.
pub const MAX_AGE: u32 = 600;

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
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={MAX_AGE}")))
        .content_type("application/jwk-set+json")
        .body(cx.view.keys.jwks(cx.now))
}
