//! `POST /api/v1/signing-keys/rotate`: gives signing keys their successors.

use actix_web::{HttpResponse, http::header, post, web};
use bailiwick_actors::Rotation;
use bailiwick_domain::application::SigningAlg;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Successors;
use crate::admin::auth::{Permit, RotateSigningKeys};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody};

/// What to rotate, and how. `{}` is every algorithm, published ahead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateSigningKeys)]
pub struct RotateSigningKeysBody {
    /// Only the key of this algorithm: `ES256`, `RS256`, `PS256` or `EdDSA`.
    #[schema(value_type = Option<String>, example = "ES256")]
    alg: Option<SigningAlg>,
    /// `true`: the successor signs in five seconds, when every node knows it. Clients that do not fetch the JWKS again when they see
    /// an unknown `kid` refuse its tokens for up to ten minutes.
    #[serde(default)]
    #[schema(example = false)]
    immediate: bool,
}

/// Gives signing keys their successors. A successor is published at once and signs a quarter of an
/// hour later, when no client can hold a JWKS without it; until then the old key signs, and what
/// it signed stays valid. While a successor waits, asking again changes nothing and gives the same.
///
/// # Errors
/// 400, 401, 403, 413, 415.
#[utoipa::path(
    post,
    path = "/signing-keys/rotate",
    tag = "Management",
    operation_id = "signing_keys_rotate",
    request_body(content = RotateSigningKeysBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The successors", body = Successors),
        (status = 400, description = "There is no key of this algorithm, or too many retired ones",
            body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/signing-keys/rotate")]
pub async fn handler(
    permit: Permit<RotateSigningKeys>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let RotateSigningKeysBody { alg, immediate } = json::typed(body.value)?;
    let rotation = if immediate { Rotation::Now(alg) } else { Rotation::Ahead(alg) };
    let keys = permit.cx.tenant.rotate_keys(rotation, permit.actor).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Successors::from(keys)))
}
