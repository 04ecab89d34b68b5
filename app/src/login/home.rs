//! `GET /`: the front door of a tenant, and of the platform.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, get};
use bailiwick_actors::TenantHandle;

use crate::cx::Cx;
use crate::flow::page::{Show, show};
use crate::http::platform_page;
use crate::http::request_id::RequestId;
use crate::pages::{ErrorPage, Page, PlatformHome, Problem, TenantHome};
use crate::routes;
use crate::state::State;

/// Whose sign-in this is.
#[utoipa::path(
    get,
    path = "/",
    tag = "Hosted pages",
    operation_id = "tenant_home",
    responses((status = 200, description = "A page"))
)]
#[get("/")]
pub async fn tenant(cx: Cx) -> HttpResponse {
    let page = Page::TenantHome(TenantHome { issuer: cx.issuer() });
    show(&cx, &page, Show::default())
}

/// What this is.
#[get("/")]
pub async fn platform(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let commands = vec!["bailiwick init", "bailiwick apply -f examples/demo.yaml"];
    let home = PlatformHome { example_issuer: None, commands };
    platform_page::answer(&state, &request, &Page::PlatformHome(home), StatusCode::OK)
}

/// Whatever no route answers: a missing page, a tenant that is not there, or another method.
pub async fn not_found(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let has_tenant = request.extensions().contains::<TenantHandle>();
    if let Some(allow) = routes::methods(request.path()).filter(|_| has_tenant) {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allow)).json(
            serde_json::json!({
                "error": "method_not_allowed",
                "error_description": format!("this resource has only {allow}"),
            }),
        );
    }
    let accepts = request.headers().get("accept").and_then(|v| v.to_str().ok());
    if !accepts.is_some_and(|a| a.contains("text/html")) {
        return HttpResponse::NotFound().json(serde_json::json!({
            "error": "not_found",
            "error_description": "there is no such resource",
        }));
    }
    let page = Page::Error(ErrorPage {
        problem: Problem::NotFound,
        code: "not_found",
        detail: None,
        request_id: &RequestId::of(&request),
        retry: None,
        wait: None,
    });
    platform_page::answer(&state, &request, &page, StatusCode::NOT_FOUND)
}
