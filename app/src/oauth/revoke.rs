//! `POST /oauth/revoke` (RFC 7009): the owner of a token gives it back.

use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_domain::{EventKind, Timestamp};
use bailiwick_protocol::refresh;
use bailiwick_protocol::tokens::verify_access_token;
use bailiwick_store::applications::Stored;
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::batch::{Action, Command};
use bailiwick_store::vault::Label;

use super::failure::{Failure, no_store};
use super::form::FormBody;
use crate::cx::Cx;

/// Revokes a token. A refresh token takes its grant's access tokens along; an access token goes
/// alone. The answer is the same for tokens that are unknown or another client's (2.2).
///
/// # Errors
/// `invalid_client`, `invalid_request`.
#[utoipa::path(
    post,
    path = "/oauth/revoke",
    tag = "OAuth 2",
    operation_id = "oauth_revoke",
    request_body(
        content_type = "application/x-www-form-urlencoded",
        content = crate::openapi::TokenParameter
    ),
    responses(
        (status = 200, description = "Revoked, or never valid (RFC 7009 2.2)"),
        (status = 401, description = "`invalid_client`", body = crate::openapi::OAuthErrorBody),
        (status = 429, description = "`slow_down`", body = crate::openapi::OAuthErrorBody),
    )
)]
#[post("/oauth/revoke")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    form: Result<FormBody, Failure>,
) -> Result<HttpResponse, Failure> {
    let FormBody(params) = form?;
    let app = super::client::authenticate(&cx, &request, &params).await?.app;
    let token = params.require("token")?;
    let action = match refresh::parse(token) {
        Some(presented) => refresh_token(&cx, &app, &presented).await?,
        None => access_token(&cx, &app, token),
    };
    if let Some((action, kind)) = action {
        let tenant = cx.tenant_id();
        let actor = Actor::application(tenant, app.application.id);
        let event = AuditEvent::new(cx.env(), tenant, kind, actor);
        let event = event.on("application", app.application.id.0);
        let command = Command { id: cx.env().id(), tenant, action, audit: Some(event) };
        cx.tenant.commit(command).await?;
    }
    let mut ok = HttpResponse::Ok();
    no_store(&mut ok);
    Ok(ok.finish())
}

fn access_token(cx: &Cx, app: &Stored, token: &str) -> Option<(Action, EventKind)> {
    let claims = verify_access_token(&cx.view.keys, cx.issuer(), token, cx.now).ok()?;
    // What is revoked already leaves no second trace.
    if claims.client_id != app.application.spec.client_id || !cx.view.is_live(&claims) {
        return None;
    }
    let expires_at = Timestamp::from_secs(claims.exp);
    Some((Action::RevokeToken { jti: claims.jti, expires_at }, EventKind::AccessTokenRevoked))
}

async fn refresh_token(
    cx: &Cx,
    app: &Stored,
    presented: &refresh::Presented,
) -> Result<Option<(Action, EventKind)>, Failure> {
    let input = refresh::mac_input(presented.family, presented.generation);
    if !cx.view.vault.verify(Label::RefreshToken, &input, &presented.mac) {
        return Ok(None);
    }
    let found = cx.tenant.look_up(presented.family).await?;
    let own = found.filter(|(row, _)| row.application == app.application.id);
    Ok(own.map(|(row, _)| (Action::RevokeGrants(vec![row.grant]), EventKind::GrantRevoked)))
}
