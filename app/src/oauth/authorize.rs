//! `GET` and `POST /oauth/authorize` (RFC 6749 3.1, OpenID Connect Core 3.1.2).

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_protocol::authorize::response::failure;
use bailiwick_protocol::authorize::{self, Rejection};
use bailiwick_protocol::tokens::verify_id_token_hint;
use bailiwick_protocol::{OAuthError, Params};
use url::form_urlencoded;

use super::failure::Failure;
use super::form::FormBody;
use crate::cx::Cx;
use crate::flow::browser::Browser;
use crate::flow::page::{self, PageError, answer};
use crate::flow::pending::Pending;
use crate::flow::proceed::proceed;
use crate::pages::Problem;

/// Starts a sign-in: validates the request, then goes to the first page that is needed, or
/// straight back to the application.
#[utoipa::path(
    get,
    path = "/oauth/authorize",
    tag = "OAuth 2",
    operation_id = "oauth_authorize",
    params(
        ("client_id" = String, Query, description = "The application"),
        ("redirect_uri" = Option<String>, Query, description = "Exactly as registered"),
        ("response_type" = String, Query, description = "`code`", example = "code"),
        ("scope" = Option<String>, Query, description = "Space-separated", example = "openid email"),
        ("state" = Option<String>, Query, description = "Returned as it came"),
        ("nonce" = Option<String>, Query, description = "Returned in the ID token"),
        ("code_challenge" = Option<String>, Query, description = "RFC 7636"),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`"),
        ("prompt" = Option<String>, Query, description = "none, login, consent, select_account"),
        ("max_age" = Option<u64>, Query, description = "Seconds"),
        ("organization" = Option<String>, Query,
            description = "The organization that the user acts for, as a member of it",
            example = "org_018f3a0e5d2c7b6a9c1d2e3f40516273"),
        ("resource" = Option<String>, Query, description = "RFC 8707; may be repeated"),
    ),
    responses(
        (status = 303, description = "To a page of ours, or to the application"),
        (status = 400, description = "A page: the application or its redirect URI is not known"),
        (status = 429, description = "A page: too many requests"),
    )
)]
#[get("/oauth/authorize")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = match Params::parse(request.query_string().as_bytes()) {
        Ok(params) => begin(&cx, &request, &params).await,
        Err(e) => Err(e.into()),
    };
    answer(&cx, done)
}

/// The same by POST (Core 3.1.2.1). Answered with a redirect to GET: browsers do not send our
/// cookie along on another site's POST.
#[utoipa::path(
    post,
    path = "/oauth/authorize",
    tag = "OAuth 2",
    operation_id = "oauth_authorize_post",
    responses((status = 303, description = "To the same request by GET"))
)]
#[post("/oauth/authorize")]
pub async fn post(cx: Cx, form: Result<FormBody, Failure>) -> HttpResponse {
    let done = match form {
        Ok(FormBody(params)) => {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(params.iter())
                .finish();
            Ok(page::see_other(&format!("{}/oauth/authorize?{query}", cx.issuer())))
        }
        Err(e) => Err(PageError::from(e.error)),
    };
    answer(&cx, done)
}

async fn begin(cx: &Cx, request: &HttpRequest, params: &Params) -> Result<HttpResponse, PageError> {
    let client_id = authorize::client_id(params);
    let known = client_id.as_ref().ok().and_then(|id| cx.view.applications.by_client_id(id));
    let _ = cx.admit(known.map(|app| app.application.id))?;
    client_id?;
    let Some(app) = known else {
        cx.refused("authorize.unknown_client", None);
        return Err(PageError::new(Problem::UnknownApplication, "invalid_client"));
    };
    let spec = &app.application.spec;
    let validated = authorize::validate(params, spec).and_then(|valid| match hint(params) {
        Ok(None) => Ok(valid),
        Ok(Some(hint)) => {
            valid.hinted(verify_id_token_hint(&cx.view.keys, cx.issuer(), hint, cx.now))
        }
        Err(e) => Err(valid.refuse(e)),
    });
    match validated {
        Ok(valid) => {
            let browser = Browser::of(cx, request);
            proceed(cx, &Pending::new(cx, valid, &browser), &browser).await
        }
        Err(rejection) => {
            cx.refused("authorize.refused", Some(app.application.id));
            match rejection {
                // Where the answer belongs is not certain: never a redirect.
                Rejection::Page(e) => {
                    Err(PageError::new(Problem::WrongRedirect, e.code.name()).detail(e.description))
                }
                Rejection::Redirect { to, error } => {
                    let delivery = failure(&to, cx.issuer(), &error);
                    Ok(page::deliver(cx, &delivery, Some(&spec.name)))
                }
            }
        }
    }
}

fn hint(params: &Params) -> Result<Option<&str>, OAuthError> {
    params.get("id_token_hint")
}
