//! `GET /oauth/check_session` (OpenID Connect Session Management 1.0 3.2): the frame that a page of an
//! application asks whether the user's sessions have changed.

use actix_web::{HttpResponse, get};

use crate::cx::Cx;
use crate::flow::browser_state;

/// Shown to nobody. It has two places to fill, and the values of both are our own.
const PAGE: &str = include_str!("../../assets/check_session.html");

/// The page behind `check_session_iframe`: answers `changed`, `unchanged` or `error` to messages of
/// `client_id session_state`. Any site may frame it: what it answers depends on the origin that asks.
#[utoipa::path(
    get,
    path = "/oauth/check_session",
    tag = "OpenID Connect",
    operation_id = "oauth_check_session",
    responses((status = 200, description = "A page for a hidden frame"))
)]
#[get("/oauth/check_session")]
pub async fn handler(cx: Cx) -> HttpResponse {
    let nonce = cx.env().token::<16>();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; form-action 'none'; base-uri 'none'; \
         frame-ancestors *"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("content-security-policy", policy))
        .body(PAGE.replace("{cookie}", &browser_state::name(&cx)).replace("{nonce}", &nonce))
}
