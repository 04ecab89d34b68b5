//! Where the answer to an authorization request goes.

use serde::{Deserialize, Serialize};

use crate::params::Params;

/// How the parameters of the answer travel (OAuth 2.0 Multiple Response Type Encoding Practices
/// 2.1, OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In the fragment of the redirect URI.
    Fragment,
    /// In the body of a POST to the redirect URI.
    FormPost,
}

impl ResponseMode {
    /// Every response mode, for discovery.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// The response mode of that registered name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// Where and how the answer goes: the same for success and for every error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo {
    /// Registered for the application that asks.
    pub redirect_uri: String,
    /// How the parameters travel.
    pub response_mode: ResponseMode,
    /// Returned exactly as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl ReturnTo {
    /// Reads what there is to read, because the mistakes of the request must be reported there
    /// too: what is unusable counts as absent here, and is refused by a rule afterwards.
    pub(super) fn read(params: &Params, redirect_uri: String) -> Self {
        let once = |name| params.get(name).ok().flatten();
        // By words: `token` alone is a response type that we do not have, but whoever sends it
        // looks for the error in the fragment (RFC 6749 4.2.2.1).
        let front = once("response_type")
            .is_some_and(|types| types.split(' ').any(|t| matches!(t, "token" | "id_token")));
        let default = if front { ResponseMode::Fragment } else { ResponseMode::Query };
        let response_mode = once("response_mode")
            .and_then(ResponseMode::parse)
            .filter(|mode| !(front && *mode == ResponseMode::Query))
            .unwrap_or(default);
        Self { redirect_uri, response_mode, state: once("state").map(str::to_owned) }
    }
}
