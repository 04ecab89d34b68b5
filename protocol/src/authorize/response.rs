//! The answer of the authorization endpoint, in the response mode of the request.

use std::fmt;

use bailiwick_domain::ScopeSet;
use url::form_urlencoded;

use super::{ResponseMode, ReturnTo};
use crate::error::OAuthError;

/// What was issued at the authorization endpoint: what the response type asks for.
#[derive(Default)]
pub struct Issued {
    /// The authorization code.
    pub code: Option<String>,
    /// The access token.
    pub access_token: Option<IssuedToken>,
    /// The ID token.
    pub id_token: Option<String>,
    /// What the application watches the user's sessions with (Session Management 1.0 3.2).
    pub session_state: Option<String>,
}

/// An access token of the front channel (RFC 6749 4.2.2).
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// Its lifetime in seconds.
    pub expires_in: u32,
    /// What it is for.
    pub scopes: ScopeSet,
}

/// How the answer reaches the client.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The browser is redirected to this address.
    Redirect(String),
    /// The browser posts a form (OAuth 2.0 Form Post Response Mode). The page that holds it must
    /// escape both sides of every field.
    FormPost {
        /// Where the form is posted to.
        action: String,
        /// Names and values of the hidden fields.
        fields: Vec<(&'static str, String)>,
    },
}

/// Without the parameters: they are codes and tokens.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redirect(_) => "Redirect",
            Self::FormPost { .. } => "FormPost",
        })
    }
}

/// The answer with what was issued (RFC 6749 4.1.2 and 4.2.2, Core 3.2.2.5 and 3.3.2.5).
#[must_use]
pub fn success(to: &ReturnTo, issuer: &str, issued: Issued) -> Delivery {
    let mut fields = Vec::with_capacity(8);
    fields.extend(issued.code.map(|code| ("code", code)));
    if let Some(IssuedToken { token, expires_in, scopes }) = issued.access_token {
        fields.push(("access_token", token));
        fields.push(("token_type", "Bearer".to_owned()));
        fields.push(("expires_in", expires_in.to_string()));
        if !scopes.is_empty() {
            fields.push(("scope", scopes.to_string()));
        }
    }
    fields.extend(issued.id_token.map(|token| ("id_token", token)));
    fields.extend(issued.session_state.map(|state| ("session_state", state)));
    deliver(to, issuer, fields)
}

/// The answer that says what is wrong (RFC 6749 4.1.2.1, Core 3.1.2.6).
#[must_use]
pub fn failure(to: &ReturnTo, issuer: &str, error: &OAuthError) -> Delivery {
    let mut fields = vec![("error", error.code.name().to_owned())];
    if !error.description.is_empty() {
        fields.push(("error_description", error.description.to_string()));
    }
    deliver(to, issuer, fields)
}

/// `state` as it came; `iss` in every answer, errors too, against mix-up (RFC 9207 2).
fn deliver(to: &ReturnTo, issuer: &str, mut fields: Vec<(&'static str, String)>) -> Delivery {
    fields.extend(to.state.clone().map(|state| ("state", state)));
    fields.push(("iss", issuer.to_owned()));
    match to.response_mode {
        ResponseMode::Query => Delivery::Redirect(with_query(&to.redirect_uri, &fields)),
        // A registered URI has no fragment of its own (RFC 6749 3.1.2).
        ResponseMode::Fragment => {
            Delivery::Redirect(format!("{}#{}", to.redirect_uri, encode(&fields)))
        }
        ResponseMode::FormPost => Delivery::FormPost { action: to.redirect_uri.clone(), fields },
    }
}

/// The URI with these parameters behind its own query, which stays as it is, byte for byte
/// (RFC 6749 3.1.2: "MUST be retained when adding additional query parameters").
pub(crate) fn with_query(uri: &str, fields: &[(&'static str, String)]) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", encode(fields))
}

/// Form encoding, with `%20` for spaces: decoders of fragments in the field often know no plus.
fn encode(fields: &[(&'static str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use proptest::prelude::*;

    const ISSUER: &str = "https://id.example/t/acme";

    fn to(redirect_uri: &str, response_mode: ResponseMode, state: Option<&str>) -> ReturnTo {
        ReturnTo {
            redirect_uri: redirect_uri.into(),
            response_mode,
            state: state.map(str::to_owned),
        }
    }

    fn code() -> Issued {
        Issued { code: Some("c+/ =".into()), ..Issued::default() }
    }

    fn target(delivery: Delivery) -> String {
        match delivery {
            Delivery::Redirect(uri) => uri,
            Delivery::FormPost { .. } => panic!("a form"),
        }
    }

    #[test]
    fn each_mode_has_its_place() {
        let iss = "iss=https%3A%2F%2Fid.example%2Ft%2Facme";
        for (uri, mode, expected) in [
            ("https://a.example/cb", ResponseMode::Query, "https://a.example/cb?"),
            ("https://a.example/cb?", ResponseMode::Query, "https://a.example/cb?"),
            ("https://a.example/cb?x=%2f+1", ResponseMode::Query, "https://a.example/cb?x=%2f+1&"),
            ("https://a.example/cb?x=1&", ResponseMode::Query, "https://a.example/cb?x=1&"),
            ("com.example.app:/cb", ResponseMode::Query, "com.example.app:/cb?"),
            ("https://a.example/cb?x=1", ResponseMode::Fragment, "https://a.example/cb?x=1#"),
        ] {
            let delivered = target(success(&to(uri, mode, Some("a b&c=d")), ISSUER, code()));
            let parameters = format!("code=c%2B%2F%20%3D&state=a%20b%26c%3Dd&{iss}");
            assert_eq!(delivered, format!("{expected}{parameters}"));
            let error = OAuthError::invalid_request("no good");
            let delivered = target(failure(&to(uri, mode, None), ISSUER, &error));
            let parameters = format!("error=invalid_request&error_description=no%20good&{iss}");
            assert_eq!(delivered, format!("{expected}{parameters}"));
        }
    }

    #[test]
    fn a_form_has_plain_values() {
        let to = to("https://a.example/cb?x=1", ResponseMode::FormPost, Some("\"<s>&"));
        let fields = vec![
            ("code", "c+/ =".to_owned()),
            ("state", "\"<s>&".to_owned()),
            ("iss", ISSUER.to_owned()),
        ];
        let expected = Delivery::FormPost { action: "https://a.example/cb?x=1".into(), fields };
        assert!(success(&to, ISSUER, code()) == expected);
    }

    #[test]
    fn tokens_come_with_their_type_lifetime_and_scope() {
        let issued = Issued {
            code: None,
            access_token: Some(IssuedToken {
                token: "t".into(),
                expires_in: 600,
                scopes: ScopeSet::parse("openid email").expect("valid"),
            }),
            id_token: Some("i".into()),
            session_state: Some("h.s".into()),
        };
        let delivered =
            target(success(&to("https://a/", ResponseMode::Fragment, None), "i", issued));
        assert_eq!(
            delivered,
            "https://a/#access_token=t&token_type=Bearer&expires_in=600&scope=email%20openid\
             &id_token=i&session_state=h.s&iss=i"
        );
    }

    proptest! {
        #[test]
        fn the_client_reads_back_state_exactly(state in "[^\0]{1,200}") {
            for mode in [ResponseMode::Query, ResponseMode::Fragment] {
                let delivered = target(success(&to("https://a/", mode, Some(&state)), ISSUER, code()));
                let (_, text) = delivered.split_once(['?', '#']).expect("has parameters");
                let read = Params::parse(text.as_bytes()).expect("well-formed");
                prop_assert_eq!(read.get("state"), Ok(Some(state.as_str())));
                prop_assert_eq!(read.get("iss"), Ok(Some(ISSUER)));
                prop_assert!(delivered.is_ascii() && !delivered.contains(['\r', '\n', ' ']));
            }
        }
    }
}
