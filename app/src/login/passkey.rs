//! `POST /login/passkey`: sign-in with a passkey, without a password.

use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_domain::acr::Factor;
use bailiwick_protocol::Params;

use super::{sign_in, signed_in::signed_in};
use crate::cx::Cx;
use crate::factors::passkey;
use crate::flow::input::{Submitted, pending_in_form};
use crate::flow::page::{PageError, answer};
use crate::pages::SignInProblem;

/// Checks the passkey and starts a session.
#[utoipa::path(
    post,
    path = "/login/passkey",
    tag = "Hosted pages",
    operation_id = "login_passkey_post",
    responses(
        (status = 303, description = "Signed in: on to the next step"),
        (status = 401, description = "The form again: the passkey is not right"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/login/passkey")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = check(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

async fn check(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let (pending, browser) = pending_in_form(cx, request, &params)?;
    let wrong = SignInProblem::Passkey;
    let again = |problem| {
        cx.refused("session.refused", None);
        sign_in::form(cx, (&pending, &browser), false, ("", Some(problem), None))
    };
    if !cx.offers(Factor::Passkey) {
        return again(wrong);
    }
    let (given, ceremony) = (params.require("answer")?, params.require("ceremony")?);
    let checked = passkey::check(cx, &browser, None, (given, ceremony)).await?;
    let Some((user, proof)) = checked else { return again(wrong) };
    let at = (pending.clone(), &browser, request);
    signed_in(cx, at, user, (proof, wrong)).await?.or_else(again)
}
