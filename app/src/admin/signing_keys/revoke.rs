//! `POST /api/v1/signing-keys/{id}/revoke`: for a key that somebody else may have.

use actix_web::{HttpResponse, http::header, post};
use bailiwick_domain::SigningKeyId;

use super::Successors;
use crate::admin::auth::{Permit, RevokeSigningKey};
use crate::admin::problem::{Problem, ProblemBody};

/// Revokes a signing key in an emergency. It leaves the JWKS at once and is erased; every token
/// that it signed is invalid at introspection, at userinfo and as `id_token_hint`, and a new key
/// signs in its place. Sessions and refresh tokens live on. Resource servers that verify by
/// themselves believe it until they fetch the JWKS again: at most ten minutes later, or when you
/// restart them.
///
/// # Errors
/// 401, 403, 404.
#[utoipa::path(
    post,
    path = "/signing-keys/{id}/revoke",
    tag = "Management",
    operation_id = "signing_keys_revoke",
    params(("id" = String, Path, description = "`sig_...`, the `kid` of its tokens")),
    responses(
        (status = 200, description = "It is revoked; the key that signs in its place, if it was \
            signing", body = Successors),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 404, description = "There is none in this tenant", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/signing-keys/{id}/revoke")]
pub async fn handler(permit: Permit<RevokeSigningKey>) -> Result<HttpResponse, Problem> {
    let id = permit.request.match_info().get("id").and_then(|id| id.parse::<SigningKeyId>().ok());
    let id = id.ok_or_else(Problem::not_found)?;
    let keys = permit.cx.tenant.revoke_key(id, permit.actor).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Successors::from(keys)))
}
