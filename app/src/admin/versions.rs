//! Versions as entity tags (RFC 9110 8.8.3): nobody overwrites what they have not seen.

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::problem::{Problem, Reason};

/// The entity tag of a version.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// The answer of a read: the thing with its entity tag, or 304 when the caller has it.
#[must_use]
pub fn read(request: &HttpRequest, version: i64, body: &impl Serialize) -> HttpResponse {
    let tag = etag(version);
    // RFC 9110 13.1.2: compared weakly.
    let known = tags(request, &header::IF_NONE_MATCH);
    let known = known.iter().any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag);
    if known {
        return HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish();
    }
    changed(version, body)
}

/// The answer of a change: the thing as it is now, with its entity tag.
#[must_use]
pub fn changed(version: i64, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ETAG, etag(version)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .json(body)
}

/// Refuses a change of a version that the caller has not seen, or does not name.
///
/// # Errors
/// 428 without `If-Match` (RFC 6585 3), 412 when it names other versions.
pub fn must_match(request: &HttpRequest, version: i64) -> Result<(), Problem> {
    let wanted = tags(request, &header::IF_MATCH);
    if wanted.is_empty() {
        let detail = "send the ETag of what you read as If-Match, so that nothing is overwritten";
        return Err(Problem::new(Reason::VersionNeeded, detail));
    }
    // RFC 9110 13.1.1: compared strongly, so a weak tag never matches.
    let tag = etag(version);
    if wanted.iter().any(|t| t == "*" || *t == tag) { Ok(()) } else { Err(Problem::stale()) }
}

/// The entity tags of a header. Ours hold no comma.
fn tags(request: &HttpRequest, name: &HeaderName) -> Vec<String> {
    let lines = request.headers().get_all(name).filter_map(|v| v.to_str().ok());
    let tags = lines.flat_map(|line| line.split(','));
    tags.map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn reason(if_match: &str) -> Option<Reason> {
        let request = TestRequest::default().insert_header((header::IF_MATCH, if_match));
        must_match(&request.to_http_request(), 3).err().map(|p| p.reason)
    }

    #[test]
    fn a_change_names_the_version_that_it_changes() {
        for fits in ["\"v3\"", "*", "\"v2\", \"v3\""] {
            assert_eq!(reason(fits), None, "{fits}");
        }
        for stale in ["\"v2\"", "v3", "W/\"v3\"", "\"v3", "\"v33\"", "3"] {
            assert_eq!(reason(stale), Some(Reason::Stale), "{stale}");
        }
        for missing in ["", " , "] {
            assert_eq!(reason(missing), Some(Reason::VersionNeeded), "{missing}");
        }
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let status = |tag: &str| {
            let request = TestRequest::default().insert_header((header::IF_NONE_MATCH, tag));
            read(&request.to_http_request(), 3, &"x").status().as_u16()
        };
        assert_eq!([status("\"v3\""), status("W/\"v3\""), status("*")], [304; 3]);
        assert_eq!([status("\"v2\""), status("")], [200; 2]);
    }
}
