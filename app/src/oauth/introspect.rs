//! `POST /oauth/introspect` (RFC 7662): is this token valid, for confidential clients only.

use actix_web::{HttpRequest, HttpResponse, post};
use bailiwick_protocol::OAuthError;
use bailiwick_protocol::introspection::{Introspection, RefreshFacts, may_see};
use bailiwick_protocol::refresh;
use bailiwick_protocol::token_request::FamilyDetails;
use bailiwick_store::applications::Stored;
use bailiwick_store::vault::Label;

use super::failure::{Failure, no_store};
use super::form::FormBody;
use crate::cx::Cx;
use crate::flow::tokens::Authorized;

/// Tells whether a token is active. A token that is none of the caller's business is answered
/// exactly like one that is not valid.
///
/// # Errors
/// `invalid_client`, `invalid_request`.
#[utoipa::path(
    post,
    path = "/oauth/introspect",
    tag = "OAuth 2",
    operation_id = "oauth_introspect",
    request_body(
        content_type = "application/x-www-form-urlencoded",
        content = crate::openapi::TokenParameter
    ),
    responses(
        (status = 200, description = "RFC 7662 2.2", body = serde_json::Value,
            example = json!({"active": false})),
        (status = 401, description = "`invalid_client`", body = crate::openapi::OAuthErrorBody),
        (status = 429, description = "`slow_down`", body = crate::openapi::OAuthErrorBody),
    )
)]
#[post("/oauth/introspect")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    form: Result<FormBody, Failure>,
) -> Result<HttpResponse, Failure> {
    let FormBody(params) = form?;
    let caller = super::client::authenticate(&cx, &request, &params).await?.app;
    let token = params.require("token")?;
    if !caller.application.spec.is_confidential() {
        return Err(OAuthError::unauthorized_client("public clients may not introspect").into());
    }
    cx.must_vouch()?;
    // token_type_hint only says where to look first; the two kinds cannot be confused.
    let answer = match refresh::parse(token) {
        Some(presented) => refresh_token(&cx, &caller, &presented).await?,
        None => access_token(&cx, &caller, token),
    };
    let mut ok = HttpResponse::Ok();
    no_store(&mut ok);
    Ok(ok.json(answer))
}

/// From the view alone: no lock, no message, no SQL.
fn access_token(cx: &Cx, caller: &Stored, token: &str) -> Introspection {
    match cx.state.verified.verify(&cx.view, token, cx.now) {
        Ok(claims) if may_see(&claims, &caller.application.spec) && cx.view.is_live(&claims) => {
            Introspection::of_access_token(claims.as_ref().clone())
        }
        _ => Introspection::Inactive,
    }
}

async fn refresh_token(
    cx: &Cx,
    caller: &Stored,
    presented: &refresh::Presented,
) -> Result<Introspection, Failure> {
    let input = refresh::mac_input(presented.family, presented.generation);
    if !cx.view.vault.verify(Label::RefreshToken, &input, &presented.mac) {
        return Ok(Introspection::Inactive);
    }
    let found = cx.tenant.look_up(presented.family).await?;
    let own = found.filter(|(row, _)| row.application == caller.application.id);
    let Some((row, Some(user))) = own else { return Ok(Introspection::Inactive) };
    let current = u64::try_from(row.generation) == Ok(presented.generation);
    let alive = row.revoked_at.is_none() && !row.grant_revoked && row.user_active;
    let Ok(details) = serde_json::from_value::<FamilyDetails>(row.details) else {
        return Err(bailiwick_store::Error::Corrupt("refresh family").into());
    };
    if !current || !alive || row.expires_at <= cx.now {
        return Ok(Introspection::Inactive);
    }
    let authorized =
        Authorized { app: caller, user: &user, grant: row.grant, details: &details, offline: true };
    Ok(Introspection::of_refresh_token(RefreshFacts {
        issuer: cx.issuer().to_owned(),
        sub: authorized.sub(cx),
        client_id: caller.application.spec.client_id.clone(),
        scopes: details.scopes.clone(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        organization: details.organization,
    }))
}
