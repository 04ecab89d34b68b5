//! The answer to an authorization request: the grant is stored, then code and tokens go out.

use std::time::Duration;

use actix_web::HttpResponse;
use bailiwick_domain::{Acr, EventKind, GrantId, Timestamp, acr};
use bailiwick_protocol::authorize::AuthorizationRequest;
use bailiwick_protocol::authorize::response::{Issued, IssuedToken, failure, success};
use bailiwick_protocol::role_claims::RoleClaims;
use bailiwick_protocol::session_state::session_state;
use bailiwick_protocol::token_request::{CodeDetails, FamilyDetails, audience};
use bailiwick_protocol::{ErrorCode, OAuthError};
use bailiwick_store::applications::Stored;
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::authz::held::Holder;
use bailiwick_store::batch::{Action, Command, IssueGrant, NewCode, Outcome};
use bailiwick_store::sessions::SessionRow;
use bailiwick_store::vault::Label;

use super::page::{self, PageError};
use super::tokens::{self, Authorized, IdTokenWith};
use super::{guard, proceed, roles};
use crate::cx::Cx;
use crate::pages::Problem;

/// Stores the grant, checked once more against session, user and application in its own statement,
/// and answers; a tenant's policies may leave scopes out, or refuse. `browser_state` is that of the browser that the session is in.
///
/// # Errors
/// Those of the store; a page when the session ended meanwhile.
pub async fn issue(
    cx: &Cx,
    app: &Stored,
    request: &AuthorizationRequest,
    session: &SessionRow,
    browser_state: &str,
) -> Result<HttpResponse, PageError> {
    let spec = &app.application.spec;
    let steps = &session.authentications;
    let authorized = FamilyDetails {
        scopes: request.scopes.clone(),
        resources: request.resources.clone(),
        auth_time: session.auth_time,
        acr: Some(request.acr(Acr::of(steps)).name().to_owned()),
        amr: acr::amr(steps),
        sid: Some(session.id),
        claims: request.claims.clone(),
        organization: request.organization,
    };
    let response = request.response_type;
    let grant_type = if response.has_code() { "authorization_code" } else { "implicit" };
    let left = guard::narrowed(cx, app, (session.user, grant_type), authorized).await?;
    let Some(authorized) = left else {
        let description = "the tenant's policies do not allow it";
        return Ok(refuse(
            cx,
            app,
            request,
            &OAuthError::new(ErrorCode::AccessDenied, description),
        ));
    };
    let roles = if response.has_token() {
        let holder = Holder::User(session.user, authorized.organization);
        roles::claims(cx, app, holder).await?
    } else {
        Ok(RoleClaims::default())
    };
    let roles = match roles {
        Ok(roles) => roles,
        Err(error) => return Ok(refuse(cx, app, request, &error)),
    };
    let openid = authorized.scopes.contains("openid");
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

    let salt = cx.env().token::<8>();
    let watch = || session_state(&spec.client_id, &request.to.redirect_uri, browser_state, &salt);
    let session_state = openid.then(watch).flatten();
    let mut issued = Issued { code, session_state, ..Issued::default() };
    if response.has_token() || response.has_id_token() {
        let user = proceed::user(cx, session).await?;
        let details = &details.authorized;
        let given = Authorized { app, user: &user, grant, details, offline: false };
        tokens_at_once(cx, &given, (request, aud, roles), &mut issued).await?;
    }
    let answer = success(&request.to, cx.issuer(), issued);
    Ok(page::deliver(cx, &answer, Some(&spec.name)))
}

/// Refuses the request at its redirect URI.
fn refuse(
    cx: &Cx,
    app: &Stored,
    request: &AuthorizationRequest,
    error: &OAuthError,
) -> HttpResponse {
    cx.refused("authorize.refused", Some(app.application.id));
    let delivery = failure(&request.to, cx.issuer(), error);
    page::deliver(cx, &delivery, Some(&app.application.spec.name))
}

/// The tokens that the authorization endpoint itself gives (OpenID Connect Core 3.2 and 3.3).
async fn tokens_at_once(
    cx: &Cx,
    given: &Authorized<'_>,
    (request, aud, roles): (&AuthorizationRequest, Vec<String>, RoleClaims),
    issued: &mut Issued,
) -> Result<(), PageError> {
    let response = request.response_type;
    if response.has_token() {
        issued.access_token = Some(IssuedToken {
            token: given.access_token(cx, aud, given.details.scopes.clone(), roles)?,
            expires_in: given.app.application.spec.lifetimes.access_token,
            scopes: given.details.scopes.clone(),
        });
    }
    if response.has_id_token() {
        let with = IdTokenWith {
            response_type: response,
            nonce: request.nonce.as_deref(),
            access_token: issued.access_token.as_ref().map(|t| t.token.as_str()),
            code: issued.code.as_deref(),
        };
        issued.id_token = Some(given.id_token(cx, with).await?);
    }
    Ok(())
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
    .with(granted(&spec.client_id, &details.authorized));
    let action = Action::IssueGrant(IssueGrant {
        grant,
        user: session.user,
        application: app.application.id,
        organization: details.authorized.organization,
        session: Some(session.id),
        session_until: kept_alive(cx, session),
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

/// What the audit event says of a grant.
fn granted(client_id: &str, authorized: &FamilyDetails) -> serde_json::Value {
    let mut data = serde_json::json!({ "client_id": client_id, "scopes": authorized.scopes });
    if let Some(organization) = authorized.organization {
        data["organization"] = organization.to_string().into();
    }
    data
}

/// A session that is used lives on; that is written at most once a minute.
fn kept_alive(cx: &Cx, session: &SessionRow) -> Option<Timestamp> {
    let until = cx.now.plus_secs(cx.view.tenant.settings.sessions.idle_lifetime);
    let worth_it = until.since(session.idle_expires_at) >= Duration::from_secs(60);
    worth_it.then_some(until)
}
