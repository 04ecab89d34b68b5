//! Cross-origin requests: discovery and JWKS for everybody; token, userinfo and revocation for the
//! origins of the tenant's browser applications; nothing else, and never with credentials.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use bailiwick_actors::TenantHandle;

const SHARED: [&str; 3] = ["/oauth/token", "/oauth/userinfo", "/oauth/revoke"];

/// Adds the headers, and answers preflight requests.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let allowed = allowed(&request, &origin);
    let preflight = request.method() == Method::OPTIONS;
    if let (Some(allowed), true) = (&allowed, preflight) {
        let answer = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone()))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, dpop",
            ))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .insert_header((header::VARY, "Origin"))
            .finish();
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let mut response = next.call(request).await?.map_into_left_body();
    if let Some(allowed) = allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let exposed = HeaderValue::from_static(
            "WWW-Authenticate, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy",
        );
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    Ok(response)
}

/// What to answer as the allowed origin, if this origin may read this resource.
fn allowed(request: &ServiceRequest, origin: &HeaderValue) -> Option<HeaderValue> {
    let path = request.path();
    let tenant = request.extensions().get::<TenantHandle>().cloned()?;
    if path.starts_with("/.well-known/") {
        return Some(HeaderValue::from_static("*"));
    }
    let known =
        SHARED.contains(&path) && tenant.view().applications.allows_origin(origin.to_str().ok()?);
    known.then(|| origin.clone())
}
