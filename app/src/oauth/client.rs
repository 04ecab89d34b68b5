//! Client authentication (RFC 6749 2.3, RFC 7523): which application is asking, and whether it asks
//! too often.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use bailiwick_actors::limits::Quota;
use bailiwick_protocol::client_auth::{self, AssertionRules, Presented};
use bailiwick_protocol::{OAuthError, Params};
use bailiwick_store::applications::Stored;
use bailiwick_store::batch::{Action, Command, Outcome, UseAssertion};
use secrecy::ExposeSecret as _;

use super::failure::{Challenge, Failure};
use crate::cx::Cx;

/// The application that asks.
pub struct Caller {
    /// Which.
    pub app: Arc<Stored>,
    /// What is left of its limit, when it has one.
    pub quota: Option<Quota>,
}

/// Finds out which application is asking, and refuses it unless it proves it by its registered
/// method. With a secret this touches no lock, no message and no database.
///
/// Until then the request counts against its address, and afterwards against the application
/// instead. A public client proves nothing, and anybody can use its name, so it stays with the
/// address.
///
/// # Errors
/// `invalid_client`, the same for every reason, and `invalid_request` for what is malformed;
/// `slow_down` for too many requests or failures.
pub async fn authenticate(
    cx: &Cx,
    request: &HttpRequest,
    params: &Params,
) -> Result<Caller, Failure> {
    let header = match request.headers().get(header::AUTHORIZATION).map(|v| v.to_str()) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => {
            return Err(OAuthError::invalid_request("the Authorization header is malformed").into());
        }
    };
    let challenge = if header.is_some() { Challenge::Basic } else { Challenge::None };
    let refuse = |e: OAuthError, app| {
        cx.refused("client.refused", app);
        Failure::from(e).asking(challenge)
    };
    let read = Presented::read(header, params);
    let known = read.as_ref().ok().map(Presented::client_id);
    let known = known.and_then(|id| cx.view.applications.by_client_id(id));
    let id = known.map(|app| app.application.id);
    let ticket = cx.admit(id)?;
    let presented = read.map_err(|e| refuse(e, None))?;
    let limits = cx.platform().limits();
    let mut attempt = cx.client_attempt(id)?;
    // An assertion waits for the commit of its jti and is signed, not guessed: however many are
    // under way, only those that failed count.
    let is_assertion = matches!(presented, Presented::Assertion { .. });
    if is_assertion {
        limits.client_released(attempt);
    }
    let proven = match known {
        Some(app) => proves(cx, app, &presented).await,
        None => Ok(Err(OAuthError::invalid_client())),
    };
    match (known, proven) {
        (Some(app), Ok(Ok(()))) => {
            if !is_assertion {
                limits.client_proven(&cx.view, attempt, cx.now);
            }
            let confidential = app.application.spec.is_confidential();
            let proven = confidential.then(|| cx.proven(ticket, app.application.id.0));
            Ok(Caller { app: Arc::clone(app), quota: proven.transpose()?.flatten() })
        }
        (_, Ok(refused)) => {
            if is_assertion {
                attempt = cx.client_attempt(id)?;
            }
            limits.client_failed(&cx.view, attempt, cx.now).await;
            Err(refuse(refused.err().unwrap_or_else(OAuthError::invalid_client), id))
        }
        (_, Err(e)) => {
            // Not made: a part of ours was away.
            if !is_assertion {
                limits.client_released(attempt);
            }
            Err(e)
        }
    }
}

/// Whether the application proves who it is, by its registered method.
async fn proves(
    cx: &Cx,
    app: &Stored,
    presented: &Presented,
) -> Result<Result<(), OAuthError>, Failure> {
    if let Err(e) = client_auth::check_method(&app.application.spec, presented) {
        return Ok(Err(e));
    }
    let proven = match presented {
        Presented::None { .. } => true,
        Presented::Basic { secret, .. } | Presented::Post { secret, .. } => {
            cx.view.is_client_secret(app, secret.expose_secret().as_bytes(), cx.now)
        }
        Presented::Assertion { assertion, .. } => is_genuine(cx, app, assertion).await?,
    };
    Ok(if proven { Ok(()) } else { Err(OAuthError::invalid_client()) })
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
