//! What the hosted pages' addresses and forms carry.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use bailiwick_domain::Kind;
use bailiwick_protocol::Params;

use super::browser::Browser;
use super::page::PageError;
use super::pending::Pending;
use crate::cx::Cx;
use crate::http::body::{self, BodyError};
use crate::pages::Problem;

/// A form of a page is small.
const MAX_FORM: usize = 32 * 1024;

/// A submitted form, or why it cannot be read.
pub struct Submitted(pub Result<Params, PageError>);

impl FromRequest for Submitted {
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move { Ok(Self(read(&request, &mut payload).await)) })
    }
}

async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Params, PageError> {
    let bad = || PageError::new(Problem::BadRequest, "invalid_request");
    if !body::is_media(request, "application/x-www-form-urlencoded") {
        return Err(bad());
    }
    let bytes = body::read(request, payload, MAX_FORM).await.map_err(|e| match e {
        BodyError::TooLarge => {
            PageError::new(Problem::TooLarge, "too_large").of_kind(Kind::TooLarge)
        }
        BodyError::Broken => bad(),
    })?;
    Ok(Params::parse(&bytes)?)
}

/// The pending request in the address of a page.
///
/// # Errors
/// A page that says what is wrong with it.
pub fn pending_in_query(cx: &Cx, request: &HttpRequest) -> Result<(Pending, Browser), PageError> {
    let params = Params::parse(request.query_string().as_bytes())?;
    let browser = Browser::of(cx, request);
    Ok((Pending::open(cx, params.require("request")?, &browser)?, browser))
}

/// The pending request in a form, which must come from a page that we gave to this browser.
///
/// # Errors
/// A page that says what is wrong with it.
pub fn pending_in_form(
    cx: &Cx,
    request: &HttpRequest,
    params: &Params,
) -> Result<(Pending, Browser), PageError> {
    let browser = own_form(cx, request, params)?;
    Ok((Pending::open(cx, params.require("request")?, &browser)?, browser))
}

/// The browser of a form, which must come from a page that we gave to it. Every form counts.
///
/// # Errors
/// A page, for a forged form, a browser without cookies, and too many forms.
pub fn own_form(cx: &Cx, request: &HttpRequest, params: &Params) -> Result<Browser, PageError> {
    let _ = cx.admit(None)?;
    let browser = Browser::of(cx, request);
    if browser.owns(cx, params.get("csrf")?.unwrap_or_default(), request) {
        Ok(browser)
    } else {
        cx.refused("page.forged_form", None);
        Err(PageError::new(Problem::OtherBrowser, "csrf").of_kind(Kind::Forbidden))
    }
}
