//! What can go wrong before there is a form to say it on.

use bailiwick_domain::Kind;
use serde::Serialize;

/// What an [`super::ErrorPage`] says: a title, what happened and what to do next.
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
