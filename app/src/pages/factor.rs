//! The pages between a password and the rest.

use actix_web::http::StatusCode;
use bailiwick_domain::acr::Factor;
use serde::Serialize;

use super::page::Account;
use super::problem::Wait;

/// What the script of a page asks the browser for a passkey with. Sends `request`, `csrf`,
/// `ceremony`, and `answer`: what the browser gave, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Passkey<'a> {
    /// Where the answer is sent.
    pub action: &'a str,
    /// What `navigator.credentials.get` takes, as JSON with bytes in base64url.
    pub options: &'a str,
    /// Comes back with the answer.
    pub ceremony: &'a str,
}

/// Asks who has signed in for more. Sends `request`, `csrf`, `method`, `code`, `remember`, and
/// `ceremony` with a code that we have sent.
#[derive(Clone, Debug, Serialize)]
pub struct SecondFactor<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// The name of the application that waits, when one does.
    pub application: Option<&'a str>,
    /// Whose account it is.
    pub account: Account<'a>,
    /// What is asked for.
    pub method: Factor,
    /// What else will do, and where it is asked for.
    pub others: Vec<(Factor, &'a str)>,
    /// For a passkey.
    pub passkey: Option<Passkey<'a>>,
    /// What comes back with a code that we have sent. None says that it is still to be sent.
    pub ceremony: Option<&'a str>,
    /// The last digits of the number that a text message goes to.
    pub number: Option<&'a str>,
    /// For how many days the browser can be remembered, if it can.
    pub remember_days: Option<u32>,
    /// Why the form is shown again.
    pub problem: Option<FactorProblem>,
    /// When to try again, after too many tries.
    pub wait: Option<Wait>,
}

/// Why a second factor is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorProblem {
    /// It is not right, or was used before.
    Wrong,
    /// Asked too often.
    TooMany,
    /// The password pool is full.
    Busy,
}

impl FactorProblem {
    /// Every problem.
    pub const ALL: [Self; 3] = [Self::Wrong, Self::TooMany, Self::Busy];

    /// The status of a page that says so.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Asks for the code of a mail. Sends `request`, `csrf`, `ceremony`, `code`; or, for another mail,
/// `request`, `csrf`, `email`.
#[derive(Clone, Debug, Serialize)]
pub struct EmailCode<'a> {
    /// Where the forms are sent.
    pub action: &'a str,
    /// The sealed pending authorization request.
    pub request: &'a str,
    /// The token that ties the forms to the browser.
    pub csrf: &'a str,
    /// The name of the application that waits, when one does.
    pub application: Option<&'a str>,
    /// The address that was typed.
    pub email: &'a str,
    /// Comes back with the code.
    pub ceremony: &'a str,
    /// Why the form is shown again.
    pub problem: Option<FactorProblem>,
    /// When to try again, after too many tries.
    pub wait: Option<Wait>,
    /// Link back to the sign-in form.
    pub back: &'a str,
}

/// What the link of a mail that signs in opens: a form that sends `request`, `csrf`, `ceremony`,
/// `code`; in another browser than the one that asked, the code to type there.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmSignIn<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// The sealed pending authorization request.
    pub request: &'a str,
    /// The token that ties the form to the browser.
    pub csrf: &'a str,
    /// What the code is checked with.
    pub ceremony: &'a str,
    /// The code.
    pub code: &'a str,
    /// Whether this is the browser that asked.
    pub here: bool,
}

/// Says that something has to be set up first.
#[derive(Clone, Debug, Serialize)]
pub struct Enrol<'a> {
    /// The name of the application that waits, when one does.
    pub application: Option<&'a str>,
    /// What can be set up, and where.
    pub offered: Vec<(Factor, &'a str)>,
}
