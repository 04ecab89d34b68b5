//! `grant_type=authorization_code` (RFC 6749 4.1.3, OpenID Connect Core 3.1.3).

use bailiwick_domain::application::GrantType;
use bailiwick_domain::{EventKind, FamilyId};
use bailiwick_protocol::OAuthError;
use bailiwick_protocol::token_request::{CodeDetails, audience, check_code};
use bailiwick_protocol::token_response::{TokenResponse, TokenType};
use bailiwick_store::applications::Stored;
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::authz::held::Holder;
use bailiwick_store::batch::{Action, Command, NewFamily, Outcome, RedeemCode};
use bailiwick_store::codes::{CodeMac, CodeRow};
use bailiwick_store::vault::Label;

use crate::cx::Cx;
use crate::flow::roles;
use crate::flow::tokens::{self, Authorized, IdTokenWith};
use crate::oauth::failure::Failure;

/// What the client presents.
pub struct Proof {
    /// The code.
    pub code: String,
    /// Where the code was sent to.
    pub redirect_uri: Option<String>,
    /// RFC 7636 4.5.
    pub code_verifier: Option<String>,
}

/// Exchanges a code, once. A code that its own client presents again revokes everything that it
/// gave; another client's is only refused (RFC 6749 4.1.2).
///
/// # Errors
/// `invalid_grant`, `invalid_target`, `invalid_scope`.
pub async fn grant(
    cx: &Cx,
    app: &Stored,
    proof: &Proof,
    resources: &[String],
) -> Result<TokenResponse, Failure> {
    let (tenant, spec) = (cx.tenant_id(), &app.application.spec);
    let mac = cx.view.vault.mac(Label::Code, proof.code.as_bytes());
    let found = cx.tenant.look_up(CodeMac(mac)).await?;
    let Some((row, user)) = found else { return Err(unknown()) };
    if row.application != app.application.id {
        return Err(unknown());
    }
    let details: CodeDetails = serde_json::from_value(row.details.clone())
        .map_err(|_| bailiwick_store::Error::Corrupt("code"))?;
    if row.used_at.is_some() {
        return replayed(cx, app, &row).await;
    }
    let (uri, verifier) = (proof.redirect_uri.as_deref(), proof.code_verifier.as_deref());
    check_code(&details, spec, uri, verifier)?;
    let authorized = &details.authorized;
    let openid = authorized.scopes.contains("openid");
    let aud = audience(spec, cx.issuer(), resources, Some(&authorized.resources), openid)?;
    let Some(user) = user.filter(|u| u.active) else { return Err(unknown()) };

    // Before the code is used up: it is the application's claims that may not fit.
    let holder = Holder::User(user.id, authorized.organization);
    let roles = roles::claims(cx, app, holder).await??;
    let offline =
        authorized.scopes.contains("offline_access") && spec.allows_grant(GrantType::RefreshToken);
    let family = offline.then(|| cx.env().id::<FamilyId>());
    let new_family = family.map(|id| NewFamily {
        id,
        details: serde_json::json!(authorized),
        expires_at: cx.now.plus_secs(spec.lifetimes.refresh_token),
    });
    let actor = Actor::application(tenant, app.application.id);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::CodeRedeemed, actor);
    let redeem = RedeemCode { mac, application: app.application.id, family: new_family };
    let command = Command {
        id: cx.env().id(),
        tenant,
        action: Action::RedeemCode(redeem),
        audit: Some(event.on("grant", row.grant.0)),
    };
    match cx.tenant.commit(command).await? {
        Outcome::Redeemed(_) => {}
        // Somebody was first, or it has expired, or what it stands on was revoked.
        _ => {
            return match cx.tenant.look_up(CodeMac(mac)).await? {
                Some((row, _)) if row.used_at.is_some() => replayed(cx, app, &row).await,
                _ => Err(unknown()),
            };
        }
    }
    let given = Authorized { app, user: &user, grant: row.grant, details: authorized, offline };
    let access_token = given.access_token(cx, aud, authorized.scopes.clone(), roles)?;
    let with = IdTokenWith {
        nonce: details.nonce.as_deref(),
        access_token: Some(&access_token),
        ..IdTokenWith::default()
    };
    let id_token = if openid { Some(given.id_token(cx, with).await?) } else { None };
    Ok(TokenResponse {
        access_token,
        token_type: TokenType::Bearer,
        expires_in: spec.lifetimes.access_token,
        scope: authorized.scopes.clone(),
        refresh_token: family.map(|id| tokens::refresh_token(cx, id, 0)),
        id_token,
    })
}

/// A code came back from its own client: somebody may have stolen it, so nothing that it gave goes
/// on working.
async fn replayed(cx: &Cx, app: &Stored, row: &CodeRow) -> Result<TokenResponse, Failure> {
    let tenant = cx.tenant_id();
    let actor = Actor::application(tenant, app.application.id);
    let event = AuditEvent::new(cx.env(), tenant, EventKind::CodeReplayed, actor);
    let command = Command {
        id: cx.env().id(),
        tenant,
        action: Action::RevokeGrants(vec![row.grant]),
        audit: Some(event.on("grant", row.grant.0)),
    };
    cx.tenant.commit(command).await?;
    Err(unknown())
}

/// One answer for every reason.
fn unknown() -> Failure {
    OAuthError::invalid_grant("the code is unknown, used, expired or revoked").into()
}
