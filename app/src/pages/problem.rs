//! What can go wrong before there is a form to say it on.

use bailiwick_domain::Kind;
use serde::Serialize;

/// What an [`ErrorPage`] says: a title, what happened and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// `client_id` names no application of this tenant.
    UnknownApplication,
    /// The redirect URI is not one of the application's.
    WrongRedirect,
    /// The request is malformed.
    BadRequest,
    /// The pending request is older than its lifetime.
    Expired,
    /// A link of a mail was used, is too old, or has a successor.
    LinkOver,
    /// The request belongs to another browser, or cookies are off.
    OtherBrowser,
    /// The person or application may not do this.
    Forbidden,
    /// No such page, or no such tenant.
    NotFound,
    /// The thing changed meanwhile.
    Conflict,
    /// The request is too large.
    TooLarge,
    /// Asked too often.
    TooMany,
    /// A part that is needed is full or away.
    Unavailable,
    /// A mistake of ours.
    Internal,
}

impl Problem {
    /// Every problem.
    pub const ALL: [Self; 13] = [
        Self::UnknownApplication,
        Self::WrongRedirect,
        Self::BadRequest,
        Self::Expired,
        Self::LinkOver,
        Self::OtherBrowser,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::TooMany,
        Self::Unavailable,
        Self::Internal,
    ];
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Invalid => Self::BadRequest,
            Kind::Unauthenticated | Kind::Forbidden => Self::Forbidden,
            Kind::NotFound => Self::NotFound,
            Kind::Conflict => Self::Conflict,
            Kind::TooLarge => Self::TooLarge,
            Kind::Limited => Self::TooMany,
            Kind::Unavailable => Self::Unavailable,
            Kind::Internal => Self::Internal,
        }
    }
}

/// Something went wrong and no application can be told.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorPage<'a> {
    /// What happened, in words for the person.
    pub problem: Problem,
    /// The error code of the protocol, such as `invalid_request`.
    pub code: &'a str,
    /// What a developer needs to know, such as an `error_description`; never an internal error.
    pub detail: Option<&'a str>,
    /// Names the request in the logs.
    pub request_id: &'a str,
    /// Link that tries again, when that can help.
    pub retry: Option<&'a str>,
    /// When to try again, after too many requests.
    pub wait: Option<Wait>,
}

/// How long to wait, in the unit that people would say it in: at least two of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    unit: &'static str,
    count: u32,
}

impl Wait {
    /// So many seconds or a little more.
    #[must_use]
    pub fn of(seconds: u32) -> Self {
        match seconds {
            0..120 => Self { unit: "seconds", count: seconds.max(2) },
            120..7_200 => Self { unit: "minutes", count: seconds.div_ceil(60) },
            _ => Self { unit: "hours", count: seconds.div_ceil(3_600) },
        }
    }
}
