//! The authorization request (RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1) as a table of rules.
//!
//! The steps of an endpoint: [`client_id`] says which application to look up, [`validate`] checks
//! the request against it, [`interaction::next_step`] says what the user must do, and
//! [`response`] renders the answer in the response mode.

use bailiwick_domain::ApplicationSpec;
use bailiwick_domain::application::ResponseType;
use bailiwick_domain::locale::Locale;
use bailiwick_domain::{Acr, OrganizationId, ScopeSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claims::ClaimsRequest;
use crate::error::OAuthError;
use crate::params::Params;
use crate::tokens::{IdTokenHint, TokenRefusal};

pub mod interaction;
pub mod response;
mod return_to;
mod rules;

pub use return_to::{ResponseMode, ReturnTo};

/// Why a request is refused, and how the client learns of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// With a page, never a redirect: who asked, or where the answer belongs, is not certain
    /// (RFC 6749 4.1.2.1).
    Page(OAuthError),
    /// With [`response::failure`], at an address that is registered.
    Redirect {
        /// Where to.
        to: ReturnTo,
        /// What is wrong.
        error: OAuthError,
    },
}

/// What `prompt` asks for (Core 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// The user signs in again.
    Login,
    /// The user consents again.
    Consent,
    /// The user chooses an account.
    SelectAccount,
}

impl Prompt {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::None, Self::Login, Self::Consent, Self::SelectAccount];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

/// A request that passed every rule. It is sealed while the user signs in, so it is kept small:
/// at most [`AuthorizationRequest::MAX_BYTES`] as JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes.
    pub to: ReturnTo,
    /// Whether the request named the redirect URI: then the token request must name it too
    /// (RFC 6749 4.1.3).
    pub redirect_uri_given: bool,
    /// What the answer carries.
    pub response_type: ResponseType,
    /// What is asked for, within what the application is registered for.
    pub scopes: ScopeSet,
    /// Returned in the ID token exactly as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// S256 (RFC 7636).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// What the user is to be asked, whatever we remember.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<Prompt>,
    /// The greatest age of the authentication, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// The levels that will do, of those that we have: any that the user can reach (Core 3.1.2.1
    /// `acr_values`, RFC 9470).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<Acr>,
    /// What to fill the sign-in form with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The `sub` of the `id_token_hint`, set by [`AuthorizationRequest::hinted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint_sub: Option<String>,
    /// The first of `ui_locales` that we have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locale: Option<Locale>,
    /// Claims asked for one by one, within what the application is registered for.
    #[serde(default)]
    pub claims: ClaimsRequest,
    /// The resources (RFC 8707) asked for; empty when the request named none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The organization that the user is to act for: must be a member of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
}

/// The application that asks: it is looked up before anything else is believed.
///
/// # Errors
/// `invalid_request`, to be shown as a page, when it is missing or given twice.
pub fn client_id(params: &Params) -> Result<&str, OAuthError> {
    params.require("client_id")
}

/// Checks a request of the application that [`client_id`] names.
///
/// What no rule reads is ignored (RFC 6749 3.1): `display` and `claims_locales` never cause an
/// error, nor do values of `acr_values` that we do not have. `id_token_hint` is for the caller to verify, see
/// [`AuthorizationRequest::hinted`].
///
/// # Errors
/// The first rule that is broken: as a page until the redirect URI is known to be registered,
/// and from then on as a redirect to it.
pub fn validate(params: &Params, app: &ApplicationSpec) -> Result<AuthorizationRequest, Rejection> {
    let redirect_uri = rules::redirect_uri(params, app).map_err(Rejection::Page)?;
    let to = ReturnTo::read(params, redirect_uri);
    read(params, app, &to).map_err(|error| Rejection::Redirect { to, error })
}

/// The rules, from top to bottom.
fn read(
    params: &Params,
    app: &ApplicationSpec,
    to: &ReturnTo,
) -> Result<AuthorizationRequest, OAuthError> {
    rules::nothing_repeated(params)?;
    rules::nothing_unsupported(params)?;
    let response_type = rules::response_type(params, app)?;
    rules::response_mode(params, response_type)?;
    let scopes = rules::scopes(params, app, response_type)?;
    let request = AuthorizationRequest {
        client_id: app.client_id.clone(),
        to: to.clone(),
        redirect_uri_given: params.get("redirect_uri")?.is_some(),
        response_type,
        nonce: rules::nonce(params, response_type)?,
        code_challenge: rules::code_challenge(params, app, response_type)?,
        prompts: rules::prompts(params)?,
        max_age: rules::max_age(params)?,
        acr_values: rules::acr_values(params)?,
        login_hint: rules::login_hint(params)?,
        hint_sub: None,
        ui_locale: rules::ui_locale(params)?,
        claims: rules::claims(params, app, &scopes)?,
        resources: rules::resources(params, app)?,
        organization: rules::organization(params)?,
        scopes,
    };
    rules::size(&request)?;
    Ok(request)
}

impl AuthorizationRequest {
    /// The greatest size as JSON text: it travels sealed with the pages.
    pub const MAX_BYTES: usize = 4 * 1024;

    /// The last rule, for a request with `id_token_hint`: `hint` is what
    /// [`crate::tokens::verify_id_token_hint`] says of it. An expired hint is as good as another
    /// (Core 3.1.2.1). It must have been issued to the application that asks, because its `sub`
    /// is the one that this application sees.
    ///
    /// # Errors
    /// `invalid_request` when it is forged, or was issued to another application.
    pub fn hinted(self, hint: Result<IdTokenHint, TokenRefusal>) -> Result<Self, Rejection> {
        match hint {
            Ok(hint) if hint.aud.contains(&self.client_id) => {
                Ok(Self { hint_sub: Some(hint.sub), ..self })
            }
            _ => Err(self.refuse(OAuthError::invalid_request(
                "id_token_hint is not an ID token that was issued to this application",
            ))),
        }
    }

    /// Refuses the request at its redirect URI: the user said no, or a step failed.
    #[must_use]
    pub fn refuse(&self, error: OAuthError) -> Rejection {
        Rejection::Redirect { to: self.to.clone(), error }
    }

    /// The levels that will do, by `acr_values` or the `acr` of the `claims` parameter; any when
    /// neither says.
    #[must_use]
    pub fn wanted_acr(&self) -> Vec<Acr> {
        let accepts = |acr: &Acr| match self.claims.id_token.get("acr") {
            Some(wish) if !wish.values.is_empty() => wish.accepts(&acr.name().into()),
            _ => self.acr_values.is_empty() || self.acr_values.contains(acr),
        };
        Acr::ALL.into_iter().filter(accepts).collect()
    }

    /// What the tokens say: the highest level that was asked for among those that `reached`
    /// satisfies, or what was reached when that is none of them.
    #[must_use]
    pub fn acr(&self, reached: Acr) -> Acr {
        self.wanted_acr().into_iter().filter(|acr| *acr <= reached).max().unwrap_or(reached)
    }

    /// Whether `prompt` has this value.
    #[must_use]
    pub fn asks(&self, prompt: Prompt) -> bool {
        self.prompts.contains(&prompt)
    }

    /// Whether the request may be answered for this user: `sub` is the one that the application
    /// sees (Core 3.1.2.1 `id_token_hint`, Core 5.5.1 `sub` with a value).
    #[must_use]
    pub fn fits(&self, sub: &str) -> bool {
        self.hint_sub.as_deref().is_none_or(|hint| hint == sub)
            && self.claims.id_token.get("sub").is_none_or(|wish| wish.accepts(&Value::from(sub)))
    }

    /// What the user must have consented to: the scopes, and those that cover the claims asked
    /// for one by one.
    #[must_use]
    pub fn consent_scopes(&self) -> ScopeSet {
        self.scopes.union(&self.claims.scopes())
    }
}

#[cfg(test)]
mod tests;
