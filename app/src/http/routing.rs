//! From a request's host or path to its tenant, before any route is matched.
//!
//! `/t/{slug}/rest`, and `/rest` on a tenant's own host, become the tenant and `/rest`, so that
//! each route exists once. No default tenant is ever guessed: without one, tenant routes do not
//! match at all.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::{Guard, GuardContext};
use actix_web::http::{Method, Uri, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use bailiwick_actors::{Route, TenantHandle};

use crate::state::State;

/// The well-known part is inserted before the path of the issuer (RFC 8414 3, AuthZEN 9.2).
const INSERTED: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/authzen-configuration"];

/// A guard of the tenant routes.
pub struct HasTenant;

impl Guard for HasTenant {
    fn check(&self, context: &GuardContext<'_>) -> bool {
        context.req_data().contains::<TenantHandle>()
    }
}

/// Finds the tenant and rewrites the path.
pub async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    // RFC 9110 9.3.2: HEAD is GET; the server leaves the body out by itself.
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let found = match find(&state, &request).await {
        Ok(found) => found,
        Err(e) => {
            super::status::log(e.kind(), &e);
            let answer = HttpResponse::build(super::status::status(e.kind()))
                .insert_header((header::RETRY_AFTER, "1"))
                .finish();
            return Ok(answered(request, answer));
        }
    };
    let Some((route, path)) = found else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let view = route.tenant.view();
    if !route.canonical {
        // Pages go to the one issuer; protocol calls are refused, so that nothing is ever issued
        // or verified under another name.
        let shown = matches!(path.as_str(), "/" | "/oauth/authorize" | "/oauth/logout");
        let page = request.method() == Method::GET && (shown || path.starts_with("/login"));
        let answer = if page {
            let query = request.uri().query().map_or_else(String::new, |q| format!("?{q}"));
            let to = format!("{}{path}{query}", view.tenant.issuer);
            HttpResponse::PermanentRedirect().insert_header((header::LOCATION, to)).finish()
        } else {
            HttpResponse::MisdirectedRequest().finish()
        };
        return Ok(answered(request, answer));
    }
    tracing::Span::current().record("tenant", view.tenant.slug.as_str());
    request.extensions_mut().insert(route.tenant);
    rewrite(&mut request, &path);
    Ok(next.call(request).await?.map_into_left_body())
}

fn answered<B>(
    request: ServiceRequest,
    answer: HttpResponse<BoxBody>,
) -> ServiceResponse<EitherBody<B>> {
    request.into_response(answer).map_into_right_body()
}

/// The tenant of a request and the rest of its path; `None` for the platform's own paths and for
/// tenants that are not there, whose routes then match nothing.
async fn find(
    state: &State,
    request: &ServiceRequest,
) -> Result<Option<(Route, String)>, bailiwick_actors::Error> {
    let path = request.uri().path();
    let inserted = INSERTED.into_iter().find_map(|known| {
        let rest = path.strip_prefix(known).filter(|rest| rest.starts_with("/t/"))?;
        Some((known, rest))
    });
    let (prefix, path) = inserted.unwrap_or(("", path));
    if let Some(rest) = path.strip_prefix("/t/") {
        let (slug, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !bailiwick_domain::text::is_slug(slug) {
            return Ok(None);
        }
        let path = match (prefix, rest) {
            ("", "") => "/".to_owned(),
            ("", rest) => rest.to_owned(),
            (inserted, "" | "/") => inserted.to_owned(),
            _ => return Ok(None),
        };
        return Ok(state.platform.by_slug(slug).await?.map(|route| (route, path)));
    }
    // A host of the platform's own never names a tenant, and tenants on hosts of their own exist
    // only under a base domain.
    let Some(base) = &state.platform.options().base_domain else { return Ok(None) };
    let host = host(request);
    let below = host.strip_suffix(base.as_str()).and_then(|h| h.strip_suffix('.'));
    if !below.is_some_and(bailiwick_domain::text::is_slug) {
        return Ok(None);
    }
    Ok(state.platform.by_host(&host).await?.map(|route| (route, path.to_owned())))
}

/// The host that the request itself names: never a forwarded one.
fn host(request: &ServiceRequest) -> String {
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => {
            let header = request.headers().get(header::HOST);
            header.and_then(|v| v.to_str().ok()).unwrap_or_default()
        }
    };
    authority.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

fn rewrite(request: &mut ServiceRequest, path: &str) {
    if request.uri().path() == path {
        return;
    }
    let target = request.uri().query().map_or_else(|| path.to_owned(), |q| format!("{path}?{q}"));
    if let Ok(target) = target.parse::<actix_web::http::uri::PathAndQuery>() {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(target);
        if let Ok(uri) = Uri::from_parts(parts) {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
    }
}
