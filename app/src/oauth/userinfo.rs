//! `GET` and `POST /oauth/userinfo` (OpenID Connect Core 5.3): the claims about the user that the
//! token's scopes release.

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, get, post, web};
use bailiwick_protocol::{ErrorCode, OAuthError, claims};

use super::failure::{Challenge, Failure, no_store};
use super::form::FormBody;
use crate::cx::Cx;
use crate::http::body::is_media;

/// The claims about the user.
///
/// # Errors
/// `invalid_token`, `insufficient_scope` (RFC 6750 3.1).
#[utoipa::path(
    get,
    path = "/oauth/userinfo",
    tag = "OpenID Connect",
    operation_id = "oauth_userinfo",
    responses(
        (status = 200, description = "Core 5.3.2", body = serde_json::Value,
            example = json!({"sub": "Xm2...", "email": "ada@example.com", "email_verified": true})),
        (status = 401, description = "`invalid_token`", body = crate::openapi::OAuthErrorBody),
        (status = 403, description = "`insufficient_scope`", body = crate::openapi::OAuthErrorBody),
        (status = 429, description = "`slow_down`", body = crate::openapi::OAuthErrorBody),
    ),
    security(("bearer" = []))
)]
#[get("/oauth/userinfo")]
pub async fn get(cx: Cx, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let token = bearer(&request, None)?;
    answer(&cx, &token).await
}

/// As `GET`; the token may be in the body (RFC 6750 2.2).
///
/// # Errors
/// As [`get`].
#[utoipa::path(
    post,
    path = "/oauth/userinfo",
    tag = "OpenID Connect",
    operation_id = "oauth_userinfo_post",
    responses(
        (status = 200, description = "Core 5.3.2", body = serde_json::Value),
        (status = 401, description = "`invalid_token`", body = crate::openapi::OAuthErrorBody),
        (status = 403, description = "`insufficient_scope`", body = crate::openapi::OAuthErrorBody),
    ),
    security(("bearer" = []))
)]
#[post("/oauth/userinfo")]
pub async fn post(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let mut body = None;
    if is_media(&request, "application/x-www-form-urlencoded") {
        let FormBody(params) = FormBody::from_request(&request, &mut payload.into_inner()).await?;
        body = params.get("access_token")?.map(str::to_owned);
    }
    let token = bearer(&request, body)?;
    answer(&cx, &token).await
}

async fn answer(cx: &Cx, token: &str) -> Result<HttpResponse, Failure> {
    let refuse = |e: OAuthError| Failure::from(e).asking(Challenge::Bearer);
    let invalid = || {
        let text = "the access token is malformed, expired or revoked";
        refuse(OAuthError::new(ErrorCode::InvalidToken, text))
    };
    let ticket = cx.admit(None)?;
    let verified = cx.state.verified.verify(&cx.view, token, cx.now);
    let claims = verified.map_err(|e| refuse(e.into()))?;
    cx.must_vouch()?;
    if !cx.view.is_live(&claims) {
        return Err(invalid());
    }
    // Whoever has a token of a public client may be anybody: it stays with the address.
    let app = cx.view.applications.by_client_id(&claims.client_id).map(|a| &a.application);
    if let Some(app) = app.filter(|app| app.spec.is_confidential()) {
        let _ = cx.proven(ticket, app.id.0)?;
    }
    let for_us = claims.aud.iter().any(|aud| aud == cx.issuer());
    if !claims.scope.contains("openid") || !for_us {
        let text = "the scope openid is needed";
        return Err(refuse(OAuthError::new(ErrorCode::InsufficientScope, text)));
    }
    let grant = claims.grant_id.ok_or_else(invalid)?;
    let found = cx.tenant.look_up(grant).await?;
    let found = found.filter(|(g, _)| g.revoked_at.is_none() && g.expires_at > cx.now);
    let user = found.and_then(|(_, user)| user).filter(|u| u.active).ok_or_else(invalid)?;
    let wishes = claims.claims.as_deref().cloned().unwrap_or_default();
    let answer = claims::userinfo(&user, &claims.sub, &claims.scope, &wishes);
    let mut ok = HttpResponse::Ok();
    no_store(&mut ok);
    Ok(ok.json(answer))
}

/// The access token: in the header or in a form body, not in both, never in the query
/// (RFC 6750 2, RFC 9700 4.3.2).
fn bearer(request: &HttpRequest, body: Option<String>) -> Result<String, Failure> {
    let header = match request.headers().get(header::AUTHORIZATION).map(|v| v.to_str()) {
        None => None,
        Some(value) => {
            let token = value.ok().and_then(|v| v.split_once(' '));
            let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let wrong = || OAuthError::invalid_request("the Authorization header is not Bearer");
            Some(token.ok_or_else(wrong)?.1.trim().to_owned())
        }
    };
    match (header, body) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (Some(_), Some(_)) => {
            Err(OAuthError::invalid_request("the access token is given in two ways").into())
        }
        (None, None) => Err(Failure::from(OAuthError::new(
            ErrorCode::InvalidToken,
            "an access token is needed",
        ))
        .with_status(StatusCode::UNAUTHORIZED)
        .asking(Challenge::BearerMissing)),
    }
}
