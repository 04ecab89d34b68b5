//! Form bodies of the OAuth endpoints.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};
use bailiwick_protocol::{OAuthError, Params};

use super::failure::Failure;
use crate::http::body::{self, BodyError, MAX_FORM};

/// The parameters of an `application/x-www-form-urlencoded` body.
pub struct FormBody(pub Params);

impl FromRequest for FormBody {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !body::is_media(&request, "application/x-www-form-urlencoded") {
                let text = "the body must be application/x-www-form-urlencoded";
                return Err(OAuthError::invalid_request(text).into());
            }
            let bytes =
                body::read(&request, &mut payload, MAX_FORM).await.map_err(|e| match e {
                    BodyError::TooLarge => {
                        Failure::from(OAuthError::invalid_request("the body is larger than 64 KiB"))
                            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
                    }
                    BodyError::Broken => OAuthError::invalid_request("the body is cut off").into(),
                })?;
            Ok(Self(Params::parse(&bytes)?))
        })
    }
}
