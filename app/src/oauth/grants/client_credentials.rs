//! `grant_type=client_credentials` (RFC 6749 4.4): a token for the application itself.
//!
//! No lock, no message, no SQL: the token is signed from the view and counted in memory; unless the
//! application wants its roles in it, or the tenant guards its tokens.

use bailiwick_actors::authz::Issuing;
use bailiwick_domain::ScopeSet;
use bailiwick_protocol::token_request::{audience, client_scopes};
use bailiwick_protocol::token_response::{TokenResponse, TokenType};
use bailiwick_store::applications::Stored;
use bailiwick_store::authz::held::Holder;

use super::denied;
use crate::cx::Cx;
use crate::flow::{guard, roles, tokens};
use crate::oauth::failure::Failure;

/// Issues the token.
///
/// # Errors
/// `invalid_scope`, `invalid_target`.
pub async fn grant(
    cx: &Cx,
    app: &Stored,
    scope: Option<ScopeSet>,
    resources: &[String],
) -> Result<TokenResponse, Failure> {
    let spec = &app.application.spec;
    let scope = client_scopes(spec, scope)?;
    let aud = audience(spec, cx.issuer(), resources, None, false)?;
    let issuing = Issuing {
        application: app.application.id,
        user: None,
        grant_type: "client_credentials",
        organization: None,
        acr: None,
    };
    let scope = guard::allowed(cx, app, &issuing, scope).await?.ok_or_else(denied)?;
    let roles = roles::claims(cx, app, Holder::Application(app.application.id)).await??;
    let mut claims = tokens::access_claims(cx, app, aud, scope);
    (claims.roles, claims.permissions) = (roles.roles, roles.permissions);
    let access_token = tokens::sign_access(cx, app, &claims)?;
    Ok(TokenResponse {
        access_token,
        token_type: TokenType::Bearer,
        expires_in: spec.lifetimes.access_token,
        scope: claims.scope,
        refresh_token: None,
        id_token: None,
    })
}
