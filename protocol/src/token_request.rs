//! The token request (RFC 6749 3.2): what is asked for, and whether this application may.

use bailiwick_domain::application::GrantType;
use bailiwick_domain::{ApplicationSpec, OrganizationId, ScopeSet, SessionId, Timestamp, scope};
use serde::{Deserialize, Serialize};

use crate::claims::ClaimsRequest;
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;
use crate::pkce;

/// A token request that this application may make.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// RFC 6749 4.1.3.
    AuthorizationCode {
        /// The code.
        code: String,
        /// Where the code was sent to.
        redirect_uri: Option<String>,
        /// RFC 7636 4.5.
        code_verifier: Option<String>,
        /// RFC 8707 2.2: some of those that were authorized.
        resources: Vec<String>,
    },
    /// RFC 6749 6.
    RefreshToken {
        /// The refresh token.
        token: String,
        /// Some of the scopes that were authorized.
        scope: Option<ScopeSet>,
        /// RFC 8707 2.2: some of those that were authorized.
        resources: Vec<String>,
    },
    /// RFC 6749 4.4.
    ClientCredentials {
        /// Some of the application's own scopes.
        scope: Option<ScopeSet>,
        /// Some of the application's audiences.
        resources: Vec<String>,
    },
}

impl TokenRequest {
    /// Reads the request of an application that has been authenticated.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_scope` when it is malformed, and
    /// `unauthorized_client` when the application is not registered for the grant type.
    pub fn read(params: &Params, spec: &ApplicationSpec) -> Result<Self, OAuthError> {
        let owned = |name| params.get(name).map(|value| value.map(str::to_owned));
        let allowed = |grant| {
            spec.allows_grant(grant).then_some(()).ok_or_else(|| {
                OAuthError::unauthorized_client("the client is not registered for this grant type")
            })
        };
        match params.require("grant_type")? {
            "authorization_code" => {
                allowed(GrantType::AuthorizationCode)?;
                Ok(Self::AuthorizationCode {
                    code: params.require("code")?.to_owned(),
                    redirect_uri: owned("redirect_uri")?,
                    code_verifier: owned("code_verifier")?,
                    resources: resources(params),
                })
            }
            "refresh_token" => {
                allowed(GrantType::RefreshToken)?;
                Ok(Self::RefreshToken {
                    token: params.require("refresh_token")?.to_owned(),
                    scope: scopes(params)?,
                    resources: resources(params),
                })
            }
            "client_credentials" => {
                allowed(GrantType::ClientCredentials)?;
                Ok(Self::ClientCredentials { scope: scopes(params)?, resources: resources(params) })
            }
            _ => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "the grant type is not supported",
            )),
        }
    }
}

fn scopes(params: &Params) -> Result<Option<ScopeSet>, OAuthError> {
    let parse = |text| {
        ScopeSet::parse(text).map_err(|_| OAuthError::invalid_scope("the scope is malformed"))
    };
    params.get("scope")?.map(parse).transpose()
}

fn resources(params: &Params) -> Vec<String> {
    params.all("resource").filter(|uri| !uri.is_empty()).map(str::to_owned).collect()
}

/// The audience of an access token (RFC 8707 2): the resources asked for, else all that were
/// authorized, else the application's only one, else the issuer; and with the scope `openid` the
/// issuer too, whose userinfo endpoint it is then for.
///
/// `granted` are the resources named in the authorization; none, or an empty list, when there is
/// no authorization or it named none, which leaves the choice among the application's audiences.
///
/// # Errors
/// `invalid_target` for a resource that is not one of the application's audiences, which are
/// absolute URIs without a fragment, or that was not authorized.
pub fn audience(
    spec: &ApplicationSpec,
    issuer: &str,
    requested: &[String],
    granted: Option<&[String]>,
    openid: bool,
) -> Result<Vec<String>, OAuthError> {
    let granted = granted.unwrap_or_default();
    let allowed = |uri: &String| {
        spec.audiences.contains(uri) && (granted.is_empty() || granted.contains(uri))
    };
    if !requested.iter().all(allowed) {
        return Err(OAuthError::invalid_target("the resource is not one of the client's"));
    }
    let mut out: Vec<String> = Vec::with_capacity(2);
    let chosen = if requested.is_empty() { granted } else { requested };
    for uri in chosen.iter().filter(|uri| allowed(uri)) {
        if !out.contains(uri) {
            out.push(uri.clone());
        }
    }
    if out.is_empty() {
        if !granted.is_empty() {
            return Err(OAuthError::invalid_target("the client has lost the resources authorized"));
        }
        out.push(match spec.audiences.as_slice() {
            [only] => only.clone(),
            _ => issuer.to_owned(),
        });
    }
    if openid && !out.iter().any(|uri| uri == issuer) {
        out.push(issuer.to_owned());
    }
    Ok(out)
}

/// The scopes of a client credentials token: those asked for, else all of the application's own.
/// The standard scopes are about a user, and there is none.
///
/// # Errors
/// `invalid_scope` when more is asked for.
pub fn client_scopes(
    spec: &ApplicationSpec,
    requested: Option<ScopeSet>,
) -> Result<ScopeSet, OAuthError> {
    let own = |name: &str| spec.scopes.contains(name) && !scope::STANDARD.contains(&name);
    match requested {
        Some(requested) if requested.iter().all(own) => Ok(requested),
        Some(_) => Err(OAuthError::invalid_scope("the client may not ask for this scope")),
        None => Ok(scope::STANDARD.iter().fold(spec.scopes.clone(), |set, user| set.without(user))),
    }
}

/// The scopes of a refreshed access token: those asked for, else all that were authorized; in
/// either case only what the application may still have.
///
/// # Errors
/// `invalid_scope` when more is asked for than was authorized (RFC 6749 6).
pub fn refreshed_scopes(
    spec: &ApplicationSpec,
    granted: &ScopeSet,
    requested: Option<&ScopeSet>,
) -> Result<ScopeSet, OAuthError> {
    let wanted = requested.unwrap_or(granted);
    if !wanted.is_subset(granted) {
        return Err(OAuthError::invalid_scope("the scope exceeds what was authorized"));
    }
    Ok(wanted.intersection(&spec.scopes))
}

/// What a family of refresh tokens remembers of its authorization; stored as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyDetails {
    /// The scopes that were authorized.
    pub scopes: ScopeSet,
    /// The resources that the authorization request named (RFC 8707 2.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// When the user was authenticated.
    pub auth_time: Timestamp,
    /// The authentication context class that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How the user was authenticated (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The session in which it was authorized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The `claims` parameter (Core 5.5).
    #[serde(default)]
    pub claims: ClaimsRequest,
    /// The organization that the user acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
}

/// What a code remembers of its authorization request; stored as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeDetails {
    /// Where it was sent to.
    pub redirect_uri: String,
    /// Whether the request named it, so that it must be named again (RFC 6749 4.1.3).
    pub redirect_uri_was_given: bool,
    /// RFC 7636 4.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// For the ID token that the code gives; not for refreshed ones (Core 12.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What outlives the code.
    pub authorized: FamilyDetails,
}

/// Whether a code of this application is presented by who asked for it (RFC 6749 4.1.3,
/// RFC 7636 4.6).
///
/// # Errors
/// `invalid_grant`
pub fn check_code(
    details: &CodeDetails,
    spec: &ApplicationSpec,
    redirect_uri: Option<&str>,
    verifier: Option<&str>,
) -> Result<(), OAuthError> {
    let same_uri = match redirect_uri {
        Some(uri) => uri == details.redirect_uri,
        None => !details.redirect_uri_was_given,
    };
    if !same_uri {
        return Err(OAuthError::invalid_grant("redirect_uri is not that of the authorization"));
    }
    let proven = match (&details.code_challenge, verifier) {
        (Some(challenge), Some(verifier)) => pkce::verify_s256(verifier, challenge),
        // RFC 9700 4.8.2: a verifier without a challenge is a sign that the challenge was removed.
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => spec.is_confidential(),
    };
    if !proven {
        return Err(OAuthError::invalid_grant("code_verifier does not match the authorization"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
