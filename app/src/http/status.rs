//! The one mapping from the house's error kinds to HTTP.

use actix_web::http::StatusCode;
use bailiwick_domain::Kind;

/// The status of a kind of failure.
#[must_use]
pub const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Limited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Logs a failure of ours, which the client is told nothing of but a request id.
pub fn log(kind: Kind, error: &dyn std::fmt::Display) {
    match kind {
        Kind::Internal => tracing::error!(%error, "request failed"),
        Kind::Unavailable => tracing::warn!(%error, "request refused for now"),
        _ => {}
    }
}
