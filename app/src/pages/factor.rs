//! The pages between a password and the rest.

use bailiwick_domain::acr::Factor;
use serde::Serialize;

use super::page::{Account, Wait};

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

/// Asks who has signed in for more. Sends `request`, `csrf`, `method`, `code`, `remember`.
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
}

/// Says that something has to be set up first.
#[derive(Clone, Debug, Serialize)]
pub struct Enrol<'a> {
    /// The name of the application that waits, when one does.
    pub application: Option<&'a str>,
    /// What can be set up, and where.
    pub offered: Vec<(Factor, &'a str)>,
}
