//! The one place where a refusal becomes an answer: its text is the body (AuthZEN 10.1.8).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::decisions::Failure;

/// A refusal of this API.
#[derive(Debug)]
pub struct Error(pub Failure);

impl<E: Into<Failure>> From<E> for Error {
    fn from(e: E) -> Self {
        Self(e.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.line())
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = self.0.answer();
        let mut answer = answer.content_type("text/plain; charset=utf-8").body(self.0.line());
        self.0.tell(&mut answer);
        answer
    }
}
