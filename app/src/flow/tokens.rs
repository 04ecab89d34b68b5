//! Making tokens: what every grant and the front channel share.

use std::sync::Arc;

use bailiwick_actors::{Error, TenantHandle, TenantView};
use bailiwick_domain::application::{ResponseType, SigningAlg, SubjectType};
use bailiwick_domain::user::User;
use bailiwick_domain::{FamilyId, GrantId, ScopeSet, Timestamp};
use bailiwick_protocol::claims;
use bailiwick_protocol::jose::JoseError;
use bailiwick_protocol::refresh;
use bailiwick_protocol::role_claims::RoleClaims;
use bailiwick_protocol::subject::{pairwise_input, pairwise_sub, sector};
use bailiwick_protocol::token_request::FamilyDetails;
use bailiwick_protocol::tokens::{AccessTokenClaims, IdToken};
use bailiwick_store::applications::Stored;
use bailiwick_store::vault::Label;

use crate::cx::Cx;

/// Access tokens are signed with this: small, and fast to sign.
const ACCESS_ALG: SigningAlg = SigningAlg::ES256;

/// The claims of a token that an application gets for itself.
#[must_use]
pub fn access_claims(
    cx: &Cx,
    app: &Stored,
    aud: Vec<String>,
    scope: ScopeSet,
) -> AccessTokenClaims {
    let spec = &app.application.spec;
    let until = cx.now.plus_secs(spec.lifetimes.access_token).as_secs();
    let (times, jti) = ((cx.now.as_secs(), until), cx.env().token::<16>());
    let claims = AccessTokenClaims::of_client(cx.issuer(), &spec.client_id, aud, times, jti);
    AccessTokenClaims { scope, ..claims }
}

/// What a user authorized: the common ground of the front channel, the code and the refresh grant.
pub struct Authorized<'a> {
    /// The application.
    pub app: &'a Stored,
    /// The user.
    pub user: &'a User,
    /// The grant.
    pub grant: GrantId,
    /// What is remembered of the authorization.
    pub details: &'a FamilyDetails,
    /// Whether tokens outlive the browser session. If not, they carry its `sid` and die with it.
    pub offline: bool,
}

impl Authorized<'_> {
    /// The user as the application sees it (Core 8).
    #[must_use]
    pub fn sub(&self, cx: &Cx) -> String {
        sub_for(cx, self.app, &self.user.sub)
    }

    /// Signs and counts an access token, with what it says of the user's roles.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn access_token(
        &self,
        cx: &Cx,
        aud: Vec<String>,
        scope: ScopeSet,
        roles: RoleClaims,
    ) -> Result<String, Error> {
        let mut claims = access_claims(cx, self.app, aud, scope);
        claims.sub = self.sub(cx);
        claims.auth_time = Some(self.details.auth_time.as_secs());
        claims.acr.clone_from(&self.details.acr);
        claims.amr.clone_from(&self.details.amr);
        claims.org_id = self.details.organization;
        claims.roles = roles.roles;
        claims.permissions = roles.permissions;
        claims.sid = self.details.sid.filter(|_| !self.offline);
        claims.grant_id = Some(self.grant);
        claims.claims = self.details.claims.for_userinfo().map(Box::new);
        sign_access(cx, self.app, &claims)
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// When there is no key for the registered algorithm and none can be made.
    pub async fn id_token(&self, cx: &Cx, with: IdTokenWith<'_>) -> Result<String, Error> {
        let spec = &self.app.application.spec;
        let alg = spec.id_token_alg();
        let view = with_key(&cx.tenant, &cx.view, alg, cx.now).await?;
        let missing = || Error::Key("no key for the ID token".into());
        let key = view.keys.signing_key(alg, cx.now).ok_or_else(missing)?;
        let extra = claims::id_token_claims(
            self.user,
            &self.details.scopes,
            &self.details.claims,
            with.response_type,
        );
        let token = IdToken {
            iss: cx.issuer(),
            sub: &self.sub(cx),
            client_id: &spec.client_id,
            exp: cx.now.plus_secs(spec.lifetimes.id_token).as_secs(),
            iat: cx.now.as_secs(),
            auth_time: Some(self.details.auth_time.as_secs()),
            nonce: with.nonce,
            acr: self.details.acr.as_deref(),
            amr: &self.details.amr,
            sid: self.details.sid,
            org_id: self.details.organization,
            access_token: with.access_token,
            code: with.code,
            extra: &extra,
        };
        token.sign(key).map_err(unsigned)
    }
}

/// The view, or a newer one, with a key of this algorithm: it is made when there is none.
///
/// # Errors
/// When none can be made.
pub async fn with_key(
    tenant: &TenantHandle,
    view: &Arc<TenantView>,
    alg: SigningAlg,
    now: Timestamp,
) -> Result<Arc<TenantView>, Error> {
    if view.keys.signing_key(alg, now).is_some() {
        return Ok(Arc::clone(view));
    }
    tenant.ensure_key(alg).await?;
    Ok(tenant.view())
}

/// A user's `sub` as an application sees it: its own, or one for the application's sector (Core 8).
#[must_use]
pub fn sub_for(cx: &Cx, app: &Stored, sub: &str) -> String {
    sub_in(&cx.view, app, sub)
}

/// As [`sub_for`], outside of a request.
#[must_use]
pub fn sub_in(view: &TenantView, app: &Stored, sub: &str) -> String {
    let spec = &app.application.spec;
    match spec.subject_type {
        SubjectType::Public => sub.to_owned(),
        SubjectType::Pairwise => {
            let input = pairwise_input(&sector(spec), sub);
            pairwise_sub(&view.vault.mac(Label::PairwiseSub, &input))
        }
    }
}

/// What an ID token is issued together with.
#[derive(Clone, Copy)]
pub struct IdTokenWith<'a> {
    /// How it is answered: with `id_token` alone it has the claims that the scopes release.
    pub response_type: ResponseType,
    /// The nonce of the request.
    pub nonce: Option<&'a str>,
    /// The access token beside it.
    pub access_token: Option<&'a str>,
    /// The code beside it.
    pub code: Option<&'a str>,
}

impl Default for IdTokenWith<'_> {
    fn default() -> Self {
        Self { response_type: ResponseType::Code, nonce: None, access_token: None, code: None }
    }
}

/// Signs an access token and counts it.
///
/// # Errors
/// When the key does not sign.
pub fn sign_access(cx: &Cx, app: &Stored, claims: &AccessTokenClaims) -> Result<String, Error> {
    let missing = || Error::Key("no key for access tokens".into());
    let key = cx.view.keys.signing_key(ACCESS_ALG, cx.now).ok_or_else(missing)?;
    let token = claims.sign(key).map_err(unsigned)?;
    cx.tenant.count_token(&cx.view, app.application.id, &claims.jti);
    Ok(token)
}

/// The refresh token of a generation of a family.
#[must_use]
pub fn refresh_token(cx: &Cx, family: FamilyId, generation: i64) -> String {
    // Generations count from zero, so the conversion cannot change them.
    let generation = u64::try_from(generation).unwrap_or(0);
    let mac = cx.view.vault.mac(Label::RefreshToken, &refresh::mac_input(family, generation));
    refresh::encode(family, generation, &mac)
}

/// When a grant, and whatever it gave, ends at the latest.
#[must_use]
pub fn grant_ends(cx: &Cx, app: &Stored) -> Timestamp {
    let lifetimes = &app.application.spec.lifetimes;
    cx.now.plus_secs(lifetimes.refresh_token.max(lifetimes.access_token) + lifetimes.code)
}

fn unsigned(e: JoseError) -> Error {
    Error::Key(e.to_string())
}
