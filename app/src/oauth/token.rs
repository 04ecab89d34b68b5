//! `POST /oauth/token` (RFC 6749 3.2): authenticates the client, reads the request, dispatches to
//! the grant.

use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_protocol::token_request::TokenRequest;

use super::client::{self, Caller};
use super::failure::{Failure, no_store};
use super::form::FormBody;
use super::grants::{authorization_code, client_credentials, refresh_token};
use crate::cx::Cx;
use crate::http::limits;

/// Exchanges a grant for tokens.
///
/// # Errors
/// Those of RFC 6749 5.2.
#[utoipa::path(
    post,
    path = "/oauth/token",
    tag = "OAuth 2",
    operation_id = "oauth_token",
    request_body(
        content_type = "application/x-www-form-urlencoded",
        content = crate::openapi::TokenForm,
        example = json!({"grant_type": "client_credentials", "scope": "orders.read"})
    ),
    responses(
        (status = 200, description = "Tokens (RFC 6749 5.1)", body = crate::openapi::TokenAnswer),
        (status = 400, description = "RFC 6749 5.2", body = crate::openapi::OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = crate::openapi::OAuthErrorBody),
        (status = 429, description = "`slow_down`", body = crate::openapi::OAuthErrorBody),
    )
)]
#[post("/oauth/token")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    form: Result<FormBody, Failure>,
) -> Result<HttpResponse, Failure> {
    let FormBody(params) = form?;
    let Caller { app, quota } = client::authenticate(&cx, &request, &params).await?;
    let refuse = |e: bailiwick_protocol::OAuthError| {
        cx.refused("token.refused", Some(app.application.id));
        Failure::from(e)
    };
    let answer = match TokenRequest::read(&params, &app.application.spec).map_err(refuse)? {
        TokenRequest::ClientCredentials { scope, resources } => {
            client_credentials::grant(&cx, &app, scope, &resources).await
        }
        TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier, resources } => {
            let proof = authorization_code::Proof { code, redirect_uri, code_verifier };
            authorization_code::grant(&cx, &app, &proof, &resources).await
        }
        TokenRequest::RefreshToken { token, scope, resources } => {
            refresh_token::grant(&cx, &app, &token, (scope, &resources)).await
        }
    };
    let tokens = answer.inspect_err(|_| cx.refused("token.refused", Some(app.application.id)))?;
    let mut ok = HttpResponse::Ok();
    no_store(&mut ok);
    let mut answer = ok.json(tokens);
    if let Some(quota) = &quota {
        limits::tell(answer.headers_mut(), quota);
    }
    Ok(answer)
}
