//! `GET /dev/mail`: the mails that this server has sent, in development mode.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};

use crate::http::platform_page;
use crate::pages::{DevMail, Page};
use crate::state::State;

/// The last mails, as a page, or as JSON for whoever does not ask for HTML.
#[get("/dev/mail")]
pub async fn handler(state: Data<State>, request: HttpRequest) -> HttpResponse {
    let mails = state.post.mailbox.as_ref().map(|m| m.list()).unwrap_or_default();
    let accepts = request.headers().get("accept").and_then(|v| v.to_str().ok());
    if accepts.is_some_and(|a| a.contains("text/html")) {
        let page = Page::DevMail(DevMail { mails: &mails });
        platform_page::answer(&state, &request, &page, StatusCode::OK)
    } else {
        HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(&mails)
    }
}
