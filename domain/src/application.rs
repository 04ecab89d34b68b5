//! Applications: what an OAuth client is registered with, and the rules that hold among it.
//!
//! The field names are those of the manifest and of the management API; where RFC 7591 or OpenID
//! Connect Registration define a member, the name is theirs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::acr::Acr;
use crate::id::ApplicationId;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

mod rules;
mod uri;

pub use rules::Mistake;
pub use uri::{is_loopback, redirect_uri_matches};

/// What kind of application it is; it decides defaults and which redirect URIs are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// Runs on a server and can keep a secret.
    Web,
    /// Runs in a browser.
    Spa,
    /// Runs on a device of the user (RFC 8252).
    Native,
    /// Acts for itself, without a user.
    Machine,
}

/// Grant types of the token endpoint, and `implicit` for the response types that need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 4.1.
    AuthorizationCode,
    /// RFC 6749 6.
    RefreshToken,
    /// RFC 6749 4.4.
    ClientCredentials,
    /// RFC 6749 4.2; only for certification, off by default.
    Implicit,
}

/// Response types, each with its parts in alphabetical order (OAuth 2.0 Multiple Response Types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResponseType {
    /// `code`
    #[serde(rename = "code")]
    Code,
    /// `id_token`
    #[serde(rename = "id_token")]
    IdToken,
    /// `id_token token`
    #[serde(rename = "id_token token")]
    IdTokenToken,
    /// `code id_token`
    #[serde(rename = "code id_token")]
    CodeIdToken,
    /// `code token`
    #[serde(rename = "code token")]
    CodeToken,
    /// `code id_token token`
    #[serde(rename = "code id_token token")]
    CodeIdTokenToken,
}

impl ResponseType {
    /// Every response type, for discovery.
    pub const ALL: [Self; 6] = [
        Self::Code,
        Self::IdToken,
        Self::IdTokenToken,
        Self::CodeIdToken,
        Self::CodeToken,
        Self::CodeIdTokenToken,
    ];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::IdTokenToken => "id_token token",
            Self::CodeIdToken => "code id_token",
            Self::CodeToken => "code token",
            Self::CodeIdTokenToken => "code id_token token",
        }
    }

    /// Parses a space-separated list in any order.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<&str> = text.split(' ').filter(|p| !p.is_empty()).collect();
        parts.sort_unstable();
        let name = parts.join(" ");
        Self::ALL.into_iter().find(|r| r.name() == name)
    }

    /// Whether the answer carries a code.
    #[must_use]
    pub const fn has_code(self) -> bool {
        !matches!(self, Self::IdToken | Self::IdTokenToken)
    }

    /// Whether the answer carries an ID token.
    #[must_use]
    pub const fn has_id_token(self) -> bool {
        !matches!(self, Self::Code | Self::CodeToken)
    }

    /// Whether the answer carries an access token.
    #[must_use]
    pub const fn has_token(self) -> bool {
        matches!(self, Self::IdTokenToken | Self::CodeToken | Self::CodeIdTokenToken)
    }
}

/// How an application authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client.
    None,
    /// RFC 6749 2.3.1, HTTP Basic.
    ClientSecretBasic,
    /// RFC 6749 2.3.1, in the body.
    ClientSecretPost,
    /// RFC 7523, OpenID Connect Core 9.
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Whether the client proves who it is with a secret that we store.
    #[must_use]
    pub const fn uses_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// Algorithms that we sign with (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SigningAlg {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlg {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::ES256, Self::RS256, Self::PS256, Self::EdDSA];

    /// The registered name: `alg` in a JOSE header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that registered name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

/// How the subject identifier is made (Core 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// The same `sub` for every application.
    #[default]
    Public,
    /// A `sub` of its own for every sector.
    Pairwise,
}

/// A claim that an application may have in its access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenClaim {
    /// The names of the roles of the subject (RFC 9068 2.2.3.1).
    Roles,
    /// The permissions of these roles.
    Permissions,
}

/// The longest that an access or ID token can live, in seconds.
pub const LONGEST_TOKEN: u32 = 86_400;

/// Lifetimes in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    /// Of an authorization code: 1 to 600, default 60.
    pub code: u32,
    /// Of an access token: 1 to 86,400, default 600.
    pub access_token: u32,
    /// Of an ID token: 1 to 86,400, default 600.
    pub id_token: u32,
    /// Of a family of refresh tokens: 1 second to 366 days, default 30 days.
    pub refresh_token: u32,
    /// How long the previous refresh token still gives the same successor: 0 to 300, default 10.
    pub refresh_token_grace: u32,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            access_token: 600,
            id_token: 600,
            refresh_token: 30 * 86_400,
            refresh_token_grace: 10,
        }
    }
}

/// What an application is registered with: the part that its owner may set.
///
/// A spec in the store is always *settled*: [`ApplicationSpec::settle`] has filled the defaults
/// that depend on the type, and has found no mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSpec {
    /// The OAuth `client_id`, unique in the tenant.
    pub client_id: String,
    /// Shown to users when they consent.
    pub name: String,
    /// `web`, `spa`, `native` or `machine`.
    #[serde(rename = "type")]
    pub kind: ApplicationType,
    /// Matched exactly; loopback addresses of native applications match with any port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Matched exactly (RP-Initiated Logout 1.0).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Default: `client_credentials` for machines, else `authorization_code`.
    #[serde(default)]
    pub grant_types: Vec<GrantType>,
    /// Default: `code` when `authorization_code` is granted, else none.
    #[serde(default)]
    pub response_types: Vec<ResponseType>,
    /// The scopes that it may ask for.
    #[serde(default)]
    pub scopes: ScopeSet,
    /// Default: `none` for spa and native, else `client_secret_basic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// Public keys of `private_key_jwt`, as a JWK Set (RFC 7517).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where the public keys are; not together with `jwks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Default RS256 (OpenID Connect Registration 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<SigningAlg>,
    /// An application of the tenant itself: users are not asked for consent.
    #[serde(default)]
    pub first_party: bool,
    /// What every sign-in for it must reach: `1` (default), `2` for two factors, `phr` for a
    /// passkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_acr: Option<Acr>,
    /// Lifetimes of what it is given.
    #[serde(default)]
    pub lifetimes: Lifetimes,
    /// Origins whose scripts may call the token, userinfo and revocation endpoints, beside those
    /// of an spa's redirect URIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// Where it is told that a session has ended (Back-Channel Logout 1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs the session's `sid` there; it is always told.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// What a hidden frame of the sign-out page opens (Front-Channel Logout 1.0); of the origin of
    /// a redirect URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether `iss` and `sid` are added to it.
    #[serde(default)]
    pub frontchannel_logout_session_required: bool,
    /// What its access tokens say of what their subject may do.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub access_token_claims: BTreeSet<AccessTokenClaim>,
    /// The resources (RFC 8707) that its tokens may be for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// `public` (default) or `pairwise` (Core 8).
    #[serde(default)]
    pub subject_type: SubjectType,
}

impl ApplicationSpec {
    /// How it authenticates, once settled.
    #[must_use]
    pub fn auth_method(&self) -> AuthMethod {
        self.token_endpoint_auth_method.unwrap_or(match self.kind {
            ApplicationType::Spa | ApplicationType::Native => AuthMethod::None,
            ApplicationType::Web | ApplicationType::Machine => AuthMethod::ClientSecretBasic,
        })
    }

    /// Whether it is a confidential client (RFC 6749 2.1).
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.auth_method() != AuthMethod::None
    }

    /// What its ID tokens are signed with.
    #[must_use]
    pub fn id_token_alg(&self) -> SigningAlg {
        self.id_token_signed_response_alg.unwrap_or(SigningAlg::RS256)
    }

    /// Whether it may use the grant type.
    #[must_use]
    pub fn allows_grant(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// The origins whose scripts may call the token, userinfo and revocation endpoints: those it
    /// names, and for an spa those of its redirect URIs.
    pub fn script_origins(&self) -> impl Iterator<Item = String> {
        let spa = self.kind == ApplicationType::Spa;
        let own = self.redirect_uris.iter().filter(move |_| spa);
        let own = own.filter_map(|uri| url::Url::parse(uri).ok());
        let own = own.map(|url| url.origin().ascii_serialization());
        self.allowed_origins.iter().cloned().chain(own)
    }

    /// Fills the defaults that depend on other members, and checks every rule.
    ///
    /// `development` allows loopback `http` addresses for every type.
    ///
    /// # Errors
    /// Every mistake, each with the member it is in.
    pub fn settle(mut self, development: bool) -> Result<Self, Vec<Mistake>> {
        if self.grant_types.is_empty() {
            self.grant_types = vec![match self.kind {
                ApplicationType::Machine => GrantType::ClientCredentials,
                _ => GrantType::AuthorizationCode,
            }];
        }
        if self.response_types.is_empty() && self.allows_grant(GrantType::AuthorizationCode) {
            self.response_types = vec![ResponseType::Code];
        }
        self.token_endpoint_auth_method = Some(self.auth_method());
        let mistakes = rules::check(&self, development);
        if mistakes.is_empty() { Ok(self) } else { Err(mistakes) }
    }
}

/// An application as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// What it is registered with; settled.
    pub spec: ApplicationSpec,
    /// Counts its changes: the `ETag` of the management API.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
