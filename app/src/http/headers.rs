//! Security headers of every answer. Hosted pages set their own, stricter ones; this is the rest.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::state::State;

/// An answer of an API is not a page: nothing in it may run, load or be framed.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
/// The API explorer is the one page that is not rendered here; it sets styles from scripts.
const EXPLORER: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const ALWAYS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Adds what the handler did not set.
///
/// # Errors
/// Those of the handler.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<Data<State>>();
    let https = state.is_some_and(|s| s.config.public_url.scheme() == "https");
    let policy = if request.path().starts_with("/docs/") { EXPLORER } else { NOTHING };
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in ALWAYS {
        set(name, value);
    }
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    // The one page for frames says so itself; browsers that know no policy would refuse it.
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|v| v.to_str().ok());
    if policy.is_some_and(|p| p.ends_with("frame-ancestors *")) {
        headers.remove(header::X_FRAME_OPTIONS);
    }
    Ok(response)
}
