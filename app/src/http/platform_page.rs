//! Pages of the platform itself, which is no tenant.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use bailiwick_domain::tenant::Theme;

use crate::cx::accepted_language;
use crate::pages::{self, Look, Page};
use crate::state::State;

/// Renders a page with its headers.
#[must_use]
pub fn answer(
    state: &State,
    request: &HttpRequest,
    page: &Page<'_>,
    status: StatusCode,
) -> HttpResponse {
    let nonce = state.platform.env().token::<16>();
    let look = Look {
        tenant_name: "Bailiwick",
        theme: &Theme::default(),
        locale: accepted_language(request).unwrap_or_default(),
        nonce: &nonce,
        base: "",
        own: None,
        development: state.config.is_development(),
        secure: state.config.public_url.scheme() == "https",
    };
    let mut answer = HttpResponse::build(status);
    for header in pages::headers(page, &look, None) {
        answer.insert_header(header);
    }
    answer.body(pages::render(page, &look))
}
