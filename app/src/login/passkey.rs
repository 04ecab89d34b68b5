//! `POST /login/passkey`: sign-in with a passkey, without a password.

use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_actors::Error as ActorError;
use bailiwick_domain::acr::Factor;
use bailiwick_protocol::Params;
use bailiwick_store::Error as StoreError;

use super::{resume, sign_in};
use crate::cx::Cx;
use crate::factors::passkey;
use crate::flow::input::{Submitted, pending_in_form};
use crate::flow::page::{PageError, answer};
use crate::flow::start::{Started, start};
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
    let again = || {
        cx.refused("session.refused", None);
        let shown = ("", Some(SignInProblem::Passkey), None);
        sign_in::form(cx, (&pending, &browser), false, shown)
    };
    if !cx.view.tenant.settings.mfa.methods.contains(&Factor::Passkey) {
        return again();
    }
    let (given, ceremony) = (params.require("answer")?, params.require("ceremony")?);
    let checked = passkey::check(cx, &browser, None, (given, ceremony)).await?;
    let Some((user, proof)) = checked else { return again() };
    match start(cx, (&browser, request), user, proof).await {
        Ok(Started { session, browser }) => {
            let pending = pending.after(|p| p.signed_in(session)).rebound(cx, &browser);
            let mut done = resume::redirect(cx, &pending);
            let _ = done.add_cookie(&browser.cookie(cx));
            Ok(done)
        }
        // It was used a second time, or the person is no longer let in.
        Err(ActorError::Store(StoreError::NotFound(_))) => again(),
        Err(e) => Err(e.into()),
    }
}
