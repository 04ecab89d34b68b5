//! `GET /login/resume`: after a form, the next step of the pending request.

use actix_web::{HttpRequest, HttpResponse, get};

use crate::cx::Cx;
use crate::flow::input::pending_in_query;
use crate::flow::page::{self, answer};
use crate::flow::pending::Pending;
use crate::flow::proceed::proceed;

/// Goes on to the next page, or back to the application.
#[utoipa::path(
    get,
    path = "/login/resume",
    tag = "Hosted pages",
    operation_id = "login_resume",
    responses((status = 303, description = "To the next page, or to the application"))
)]
#[get("/login/resume")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = match pending_in_query(&cx, &request) {
        Ok((pending, browser)) => proceed(&cx, &pending, &browser).await,
        Err(e) => Err(e),
    };
    answer(&cx, done)
}

/// A redirect to here. A GET in between keeps forms from being sent again, and the redirect chain
/// of a form within our own origin.
#[must_use]
pub fn redirect(cx: &Cx, pending: &Pending) -> HttpResponse {
    page::see_other(&format!("{}/login/resume?request={}", cx.issuer(), pending.seal(cx)))
}
