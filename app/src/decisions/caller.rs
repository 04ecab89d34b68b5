//! Who asks for decisions: an application of the tenant that may use the scope `authz`, by its
//! client secret (HTTP Basic), or by an access token that it got for itself.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use bailiwick_actors::limits::Quota;
use bailiwick_domain::scope::AUTHZ;
use bailiwick_protocol::Params;
use bailiwick_protocol::client_auth::{Presented, check_method};
use bailiwick_store::applications::Stored;
use secrecy::ExposeSecret as _;

use super::failure::Failure;
use crate::cx::Cx;

/// Who proved to be asking, and what is left of its limit.
type Proven = (Arc<Stored>, Option<Quota>);

/// An application that may ask.
pub struct Caller {
    /// The context of the request.
    pub cx: Cx,
    /// Which application.
    pub app: Arc<Stored>,
    /// What is left of its limit, when it has one.
    pub quota: Option<Quota>,
}

impl Caller {
    /// Finds out who asks, from memory alone.
    ///
    /// # Errors
    /// 401 for nobody known, the same for every reason; 403 without the scope; 429.
    pub async fn of(cx: Cx, request: &HttpRequest) -> Result<Self, Failure> {
        let header = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let scheme = header.and_then(|v| v.split_once(' ')).map(|(scheme, _)| scheme);
        let found = match (scheme, header) {
            (Some(s), Some(text)) if s.eq_ignore_ascii_case("basic") => {
                Self::by_secret(&cx, text).await?
            }
            (Some(s), Some(text)) if s.eq_ignore_ascii_case("bearer") => {
                let token = text.split_once(' ').map_or("", |(_, token)| token.trim());
                Self::by_token(&cx, token)?
            }
            _ => {
                let _ = cx.admit(None)?;
                None
            }
        };
        let Some((app, quota)) = found else {
            cx.refused("authz.unauthenticated", None);
            let message = "send Authorization: Basic with an application's client_id and \
                           client_secret, or Bearer with an access token of its own";
            return Err(Failure::new(StatusCode::UNAUTHORIZED, message));
        };
        Ok(Self { cx, app, quota })
    }

    async fn by_secret(cx: &Cx, header: &str) -> Result<Option<Proven>, Failure> {
        let params = Params::parse(b"").map_err(|_| Failure::at("", "the request is empty"))?;
        let presented = Presented::read(Some(header), &params).ok();
        let known = presented.as_ref().map(Presented::client_id);
        let known = known.and_then(|id| cx.view.applications.by_client_id(id));
        let id = known.map(|app| app.application.id);
        let ticket = cx.admit(id)?;
        let limits = cx.platform().limits();
        let attempt = cx.client_attempt(id)?;
        let proves = |app: &Stored, presented: &Presented| match presented {
            Presented::Basic { secret, .. } => {
                check_method(&app.application.spec, presented).is_ok()
                    && cx.view.is_client_secret(app, secret.expose_secret().as_bytes(), cx.now)
            }
            _ => false,
        };
        match (known, &presented) {
            (Some(app), Some(presented)) if proves(app, presented) => {
                limits.client_proven(&cx.view, attempt, cx.now);
                may_ask(cx, app)?;
                let quota = cx.proven(ticket, app.application.id.0)?;
                Ok(Some((Arc::clone(app), quota)))
            }
            _ => {
                limits.client_failed(&cx.view, attempt, cx.now).await;
                Ok(None)
            }
        }
    }

    fn by_token(cx: &Cx, token: &str) -> Result<Option<Proven>, Failure> {
        let ticket = cx.admit(None)?;
        let Ok(claims) = cx.state.verified.verify(&cx.view, token, cx.now) else {
            return Ok(None);
        };
        cx.must_vouch()?;
        let for_us = claims.aud.iter().any(|aud| aud == cx.issuer());
        // A token that a person gave to an application does not make it one that decides.
        if !for_us || claims.grant_id.is_some() || !cx.view.is_live(&claims) {
            return Ok(None);
        }
        let Some(app) = cx.view.applications.by_client_id(&claims.client_id) else {
            return Ok(None);
        };
        may_ask(cx, app)?;
        if !claims.scope.contains(AUTHZ) {
            return Err(no_scope());
        }
        let quota = cx.proven(ticket, app.application.id.0)?;
        Ok(Some((Arc::clone(app), quota)))
    }
}

fn may_ask(cx: &Cx, app: &Stored) -> Result<(), Failure> {
    if app.application.spec.scopes.contains(AUTHZ) {
        return Ok(());
    }
    cx.refused("authz.forbidden", Some(app.application.id));
    Err(no_scope())
}

fn no_scope() -> Failure {
    let message = "the application needs the scope authz to ask for decisions";
    Failure::new(StatusCode::FORBIDDEN, message)
}
