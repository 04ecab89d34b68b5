//! The answer to an authorization request: the grant is stored, then code and tokens go out.

use actix_web::HttpResponse;
use bailiwick_domain::{EventKind, GrantId};
use bailiwick_protocol::authorize::AuthorizationRequest;
use bailiwick_protocol::authorize::response::{Issued, IssuedToken, success};
use bailiwick_protocol::claims::ACR;
use bailiwick_protocol::token_request::{CodeDetails, FamilyDetails, audience};
use bailiwick_store::applications::Stored;
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::batch::{Action, Command, IssueGrant, NewCode, Outcome};
use bailiwick_store::sessions::{self, SessionRow};
use bailiwick_store::vault::Label;

use super::page::{self, PageError};
use super::proceed;
use super::tokens::{self, Authorized, IdTokenWith};
use crate::cx::Cx;
use crate::pages::Problem;

/// Stores the grant, checked once more against session, user and application in its own statement,
/// and answers.
///
/// # Errors
/// Those of the store; a page when the session ended meanwhile.
pub async fn issue(
    cx: &Cx,
    app: &Stored,
    request: &AuthorizationRequest,
    session: &SessionRow,
) -> Result<HttpResponse, PageError> {
    let user = proceed::user(cx, session).await?;
    let spec = &app.application.spec;
    let mut amr: Vec<String> =
        session.authentications.iter().flat_map(|a| a.amr.iter().cloned()).collect();
    amr.dedup();
    let authorized = FamilyDetails {
        scopes: request.scopes.clone(),
        resources: request.resources.clone(),
        auth_time: session.auth_time,
        acr: Some(ACR.to_owned()),
        amr,
        sid: Some(session.id),
        claims: request.claims.clone(),
        organization: None,
    };
    let (response, openid) = (request.response_type, request.scopes.contains("openid"));
    let aud = audience(spec, cx.issuer(), &[], Some(&request.resources), openid)?;
    let code = response.has_code().then(|| cx.env().token::<32>());
    let details = CodeDetails {
        redirect_uri: request.to.redirect_uri.clone(),
        redirect_uri_was_given: request.redirect_uri_given,
        code_challenge: request.code_challenge.clone(),
        nonce: request.nonce.clone(),
        authorized,
    };
    let grant: GrantId = cx.env().id();
    store(cx, app, session, (grant, code.as_deref(), &details)).await?;
    touch(cx, session).await?;

    let given =
        Authorized { app, user: &user, grant, details: &details.authorized, offline: false };
    let access_token = if response.has_token() {
        Some(given.access_token(cx, aud, request.scopes.clone())?)
    } else {
        None
    };
    let with = IdTokenWith {
        response_type: response,
        nonce: request.nonce.as_deref(),
        access_token: access_token.as_deref(),
        code: code.as_deref(),
    };
    let id_token =
        if response.has_id_token() { Some(given.id_token(cx, with).await?) } else { None };
    let access_token = access_token.map(|token| IssuedToken {
        token,
        expires_in: spec.lifetimes.access_token,
        scopes: request.scopes.clone(),
    });
    let answer = success(&request.to, cx.issuer(), Issued { code, access_token, id_token });
    Ok(page::deliver(cx, &answer, Some(&spec.name)))
}

async fn store(
    cx: &Cx,
    app: &Stored,
    session: &SessionRow,
    (grant, code, details): (GrantId, Option<&str>, &CodeDetails),
) -> Result<(), PageError> {
    let (tenant, spec) = (cx.tenant_id(), &app.application.spec);
    let code = code.map(|code| NewCode {
        mac: cx.view.vault.mac(Label::Code, code.as_bytes()),
        details: serde_json::json!(details),
        expires_at: cx.now.plus_secs(spec.lifetimes.code),
    });
    let event = AuditEvent::new(
        cx.env(),
        tenant,
        EventKind::GrantIssued,
        Actor::user(tenant, session.user),
    )
    .on("grant", grant.0)
    .with(serde_json::json!({ "client_id": spec.client_id, "scopes": details.authorized.scopes }));
    let action = Action::IssueGrant(IssueGrant {
        grant,
        user: session.user,
        application: app.application.id,
        organization: None,
        session: Some(session.id),
        scopes: details.authorized.scopes.clone(),
        expires_at: tokens::grant_ends(cx, app),
        code,
    });
    let command = Command { id: cx.env().id(), tenant, action, audit: Some(event) };
    match cx.tenant.commit(command).await? {
        Outcome::Issued => Ok(()),
        _ => Err(PageError::new(Problem::Expired, "session_ended")),
    }
}

/// Keeps a session in use alive: at most once a minute.
async fn touch(cx: &Cx, session: &SessionRow) -> Result<(), PageError> {
    let idle = cx.view.tenant.settings.sessions.idle_lifetime;
    let until = cx.now.plus_secs(idle);
    if until.since(session.idle_expires_at) < std::time::Duration::from_secs(60) {
        return Ok(());
    }
    let (tenant, id, now) = (cx.tenant_id(), session.id, cx.now);
    let write = move |tx| async move { sessions::touch(&tx, tenant, id, until, now).await };
    cx.store().write::<_, bailiwick_store::Error, _, _>(tenant, write).await?;
    Ok(())
}
