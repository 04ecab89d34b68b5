//! Client authentication (RFC 6749 2.3, RFC 7523): which application is asking.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use bailiwick_protocol::client_auth::{self, AssertionRules, Presented};
use bailiwick_protocol::{OAuthError, Params};
use bailiwick_store::applications::Stored;
use bailiwick_store::batch::{Action, Command, Outcome, UseAssertion};
use secrecy::ExposeSecret as _;

use super::failure::{Challenge, Failure};
use crate::cx::Cx;

/// Finds out which application is asking, and refuses it unless it proves it by its registered
/// method. With a secret this touches no lock, no message and no database.
///
/// # Errors
/// `invalid_client`, the same for every reason, and `invalid_request` for what is malformed.
pub async fn authenticate(
    cx: &Cx,
    request: &HttpRequest,
    params: &Params,
) -> Result<Arc<Stored>, Failure> {
    let header = match request.headers().get(header::AUTHORIZATION).map(|v| v.to_str()) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => {
            return Err(OAuthError::invalid_request("the Authorization header is malformed").into());
        }
    };
    let challenge = if header.is_some() { Challenge::Basic } else { Challenge::None };
    let refuse = |e: OAuthError| {
        cx.refused("client.refused", None);
        Failure::from(e).asking(challenge)
    };
    let presented = Presented::read(header, params).map_err(refuse)?;
    let known = cx.view.applications.by_client_id(presented.client_id());
    let Some(app) = known else { return Err(refuse(OAuthError::invalid_client())) };
    client_auth::check_method(&app.application.spec, &presented).map_err(refuse)?;
    let proven = match &presented {
        Presented::None { .. } => true,
        Presented::Basic { secret, .. } | Presented::Post { secret, .. } => {
            cx.view.is_client_secret(app, secret.expose_secret().as_bytes(), cx.now)
        }
        Presented::Assertion { assertion, .. } => is_genuine(cx, app, assertion).await?,
    };
    if !proven {
        cx.refused("client.refused", Some(app.application.id));
        return Err(Failure::from(OAuthError::invalid_client()).asking(challenge));
    }
    Ok(Arc::clone(app))
}

/// Verifies a client assertion and uses it up: its `jti` works once.
async fn is_genuine(cx: &Cx, app: &Stored, assertion: &str) -> Result<bool, Failure> {
    let spec = &app.application.spec;
    let token_endpoint = format!("{}/oauth/token", cx.issuer());
    let audiences = [token_endpoint.as_str(), cx.issuer()];
    let client_id = &spec.client_id;
    let rules = AssertionRules { client_id, audiences: &audiences, now: cx.now, leeway: 60 };
    let verify = |jwks: &serde_json::Value| client_auth::verify_assertion(assertion, jwks, &rules);
    let verified = match (&spec.jwks, &spec.jwks_uri) {
        (Some(jwks), _) => verify(jwks),
        (None, Some(uri)) => {
            let cache = &cx.state.jwks;
            let fetched = |e: bailiwick_outbound::OutboundError| {
                tracing::warn!(error = %e, "a client's keys could not be fetched");
                Failure::from(OAuthError::invalid_client())
            };
            match verify(&*cache.get(uri).await.map_err(fetched)?) {
                Ok(verified) => Ok(verified),
                // Perhaps the client has a new key.
                Err(_) => verify(&*cache.newer(uri).await.map_err(fetched)?),
            }
        }
        (None, None) => return Ok(false),
    };
    let Ok(verified) = verified else { return Ok(false) };
    let action = Action::UseAssertion(UseAssertion {
        application: app.application.id,
        jti_hash: crate::crypto::sha256(verified.jti.as_bytes()),
        expires_at: verified.expires_at,
    });
    let command = Command { id: cx.env().id(), tenant: cx.tenant_id(), action, audit: None };
    Ok(cx.tenant.commit(command).await? == Outcome::Fresh)
}
