//! Errors in the shape of RFC 6749 section 5.2, for every endpoint of the OAuth family.

use std::borrow::Cow;
use std::fmt;

use bailiwick_domain::Kind;
use serde::ser::{Serialize, SerializeStruct, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $kind:ident;)*) => {
        /// The registered error codes that we answer with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The registered name: the value of `error`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The kind of failure.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),* }
            }
        }
    };
}

codes! {
    /// A parameter is missing, malformed or repeated (RFC 6749 5.2).
    InvalidRequest = "invalid_request" => Invalid;
    /// The client is unknown or did not prove who it is (RFC 6749 5.2).
    InvalidClient = "invalid_client" => Unauthenticated;
    /// The code or refresh token is not valid for this client (RFC 6749 5.2).
    InvalidGrant = "invalid_grant" => Invalid;
    /// The client may not use this grant or response type (RFC 6749 5.2).
    UnauthorizedClient = "unauthorized_client" => Invalid;
    /// We do not have this grant type (RFC 6749 5.2).
    UnsupportedGrantType = "unsupported_grant_type" => Invalid;
    /// The scope is malformed, or more than may be asked for (RFC 6749 5.2).
    InvalidScope = "invalid_scope" => Invalid;
    /// The resource is malformed or not one of the client's (RFC 8707 2).
    InvalidTarget = "invalid_target" => Invalid;
    /// The user refused (RFC 6749 4.1.2.1).
    AccessDenied = "access_denied" => Forbidden;
    /// The client may not use this response type, or we do not have it (RFC 6749 4.1.2.1).
    UnsupportedResponseType = "unsupported_response_type" => Invalid;
    /// A mistake of ours (RFC 6749 4.1.2.1).
    ServerError = "server_error" => Internal;
    /// Trying again later may work (RFC 6749 4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable" => Unavailable;
    /// Too many requests: come less often (RFC 8628 3.5). The one registered code that says so.
    SlowDown = "slow_down" => Limited;
    /// The user must sign in and `prompt` is `none` (Core 3.1.2.6).
    LoginRequired = "login_required" => Invalid;
    /// The user must consent and `prompt` is `none` (Core 3.1.2.6).
    ConsentRequired = "consent_required" => Invalid;
    /// The user must do something and `prompt` is `none` (Core 3.1.2.6).
    InteractionRequired = "interaction_required" => Invalid;
    /// The user must choose an account and `prompt` is `none` (Core 3.1.2.6).
    AccountSelectionRequired = "account_selection_required" => Invalid;
    /// The user cannot be authenticated as asked for (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements` 1.0).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements" => Invalid;
    /// Request objects are not supported (Core 3.1.2.6).
    RequestNotSupported = "request_not_supported" => Invalid;
    /// Request objects by reference are not supported (Core 3.1.2.6).
    RequestUriNotSupported = "request_uri_not_supported" => Invalid;
    /// The `registration` parameter is not supported (Core 3.1.2.6).
    RegistrationNotSupported = "registration_not_supported" => Invalid;
    /// The access token is malformed, expired, revoked or for somebody else (RFC 6750 3.1).
    InvalidToken = "invalid_token" => Unauthenticated;
    /// The access token lacks a scope (RFC 6750 3.1).
    InsufficientScope = "insufficient_scope" => Forbidden;
    /// Tokens of this type cannot be revoked (RFC 7009 2.2.1).
    UnsupportedTokenType = "unsupported_token_type" => Invalid;
}

/// An error answer: a code, and a sentence for the developer of the client.
///
/// Serialises as the JSON body of RFC 6749 5.2. Made with [`OAuthError::new`] or one of the
/// functions named after a code, which keep the description to the characters allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// The registered code.
    pub code: ErrorCode,
    /// For developers: only `%x20-21 / %x23-5B / %x5D-7E` (RFC 6749 5.2), at most 300 bytes.
    pub description: Cow<'static, str>,
}

const MAX_DESCRIPTION: usize = 300;

impl OAuthError {
    /// An error with this description. Double quotes become single ones, other characters that
    /// RFC 6749 5.2 forbids become `?`, and what is over 300 characters is cut off.
    #[must_use]
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        let fine = description.len() <= MAX_DESCRIPTION && description.chars().all(is_allowed);
        let description = if fine { description } else { sanitise(&description).into() };
        Self { code, description }
    }

    /// `invalid_request`
    #[must_use]
    pub fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// `invalid_client`. The description is always the same, so that nobody learns which part of
    /// a client's authentication was wrong.
    #[must_use]
    pub fn invalid_client() -> Self {
        Self::new(ErrorCode::InvalidClient, "client authentication failed")
    }

    /// `invalid_grant`
    #[must_use]
    pub fn invalid_grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }

    /// `invalid_scope`
    #[must_use]
    pub fn invalid_scope(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidScope, description)
    }

    /// `invalid_target`
    #[must_use]
    pub fn invalid_target(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidTarget, description)
    }

    /// `unauthorized_client`
    #[must_use]
    pub fn unauthorized_client(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::UnauthorizedClient, description)
    }

    /// The kind of failure.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.code.kind()
    }
}

const fn is_allowed(c: char) -> bool {
    matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')
}

fn sanitise(text: &str) -> String {
    text.chars()
        .take(MAX_DESCRIPTION)
        .map(|c| match c {
            '"' => '\'',
            c if is_allowed(c) => c,
            _ => '?',
        })
        .collect()
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.description)
    }
}

impl std::error::Error for OAuthError {}

impl Serialize for OAuthError {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut body = s.serialize_struct("OAuthError", 2)?;
        body.serialize_field("error", self.code.name())?;
        body.serialize_field("error_description", &self.description)?;
        body.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_to_the_allowed_characters() {
        let error = OAuthError::invalid_request("a\"b\\c\r\n\td\u{e9}".to_owned());
        assert_eq!(error.description, "a'b?c???d?");
        let long = OAuthError::invalid_request("x".repeat(301));
        assert_eq!(long.description.len(), 300);
        assert_eq!(
            serde_json::to_string(&OAuthError::invalid_grant("no")).expect("serialises"),
            r#"{"error":"invalid_grant","error_description":"no"}"#
        );
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }
}
