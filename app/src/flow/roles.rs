//! Roles and permissions in access tokens, for the applications that want them there.

use bailiwick_actors::Error;
use bailiwick_protocol::OAuthError;
use bailiwick_protocol::role_claims::RoleClaims;
use bailiwick_store::applications::Stored;
use bailiwick_store::authz::held::Holder;

use crate::cx::Cx;

/// Whether the application wants any.
#[must_use]
pub fn wanted(app: &Stored) -> bool {
    !app.application.spec.access_token_claims.is_empty()
}

/// What an access token of the application says of the holder's roles: nothing, and nothing is
/// read, unless it wants to know.
///
/// # Errors
/// Those of the store; within, `invalid_scope` when they do not fit into a token.
pub async fn claims(
    cx: &Cx,
    app: &Stored,
    holder: Holder,
) -> Result<Result<RoleClaims, OAuthError>, Error> {
    if !wanted(app) {
        return Ok(Ok(RoleClaims::default()));
    }
    let held = cx.tenant.look_up(holder).await?;
    Ok(RoleClaims::new(&app.application.spec.access_token_claims, held))
}
