//! `GET` and `POST /oauth/logout` (OpenID Connect RP-Initiated Logout 1.0).

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_protocol::Params;
use bailiwick_protocol::logout::{Decision, Hint, Signed, Then, decide};
use bailiwick_protocol::tokens::verify_id_token_hint;

use super::failure::Failure;
use super::form::FormBody;
use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::page::{self, PageError, answer};
use crate::flow::sign_out::{Leaving, end};
use crate::flow::tokens::sub_for;

/// Signs the user out, and sends the browser back to the application when it may be.
#[utoipa::path(
    get,
    path = "/oauth/logout",
    tag = "OpenID Connect",
    operation_id = "oauth_logout",
    params(
        ("id_token_hint" = Option<String>, Query, description = "Says who signs out, and for whom"),
        ("post_logout_redirect_uri" = Option<String>, Query, description = "Exactly as registered"),
        ("state" = Option<String>, Query, description = "Returned as it came"),
        ("client_id" = Option<String>, Query, description = "Must be that of the hint"),
    ),
    responses(
        (status = 200, description = "A page that asks, or says that it is done and leads on"),
        (status = 303, description = "To `post_logout_redirect_uri`"),
        (status = 400, description = "A page: the URI is not registered"),
    )
)]
#[get("/oauth/logout")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = match Params::parse(request.query_string().as_bytes()) {
        Ok(params) => leave(&cx, &request, &params).await,
        Err(e) => Err(e.into()),
    };
    answer(&cx, done)
}

/// The same by POST. The browser's cookie is not sent along on another site's POST, so this goes
/// on with a GET.
#[utoipa::path(
    post,
    path = "/oauth/logout",
    tag = "OpenID Connect",
    operation_id = "oauth_logout_post",
    responses((status = 303, description = "To the same request by GET"))
)]
#[post("/oauth/logout")]
pub async fn post(cx: Cx, form: Result<FormBody, Failure>) -> HttpResponse {
    let done = match form {
        Ok(FormBody(params)) => {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(params.iter())
                .finish();
            Ok(page::see_other(&format!("{}/oauth/logout?{query}", cx.issuer())))
        }
        Err(e) => Err(PageError::from(e.error)),
    };
    answer(&cx, done)
}

async fn leave(cx: &Cx, request: &HttpRequest, params: &Params) -> Result<HttpResponse, PageError> {
    let browser = Browser::of(cx, request);
    let sessions = browser.sessions(cx).await?;
    let hint = params.get("id_token_hint").ok().flatten();
    // What does not verify is not used for anything.
    let token = hint.and_then(|h| verify_id_token_hint(&cx.view.keys, cx.issuer(), h, cx.now).ok());
    let app = token.as_ref().and_then(|t| {
        t.aud.iter().find_map(|aud| cx.view.applications.by_client_id(aud)).map(|app| &**app)
    });
    let signed: Vec<Signed> = sessions
        .iter()
        .map(|s| Signed {
            session: s.id,
            sub: app.map_or_else(|| s.sub.clone(), |app| sub_for(cx, app, &s.sub)),
        })
        .collect();
    let spec = app.map(|app| &app.application.spec);
    let hint = token.as_ref().map(|token| Hint { token, app: spec });
    let name = spec.map(|spec| spec.name.as_str());
    match decide(params, hint, &signed) {
        Decision::Refuse(error) => Err(error.into()),
        Decision::End { sessions: ending, then } => {
            let to = match &then {
                Then::Redirect(to) => Some(to.as_str()),
                Then::Page => None,
            };
            end(cx, &browser, &sessions, &ending, (to, name)).await
        }
        Decision::Confirm { then } => {
            let to = match then {
                Then::Redirect(to) => Some(to),
                Then::Page => None,
            };
            let leaving = Leaving::new(cx, to, name, &browser);
            Ok(leaving.ask(cx, &sessions, &browser))
        }
    }
}
