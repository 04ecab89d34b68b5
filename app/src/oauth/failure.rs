//! The one place where an error of an OAuth endpoint becomes an answer (RFC 6749 5.2, RFC 6750 3).

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use bailiwick_actors::limits::Limited;
use bailiwick_domain::Kind;
use bailiwick_protocol::{ErrorCode, OAuthError};
use serde_json::json;

use crate::http::limits;
use crate::http::status::{log, status};

/// How a refusal must ask for authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// It does not.
    #[default]
    None,
    /// The client tried HTTP Basic (RFC 6749 5.2).
    Basic,
    /// A bearer token is wanted, and none was sent: RFC 6750 3.1 wants no error then.
    BearerMissing,
    /// The bearer token was refused.
    Bearer,
}

/// A refusal of an OAuth endpoint.
#[derive(Debug)]
pub struct Failure {
    /// What the client is told.
    pub error: OAuthError,
    /// The status, where it is not that of the error's kind.
    pub status: Option<StatusCode>,
    /// How it asks for authentication.
    pub challenge: Challenge,
    /// When to come again.
    pub limited: Option<Limited>,
}

impl Failure {
    /// The refusal, with this challenge.
    #[must_use]
    pub const fn asking(mut self, challenge: Challenge) -> Self {
        self.challenge = challenge;
        self
    }

    /// The refusal, with this status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// A failure that is not the client's: logged, and told without details.
    fn of_ours(kind: Kind, error: &dyn fmt::Display) -> Self {
        log(kind, error);
        let (code, text) = match kind {
            Kind::Unavailable | Kind::Limited => {
                (ErrorCode::TemporarilyUnavailable, "try again in a moment")
            }
            _ => (ErrorCode::ServerError, "something went wrong on our side"),
        };
        Self::from(OAuthError::new(code, text)).with_status(status(kind))
    }
}

impl From<OAuthError> for Failure {
    fn from(error: OAuthError) -> Self {
        Self { error, status: None, challenge: Challenge::None, limited: None }
    }
}

/// RFC 6749 5.2 has no code for this, and `temporarily_unavailable` would say that it is our fault.
/// What counts is the status with Retry-After; of the registered codes `slow_down` says the same to
/// a client that looks only at the body, and one that polls (RFC 8628 3.5) does the right thing.
impl From<Limited> for Failure {
    fn from(limited: Limited) -> Self {
        let error = if limits::is_ours(&limited) {
            OAuthError::new(ErrorCode::TemporarilyUnavailable, "try again in a moment")
        } else {
            let text = format!("too many requests: try again in {} s", limited.retry_after);
            OAuthError::new(ErrorCode::SlowDown, text)
        };
        Self { limited: Some(limited), ..Self::from(error) }
    }
}

macro_rules! of_ours {
    ($($source:ty),*) => {$(
        impl From<$source> for Failure {
            fn from(e: $source) -> Self {
                // What the store or an owner calls a conflict is, here, our own mistake.
                let kind = if e.kind() == Kind::Unavailable { e.kind() } else { Kind::Internal };
                Self::of_ours(kind, &e)
            }
        }
    )*};
}

of_ours!(bailiwick_actors::Error, bailiwick_store::Error, bailiwick_protocol::jose::JoseError);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error.code.name(), self.error.description)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status.unwrap_or_else(|| status(self.error.kind()))
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        no_store(&mut answer);
        let (code, text) = (self.error.code.name(), &self.error.description);
        if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        let challenge = match self.challenge {
            Challenge::None => None,
            Challenge::Basic => Some("Basic realm=\"token endpoint\", charset=\"UTF-8\"".into()),
            Challenge::BearerMissing => Some("Bearer".to_owned()),
            Challenge::Bearer => {
                Some(format!("Bearer error=\"{code}\", error_description=\"{text}\""))
            }
        };
        if let Some(challenge) = challenge {
            answer.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        let mut answer = answer.json(json!({ "error": code, "error_description": text }));
        if let Some(limited) = &self.limited {
            limits::refuse(answer.headers_mut(), limited);
        }
        answer
    }
}

/// RFC 6749 5.1: nothing here may be kept by a cache.
pub fn no_store(answer: &mut HttpResponseBuilder) {
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((header::PRAGMA, "no-cache"));
}
