//! `POST /login/sign-out`: the user's answer to "do you want to sign out?".

use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_protocol::Params;

use crate::cx::Cx;
use crate::flow::input::{Submitted, own_form};
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::sign_out::{Leaving, end};
use crate::pages::{Page, Problem, SignedOut};

/// Ends all sessions of this browser, or none.
#[utoipa::path(
    post,
    path = "/login/sign-out",
    tag = "Hosted pages",
    operation_id = "login_sign_out",
    responses(
        (status = 200, description = "A page that says what was done"),
        (status = 303, description = "To the application's `post_logout_redirect_uri`"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/login/sign-out")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = match submitted.0 {
        Ok(params) => decided(&cx, &request, &params).await,
        Err(e) => Err(e),
    };
    answer(&cx, done)
}

async fn decided(
    cx: &Cx,
    request: &HttpRequest,
    params: &Params,
) -> Result<HttpResponse, PageError> {
    let browser = own_form(cx, request, params)?;
    let leaving = Leaving::open(cx, params.require("request")?, &browser)?;
    let stayed = match params.require("decision")? {
        "sign_out" => false,
        "stay" => true,
        _ => return Err(PageError::new(Problem::BadRequest, "invalid_request")),
    };
    if !stayed {
        let sessions = browser.sessions(cx).await?;
        let all: Vec<_> = sessions.iter().map(|s| s.id).collect();
        let then = (leaving.to.as_deref(), leaving.application.as_deref());
        return end(cx, &browser, &sessions, &all, then).await;
    }
    let application = leaving.application.as_deref();
    let done = SignedOut { stayed, application, frames: &[], onward: None };
    Ok(show(cx, &Page::SignedOut(done), Show::default()))
}
