//! A request id for every request: in the answer, in the log, in error pages.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use tracing::Instrument as _;

use crate::metrics;
use crate::state::State;

/// The header that tells the id.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: 32 hexadecimal digits. The trace id of a W3C `traceparent` when the caller
/// sent a valid one, so that both sides' logs meet; else random.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The id of this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> String {
        request.extensions().get::<Self>().map_or_else(String::new, |id| id.0.clone())
    }
}

/// Gives the request its id and its span, and logs one line when it is answered.
///
/// The line has the route's pattern, never the path or the query: those can hold secrets and
/// personal data.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let env = request.app_data::<Data<State>>().map(|s| s.platform.env().clone());
    let id = traceparent(&request).unwrap_or_else(|| {
        env.as_ref().map_or_else(String::new, |env| hex::encode(env.bytes::<16>()))
    });
    let header = HeaderValue::from_str(&id).ok();
    let span = tracing::info_span!("request", request_id = %id, tenant = tracing::field::Empty);
    request.extensions_mut().insert(RequestId(id));
    let method = request.method().clone();
    let started = env.as_ref().map(bailiwick_domain::Env::now);
    let mut response = next.call(request).instrument(span.clone()).await?;
    // An API whose callers name their requests has put their name there.
    if let Some(value) = header.filter(|_| !response.headers().contains_key(HEADER)) {
        response.headers_mut().insert(HEADER, value);
    }
    if let (Some(env), Some(started)) = (env, started) {
        let _entered = span.enter();
        let took = env.now().since(started);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let route = response.request().match_pattern().unwrap_or_else(|| "none".into());
        let status = response.status().as_u16();
        metrics::answered(&route, status, took);
        tracing::info!(%method, route, status, micros, "answered");
    }
    Ok(response)
}

/// The trace id of a valid version-00 `traceparent` (W3C Trace Context 3.2).
fn traceparent(request: &ServiceRequest) -> Option<String> {
    let header = request.headers().get("traceparent")?.to_str().ok()?;
    let mut parts = header.split('-');
    let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |s: &str, n: usize| {
        s.len() == n
            && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            && s.bytes().any(|b| b != b'0')
    };
    (version == "00" && hex(trace, 32) && hex(parent, 16)).then(|| trace.to_owned())
}
