//! Why a decision API refuses to decide: never the same as deciding "no".

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bailiwick_actors::Error as OwnerError;
use bailiwick_actors::authz::Refusal;
use bailiwick_actors::limits::Limited;
use bailiwick_domain::Kind;
use bailiwick_domain::application::Mistake;
use bailiwick_policy::Fault;

use crate::http::limits;
use crate::http::problem::{Problem, Reason};
use crate::http::status::{log, status};

/// A refusal. Each family of endpoints renders it in its own way.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// What to do about it.
    pub message: String,
    /// What is wrong, and where.
    pub faults: Vec<Fault>,
    /// When to come again.
    pub limited: Option<Limited>,
}

impl Failure {
    /// A refusal with its status and what to do about it.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), faults: Vec::new(), limited: None }
    }

    /// Something is wrong with the request.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let message = "the request is not valid".to_owned();
        Self { faults, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// One thing is wrong with the request.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Fault::new(path, message)])
    }

    /// Everything that it says, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let faults = self.faults.iter().map(|f| match f.path.as_str() {
            "" => f.message.clone(),
            path => format!("{path}: {}", f.message),
        });
        let faults: Vec<String> = faults.collect();
        if faults.is_empty() { self.message.clone() } else { faults.join("; ") }
    }

    /// An answer with the status and the header fields of the refusal.
    #[must_use]
    pub fn answer(&self) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let basic = "Basic realm=\"authorization\", charset=\"UTF-8\"";
                answer.append_header((header::WWW_AUTHENTICATE, basic));
                answer.append_header((header::WWW_AUTHENTICATE, "Bearer realm=\"authorization\""));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                answer.insert_header((header::RETRY_AFTER, "1"));
            }
            _ => {}
        }
        answer
    }

    /// Adds what is told of a limit.
    pub fn tell(&self, answer: &mut HttpResponse) {
        if let Some(limited) = &self.limited {
            limits::refuse(answer.headers_mut(), limited);
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let mistake = |f: Fault| Mistake::new(f.path, f.message);
        let errors: Vec<Mistake> = failure.faults.into_iter().map(mistake).collect();
        let reason = match failure.status {
            StatusCode::BAD_REQUEST => return Self::mistakes(errors),
            StatusCode::UNAUTHORIZED => Reason::Unauthenticated,
            StatusCode::FORBIDDEN => Reason::Forbidden,
            StatusCode::PAYLOAD_TOO_LARGE => Reason::TooLarge,
            StatusCode::TOO_MANY_REQUESTS => Reason::Limited,
            StatusCode::SERVICE_UNAVAILABLE => Reason::Unavailable,
            _ => Reason::Internal,
        };
        Self { limited: failure.limited, ..Self::new(reason, failure.message) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // The engine's paths are JSON pointers; those of requests elsewhere have dots.
            Refusal::Invalid(mut faults) => {
                for fault in &mut faults {
                    fault.path = fault.path.trim_start_matches('/').replace('/', ".");
                }
                Self::invalid(faults)
            }
            Refusal::Owner(e) => e.into(),
        }
    }
}

impl From<OwnerError> for Failure {
    fn from(e: OwnerError) -> Self {
        if let OwnerError::Policies(findings) = &e {
            // Active policies that do not compile, after an upgrade: nobody is let in by that.
            let first = findings.first().map(ToString::to_string).unwrap_or_default();
            tracing::error!(finding = first, "active policies do not compile");
        }
        let kind = if e.kind() == Kind::Unavailable { e.kind() } else { Kind::Internal };
        log(kind, &e);
        let message = match kind {
            Kind::Unavailable => "too much work is waiting, or a part is away: try again",
            _ => "something went wrong on our side: give us the request id",
        };
        Self::new(status(kind), message)
    }
}

impl From<bailiwick_store::Error> for Failure {
    fn from(e: bailiwick_store::Error) -> Self {
        OwnerError::from(e).into()
    }
}

impl From<Limited> for Failure {
    fn from(limited: Limited) -> Self {
        let ours = limits::is_ours(&limited);
        let status =
            if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::TOO_MANY_REQUESTS };
        let message = format!("too many requests: try again in {} s", limited.retry_after);
        Self { limited: Some(limited), ..Self::new(status, message) }
    }
}
