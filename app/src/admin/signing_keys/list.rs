//! `GET /api/v1/signing-keys`: the signing keys of the tenant.

use actix_web::{HttpResponse, get};
use bailiwick_actors::KeyInfo;

use super::SigningKeyBody;
use crate::admin::auth::{ListSigningKeys, Permit};
use crate::admin::page::{self, Page, Position, Query};
use crate::admin::problem::{Problem, ProblemBody};

/// The signing keys that are not erased yet, oldest first, a page at a time. Their public halves
/// are in the JWKS.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/signing-keys",
    tag = "Management",
    operation_id = "signing_keys_list",
    params(Query),
    responses(
        (status = 200, description = "A page", body = Page<SigningKeyBody>),
        (status = 400, description = "The query is not valid", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[get("/signing-keys")]
pub async fn handler(permit: Permit<ListSigningKeys>) -> Result<HttpResponse, Problem> {
    let wanted = page::wanted::<_, Position>(&permit)?;
    let place = |key: &KeyInfo| (key.published_at, key.id.0);
    // A tenant has few.
    let mut found = permit.cx.tenant.signing_keys().await?;
    found.retain(|key| wanted.after.is_none_or(|after| place(key) > after));
    Ok(page::answer(&permit, wanted.read, found, place, |key| SigningKeyBody::from(key)))
}
