//! `grant_type=refresh_token` (RFC 6749 6, RFC 9700 4.14): rotation, grace and reuse.
//!
//! A family of refresh tokens is one row with a generation, and a token is a family, a generation
//! and a MAC: rotating is one conditional update in a group commit, with nothing read before it.

use std::time::Duration;

use bailiwick_domain::user::User;
use bailiwick_domain::{EventKind, FamilyId, GrantId, ScopeSet, UserId};
use bailiwick_protocol::OAuthError;
use bailiwick_protocol::refresh::{self, FamilyState, Judgement};
use bailiwick_protocol::role_claims::RoleClaims;
use bailiwick_protocol::token_request::{FamilyDetails, audience, refreshed_scopes};
use bailiwick_protocol::token_response::{TokenResponse, TokenType};
use bailiwick_store::applications::Stored;
use bailiwick_store::audit::{Actor, AuditEvent};
use bailiwick_store::authz::held::Holder;
use bailiwick_store::batch::{Action, Command, Outcome, RotateRefresh};
use bailiwick_store::families::FamilyRow;
use bailiwick_store::vault::Label;

use super::denied;
use crate::cx::Cx;
use crate::flow::tokens::{self, Authorized, IdTokenWith};
use crate::flow::{guard, roles};
use crate::oauth::failure::Failure;

/// What a rotation, or its repetition, gives tokens for.
struct Current {
    family: FamilyId,
    generation: i64,
    grant: GrantId,
    user: User,
    details: FamilyDetails,
}

/// Exchanges a refresh token.
///
/// # Errors
/// `invalid_grant`, `invalid_scope`, `invalid_target`.
pub async fn grant(
    cx: &Cx,
    app: &Stored,
    token: &str,
    (scope, resources): (Option<ScopeSet>, &[String]),
) -> Result<TokenResponse, Failure> {
    let presented = refresh::parse(token).ok_or_else(unknown)?;
    let input = refresh::mac_input(presented.family, presented.generation);
    if !cx.view.vault.verify(Label::RefreshToken, &input, &presented.mac) {
        return Err(unknown());
    }
    let wanted = (scope.as_ref(), resources);
    let mut ready = None;
    if scope.is_some() || !resources.is_empty() || guard::applies(cx) || roles::wanted(app) {
        // Only then can it be refused for another reason: that must not use the token up.
        let (row, user) = cx.tenant.look_up(presented.family).await?.ok_or_else(unknown)?;
        let details = details(row.details.clone())?;
        narrowed(cx, app, &details, wanted)?;
        if let Some(user) = user.filter(|_| is_current(&row, app, &presented)) {
            ready = Some(prepare(cx, app, (user.id, details), wanted).await?);
        }
    }
    let current = match rotate(cx, app, &presented).await? {
        Some(current) => current,
        None => after_losing(cx, app, &presented).await?,
    };
    let ready = match ready {
        Some(ready) => ready,
        None => prepare(cx, app, (current.user.id, current.details.clone()), wanted).await?,
    };
    answer(cx, app, &current, ready).await
}

/// What a refresh gives.
struct Ready {
    details: FamilyDetails,
    aud: Vec<String>,
    roles: RoleClaims,
}

/// Whether nothing is known that would refuse the token. The rotation asks again.
fn is_current(row: &FamilyRow, app: &Stored, presented: &refresh::Presented) -> bool {
    row.application == app.application.id
        && u64::try_from(row.generation) == Ok(presented.generation)
        && row.user_active
        && row.revoked_at.is_none()
        && !row.grant_revoked
}

/// What the request asks for, as far as policies allow it, and the user's roles.
async fn prepare(
    cx: &Cx,
    app: &Stored,
    (user, details): (UserId, FamilyDetails),
    wanted: (Option<&ScopeSet>, &[String]),
) -> Result<Ready, Failure> {
    let (scopes, _) = narrowed(cx, app, &details, wanted)?;
    let details = FamilyDetails { scopes, ..details };
    let left = guard::narrowed(cx, app, (user, "refresh_token"), details).await?;
    let details = left.ok_or_else(denied)?;
    let roles = roles::claims(cx, app, Holder::User(user, details.organization)).await??;
    let (_, aud) = narrowed(cx, app, &details, (None, wanted.1))?;
    Ok(Ready { details, aud, roles })
}

async fn rotate(
    cx: &Cx,
    app: &Stored,
    presented: &refresh::Presented,
) -> Result<Option<Current>, Failure> {
    let family = presented.family;
    let generation = i64::try_from(presented.generation).map_err(|_| unknown())?;
    let action = Action::RotateRefresh(RotateRefresh {
        family,
        application: app.application.id,
        presented: generation,
    });
    let command = command(cx, app, action, (EventKind::TokenRefreshed, family));
    match cx.tenant.commit(command).await? {
        Outcome::Rotated(row) => Ok(Some(Current {
            family,
            generation: row.generation,
            grant: row.grant,
            user: row.user.ok_or(bailiwick_store::Error::Corrupt("user"))?,
            details: details(row.details)?,
        })),
        _ => Ok(None),
    }
}

/// The rotation found no row: why?
async fn after_losing(
    cx: &Cx,
    app: &Stored,
    presented: &refresh::Presented,
) -> Result<Current, Failure> {
    let (row, user) = cx.tenant.look_up(presented.family).await?.ok_or_else(unknown)?;
    let state = FamilyState {
        generation: u64::try_from(row.generation).unwrap_or(0),
        rotated_at: row.rotated_at,
        revoked: row.revoked_at.is_some() || row.grant_revoked || !row.user_active,
        expired: row.expires_at <= cx.now,
        same_client: row.application == app.application.id,
    };
    let grace = app.application.spec.lifetimes.refresh_token_grace;
    let grace = Duration::from_secs(u64::from(grace));
    match refresh::judge(presented.generation, &state, grace, cx.now) {
        Judgement::RepeatSuccessor { .. } => {
            let actor = Actor::application(cx.tenant_id(), app.application.id);
            let event =
                AuditEvent::new(cx.env(), cx.tenant_id(), EventKind::RefreshRepeated, actor)
                    .on("refresh_family", presented.family.0);
            let write = move |tx| async move {
                bailiwick_store::audit::append(&tx, std::slice::from_ref(&event)).await
            };
            cx.store().write(cx.tenant_id(), write).await?;
            Ok(Current {
                family: presented.family,
                generation: row.generation,
                grant: row.grant,
                user: user.ok_or_else(unknown)?,
                details: details(row.details)?,
            })
        }
        Judgement::Reuse => {
            let action = Action::RevokeFamily(presented.family);
            let kind = (EventKind::RefreshReused, presented.family);
            cx.tenant.commit(command(cx, app, action, kind)).await?;
            Err(unknown())
        }
        Judgement::Refused => Err(unknown()),
    }
}

async fn answer(
    cx: &Cx,
    app: &Stored,
    current: &Current,
    Ready { details, aud, roles }: Ready,
) -> Result<TokenResponse, Failure> {
    let scope = details.scopes.clone();
    let (user, grant) = (&current.user, current.grant);
    let given = Authorized { app, user, grant, details: &details, offline: true };
    let access_token = given.access_token(cx, aud, scope.clone(), roles)?;
    let with = IdTokenWith { access_token: Some(&access_token), ..IdTokenWith::default() };
    let openid = scope.contains("openid");
    let id_token = if openid { Some(given.id_token(cx, with).await?) } else { None };
    Ok(TokenResponse {
        access_token,
        token_type: TokenType::Bearer,
        expires_in: app.application.spec.lifetimes.access_token,
        scope,
        refresh_token: Some(tokens::refresh_token(cx, current.family, current.generation)),
        id_token,
    })
}

/// The scopes and the audience of the new access token.
fn narrowed(
    cx: &Cx,
    app: &Stored,
    details: &FamilyDetails,
    (scope, resources): (Option<&ScopeSet>, &[String]),
) -> Result<(ScopeSet, Vec<String>), OAuthError> {
    let spec = &app.application.spec;
    let scope = refreshed_scopes(spec, &details.scopes, scope)?;
    let openid = scope.contains("openid");
    let aud = audience(spec, cx.issuer(), resources, Some(&details.resources), openid)?;
    Ok((scope, aud))
}

fn details(json: serde_json::Value) -> Result<FamilyDetails, bailiwick_store::Error> {
    serde_json::from_value(json).map_err(|_| bailiwick_store::Error::Corrupt("refresh family"))
}

fn command(
    cx: &Cx,
    app: &Stored,
    action: Action,
    (kind, family): (EventKind, FamilyId),
) -> Command {
    let tenant = cx.tenant_id();
    let actor = Actor::application(tenant, app.application.id);
    let event = AuditEvent::new(cx.env(), tenant, kind, actor).on("refresh_family", family.0);
    Command { id: cx.env().id(), tenant, action, audit: Some(event) }
}

/// One answer for every reason.
fn unknown() -> Failure {
    OAuthError::invalid_grant("the refresh token is unknown, used, expired or revoked").into()
}
