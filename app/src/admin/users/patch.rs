//! `PATCH /api/v1/users/{id}`: changes a user (JSON Merge Patch, RFC 7396).

use actix_web::{HttpResponse, patch, web};
use bailiwick_domain::EventKind;
use bailiwick_domain::user::User;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::users::{self, UserPatch};
use bailiwick_store::{Error as StoreError, TenantTx, credentials};
use serde_json::{Value, json};

use super::{UserBody, UserMembers};
use crate::admin::auth::{Loaded, UpdateUser};
use crate::admin::json::{self as body, MERGE_PATCH};
use crate::admin::problem::{Problem, ProblemBody};
use crate::admin::versions;
use crate::flow::cut_off::{cut_off, tell};

/// Changes a user. A member that is `null` gets its default. A new password and `active: false`
/// end its sessions and revoke what it granted; a new address is not verified unless the patch
/// says so.
///
/// # Errors
/// 400, 401, 403, 404, 409, 412, 413, 415, 428, 503.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "Management",
    operation_id = "users_update",
    params(
        ("id" = String, Path, description = "`usr_...`"),
        ("If-Match" = String, Header, description = "The ETag of what you read"),
    ),
    request_body(content = UserMembers, content_type = "application/merge-patch+json",
        description = "Any of the members"),
    responses(
        (status = 200, description = "As it is now", body = UserBody<'_>,
            headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
        (status = 409, description = "Another one has this address", body = ProblemBody),
        (status = 412, description = "It changed meanwhile", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/merge-patch+json`", body = ProblemBody),
        (status = 428, description = "If-Match is needed", body = ProblemBody),
        (status = 503, description = "Too many passwords are being hashed", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[patch("/users/{id}")]
pub async fn handler(
    found: Loaded<UpdateUser, User>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: user } = found;
    let cx = &permit.cx;
    versions::must_match(&permit.request, user.version)?;
    let patch = body::read(&permit.request, payload, MERGE_PATCH).await?.value;
    let mut members = merged(&user, patch)?;
    let email = members.check(cx)?;
    let claims = std::mem::take(&mut members.claims);
    let changes = UserPatch {
        name: (members.name != user.name).then(|| members.name.clone()),
        claims: (claims != user.claims).then_some(claims),
        active: (members.active != user.active).then_some(members.active),
        email: (members.email != user.email || members.email_verified != user.email_verified)
            .then_some(email),
    };
    let hash = members.hash(cx).await?;
    let ends = hash.is_some() || changes.active == Some(false);
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let history = cx.view.tenant.settings.passwords.history;
    // Names of members only: what they hold is personal data.
    let changed: Vec<&str> = [
        changes.name.as_ref().map(|_| "name"),
        changes.claims.as_ref().map(|_| "claims"),
        changes.active.map(|_| "active"),
        changes.email.as_ref().map(|_| "email"),
        hash.as_ref().map(|_| "password"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let event = AuditEvent::new(cx.env(), tenant, EventKind::UserUpdated, permit.actor)
        .on("user", user.id.0)
        .with(json!({ "changed": changed }));
    let write = move |tx: TenantTx| async move {
        let after = users::update(&tx, tenant, user.id, user.version, &changes, now).await?;
        if let Some(hash) = hash {
            credentials::set_password(&tx, (tenant, user.id), &hash, history, now).await?;
        }
        let revoked = if ends { cut_off(&tx, tenant, user.id, now).await? } else { Vec::new() };
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>((after, revoked))
    };
    let (user, revoked) = cx.store().write(tenant, write).await?;
    tell(cx, revoked).await;
    Ok(versions::changed(user.version, &UserBody::from(&user)))
}

/// What the user is to be.
fn merged(user: &User, patch: Value) -> Result<UserMembers, Problem> {
    let says_verified = patch.get("email_verified").is_some();
    let mut members = json!({
        "email": user.email,
        "email_verified": user.email_verified,
        "name": user.name,
        "claims": user.claims,
        "active": user.active,
    });
    body::merge(&mut members, patch);
    let mut members: UserMembers = body::typed(members)?;
    if members.email != user.email && !says_verified {
        members.email_verified = false;
    }
    Ok(members)
}
