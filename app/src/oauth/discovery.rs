//! `GET /.well-known/openid-configuration` (OpenID Connect Discovery 4) and
//! `GET /.well-known/oauth-authorization-server` (RFC 8414 3, also with the well-known part
//! inserted before the issuer's path).

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get};
use bailiwick_protocol::discovery::metadata;

use crate::cx::Cx;

fn document(cx: &Cx) -> HttpResponse {
    let document = cx.view.discovery.get_or_init(|| {
        let document = metadata(cx.issuer(), &cx.state.config.public_base());
        document.to_string().into_bytes().into()
    });
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=600"))
        .content_type("application/json")
        .body(Bytes::from_owner(Arc::clone(document)))
}

/// What the tenant's issuer supports, for OpenID clients.
#[utoipa::path(
    get,
    path = "/.well-known/openid-configuration",
    tag = "Discovery",
    operation_id = "openid_configuration",
    responses((status = 200, description = "Provider metadata", body = serde_json::Value))
)]
#[get("/.well-known/openid-configuration")]
pub async fn openid(cx: Cx) -> HttpResponse {
    document(&cx)
}

/// What the tenant's issuer supports, for OAuth clients.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    tag = "Discovery",
    operation_id = "oauth_authorization_server",
    responses((status = 200, description = "Server metadata (RFC 8414)", body = serde_json::Value))
)]
#[get("/.well-known/oauth-authorization-server")]
pub async fn oauth(cx: Cx) -> HttpResponse {
    document(&cx)
}
