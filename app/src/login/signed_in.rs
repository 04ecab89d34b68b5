//! The end of every first step of a sign-in, whatever it was.

use actix_web::{HttpRequest, HttpResponse};
use bailiwick_actors::Error as ActorError;
use bailiwick_domain::UserId;
use bailiwick_store::Error as StoreError;

use super::resume;
use crate::cx::Cx;
use crate::factors::Proof;
use crate::flow::browser::Browser;
use crate::flow::page::PageError;
use crate::flow::pending::Pending;
use crate::flow::start::{Started, start};
use crate::pages::SignInProblem;

/// Starts the session and goes on to the next step; or says why it did not start.
pub(super) async fn signed_in(
    cx: &Cx,
    (pending, browser, request): (Pending, &Browser, &HttpRequest),
    user: UserId,
    (proof, wrong): (Proof, SignInProblem),
) -> Result<Result<HttpResponse, SignInProblem>, PageError> {
    match start(cx, (browser, request), user, proof).await {
        Ok(None) => {
            cx.refused("session.blocked", None);
            Ok(Err(SignInProblem::Blocked))
        }
        Ok(Some(Started { session, browser })) => {
            let pending = pending.after(|p| p.signed_in(session)).rebound(cx, &browser);
            let mut done = resume::redirect(cx, &pending);
            // It cannot fail for a cookie that we made.
            let _ = done.add_cookie(&browser.cookie(cx));
            Ok(Ok(done))
        }
        // It was used a second time or changed meanwhile, or the person is no longer let in.
        Err(ActorError::Store(StoreError::NotFound(_))) => Ok(Err(wrong)),
        Err(ActorError::Store(StoreError::Taken(_))) => Ok(Err(SignInProblem::Full)),
        Err(e) => Err(e.into()),
    }
}
