//! `/api/v1/users/{id}/factors`: what a user has set up beside a password.

use actix_web::{HttpResponse, delete, get, http::header};
use bailiwick_domain::user::User;
use bailiwick_domain::{CredentialId, EventKind, Factor, Timestamp};
use bailiwick_store::audit::AuditEvent;
use bailiwick_store::credentials::{self, Credential};
use bailiwick_store::{Error as StoreError, remembered};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::admin::auth::{GetUser, Loaded, UpdateUser};
use crate::admin::problem::{Problem, ProblemBody};
use crate::factors;
use crate::mails::{News, Wish};
use crate::pages::LetterKind;

/// Something that a user has set up beside a password. No secret is in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Factor)]
pub struct FactorBody {
    /// Its id.
    #[schema(value_type = String, example = "crd_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f")]
    id: CredentialId,
    /// `passkey`, `totp`, `sms_code` or `recovery_code`.
    #[schema(value_type = String, example = "passkey")]
    factor: Factor,
    /// What its user calls it; of a number, the last digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "My phone")]
    name: Option<String>,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    created_at: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-01T12:00:00.000Z", format = DateTime)]
    last_used_at: Option<String>,
}

impl From<Credential> for FactorBody {
    fn from(c: Credential) -> Self {
        Self {
            id: c.id,
            factor: c.factor,
            name: c.name,
            created_at: c.created_at.to_rfc3339(),
            last_used_at: c.last_used_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// All that a user has set up, the oldest first. There are a few dozen at most.
#[derive(Serialize, ToSchema)]
#[schema(as = Factors)]
pub struct FactorsBody {
    /// They.
    items: Vec<FactorBody>,
}

/// What a user has set up beside a password.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    get,
    path = "/users/{id}/factors",
    tag = "Management",
    operation_id = "users_factors_list",
    params(("id" = String, Path, description = "`usr_...`")),
    responses(
        (status = 200, description = "What there is", body = FactorsBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/users/{id}/factors")]
pub async fn list(found: Loaded<GetUser, User>) -> Result<HttpResponse, Problem> {
    let mine = factors::of_user(&found.permit.cx, found.item.id).await?;
    let items = mine.into_iter().map(FactorBody::from).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(FactorsBody { items }))
}

/// Removes something that a user has set up, such as the passkey of a phone that was lost. The user
/// is told by mail, and asked for more than the password again in every browser.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    delete,
    path = "/users/{id}/factors/{factor}",
    tag = "Management",
    operation_id = "users_factors_delete",
    params(
        ("id" = String, Path, description = "`usr_...`"),
        ("factor" = String, Path, description = "`crd_...`"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none of this user", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[delete("/users/{id}/factors/{factor}")]
pub async fn remove(found: Loaded<UpdateUser, User>) -> Result<HttpResponse, Problem> {
    let Loaded { permit, item: user } = found;
    let (cx, named) = (&permit.cx, permit.request.match_info().get("factor"));
    let id = named.and_then(|id| id.parse::<CredentialId>().ok()).ok_or_else(Problem::not_found)?;
    let (tenant, user_id) = (cx.tenant_id(), user.id);
    let locale = user.locale().unwrap_or_default();
    let event = AuditEvent::new(cx.env(), tenant, EventKind::FactorRemoved, permit.actor);
    let event = event.on("user", user_id.0).with(json!({ "credential": id }));
    let told = user.email.map(|email| Wish::told(email, LetterKind::FactorRemoved));
    let news = News::new(cx, event, told, locale);
    let write = move |tx| async move {
        if !credentials::remove(&tx, (tenant, user_id), id).await? {
            return Err(StoreError::NotFound("factor"));
        }
        remembered::forget(&tx, tenant, user_id).await?;
        news.put(&tx, tenant).await
    };
    cx.store().write(tenant, write).await?;
    Ok(HttpResponse::NoContent().finish())
}
