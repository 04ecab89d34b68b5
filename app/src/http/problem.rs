//! The one place where a refusal of our own APIs becomes an answer (RFC 9457).

use std::fmt;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use bailiwick_actors::Error as OwnerError;
use bailiwick_actors::limits::Limited;
use bailiwick_domain::Kind;
use bailiwick_domain::application::Mistake;
use bailiwick_store::Error as StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use super::limits;
use super::request_id::RequestId;
use super::status::log;
use crate::password::PasswordError;
use crate::state::State;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = ($status:ident, $slug:literal, $title:literal),)*) => {
        /// Why a request was refused. The slugs are stable: programs tell problems apart by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

reasons! {
    /// The request breaks rules: see the list of mistakes.
    Invalid = (BAD_REQUEST, "invalid-request", "The request is not valid"),
    /// Nobody known is asking.
    Unauthenticated = (UNAUTHORIZED, "unauthenticated", "An API key or access token is needed"),
    /// Whoever asks may not do this.
    Forbidden = (FORBIDDEN, "forbidden", "You may not do this"),
    /// There is no such thing in this tenant.
    NotFound = (NOT_FOUND, "not-found", "There is no such thing"),
    /// Another thing has a name that must be unique.
    Exists = (CONFLICT, "already-exists", "It exists already"),
    /// The tenant lets nobody in this way.
    Closed = (CONFLICT, "registration-closed", "Registration is closed"),
    /// The tenant has as many of these as it may have.
    Full = (CONFLICT, "limit-reached", "There are too many"),
    /// Something else stands on it.
    InUse = (CONFLICT, "in-use", "It is needed"),
    /// A request with this idempotency key is under way.
    InProgress = (CONFLICT, "request-in-progress", "The same request is being handled"),
    /// It changed since the caller read it.
    Stale = (PRECONDITION_FAILED, "version-mismatch", "It changed meanwhile"),
    /// The body is larger than 512 KiB.
    TooLarge = (PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
    /// The body is of another media type.
    MediaType = (UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Another media type is needed"),
    /// The idempotency key was used for another request.
    KeyReused = (UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used"),
    /// The policies do not compile, or do not fit their schema.
    BadPolicies = (UNPROCESSABLE_ENTITY, "invalid-policies", "The policies are not valid"),
    /// The caller does not say which version it means.
    VersionNeeded = (PRECONDITION_REQUIRED, "version-required", "If-Match is needed"),
    /// Too many requests.
    Limited = (TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
    /// A part that is needed is full or away.
    Unavailable = (SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment"),
    /// A mistake of ours.
    Internal = (INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side"),
}

/// A refusal of the management API, or of the native decision API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Why.
    pub reason: Reason,
    /// What to do about it.
    pub detail: String,
    /// The mistakes, each with its place.
    pub errors: Vec<Mistake>,
    /// When to come again.
    pub limited: Option<Limited>,
}

/// The body of a refusal (RFC 9457 3).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Tells problems apart; stable.
    #[serde(rename = "type")]
    #[schema(example = "https://id.example.com/docs/problems/invalid-request")]
    kind: String,
    /// The same for every problem of the type.
    #[schema(example = "The request is not valid")]
    title: &'static str,
    /// The status of the answer.
    #[schema(example = 400)]
    status: u16,
    /// About this very problem, for developers.
    detail: String,
    /// Names the request in our log.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    request_id: String,
    /// The mistakes, when the request is not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<MistakeBody>)]
    errors: Vec<Mistake>,
}

/// One mistake.
#[derive(Serialize, ToSchema)]
#[schema(as = Mistake)]
pub struct MistakeBody {
    /// The member that is wrong.
    #[schema(example = "redirect_uris[0]")]
    path: String,
    /// What is wrong with it.
    message: String,
}

impl Problem {
    /// A refusal with its reason and what to do about it.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), errors: Vec::new(), limited: None }
    }

    /// Every mistake of a request.
    #[must_use]
    pub fn mistakes(errors: Vec<Mistake>) -> Self {
        let detail = "see errors for what is wrong and where".to_owned();
        Self { errors, ..Self::new(Reason::Invalid, detail) }
    }

    /// One mistake.
    pub fn mistake(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::mistakes(vec![Mistake::new(path, message)])
    }

    /// The same for what was never there, what was removed and what is another tenant's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Reason::NotFound, "it does not exist in this tenant, or was removed")
    }

    /// The caller's version is not the present one.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(Reason::Stale, "read it again and send its ETag as If-Match")
    }

    fn of_kind(kind: Kind, error: &dyn fmt::Display) -> Self {
        log(kind, error);
        match kind {
            Kind::Unavailable | Kind::Limited => {
                Self::new(Reason::Unavailable, "too much work is waiting, or a part is away")
            }
            _ => Self::new(Reason::Internal, "give us the request id"),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Stale(_) => Self::stale(),
            StoreError::Taken(what) => Self {
                errors: vec![Mistake::new(what, "is taken by another one")],
                ..Self::new(Reason::Exists, format!("another one has this {what}"))
            },
            StoreError::NotFound(_) => Self::not_found(),
            e => Self::of_kind(e.kind(), &e),
        }
    }
}

impl From<OwnerError> for Problem {
    fn from(e: OwnerError) -> Self {
        match e {
            OwnerError::Invalid(mistakes) => Self::mistakes(mistakes),
            OwnerError::Store(e) => e.into(),
            e => Self::of_kind(e.kind(), &e),
        }
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let reason = if limits::is_ours(&limited) { Reason::Unavailable } else { Reason::Limited };
        let detail = format!("try again in {} seconds", limited.retry_after);
        Self { limited: Some(limited), ..Self::new(reason, detail) }
    }
}

impl From<PasswordError> for Problem {
    fn from(e: PasswordError) -> Self {
        Self::of_kind(e.kind(), &e)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.slug(), self.detail)
    }
}

/// The answer carries the problem; [`middleware`] gives it the body, which names the request.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.reason.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::new(self.status_code());
        answer.extensions_mut().insert(self.clone());
        answer
    }
}

/// Whatever no route of the API answers.
pub async fn no_such_route() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Reason::NotFound, "there is no such operation"))
}

/// Writes the bodies of refusals.
///
/// # Errors
/// Those of the inner services.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, BoxBody>>, Error> {
    let mut response = next.call(request).await?;
    let problem = response.response_mut().extensions_mut().remove::<Problem>();
    let Some(problem) = problem else { return Ok(response.map_into_left_body()) };
    let request = response.request();
    let public_url = request
        .app_data::<Data<State>>()
        .map_or("", |state| state.platform.options().public_url.as_str());
    let body = ProblemBody {
        kind: format!("{public_url}/docs/problems/{}", problem.reason.slug()),
        title: problem.reason.title(),
        status: problem.reason.status().as_u16(),
        detail: problem.detail,
        request_id: RequestId::of(request),
        errors: problem.errors,
    };
    let mut answer = HttpResponse::build(problem.reason.status());
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((header::CONTENT_TYPE, "application/problem+json"));
    match problem.reason {
        // RFC 9110 11.6.1.
        Reason::Unauthenticated => {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"management\""));
        }
        Reason::InProgress | Reason::Unavailable => {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        _ => {}
    }
    let mut answer = answer.json(body);
    if let Some(limited) = &problem.limited {
        limits::refuse(answer.headers_mut(), limited);
    }
    Ok(response.into_response(answer).map_into_right_body())
}
