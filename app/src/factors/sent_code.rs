//! Codes that we send, by mail or as a text message. What was sent is in a ceremony, which only the
//! browser that asked can bring back: nothing is stored, and a code that was read elsewhere is of no
//! use there.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::Ceremony;
use crate::cx::Cx;
use crate::flow::browser::Browser;
use bailiwick_domain::UserId;

/// As many decimal digits: the tries that the limits leave within the life of a code find one in a
/// hundred thousand.
const DIGITS: usize = 8;

/// A code, and what the page brings back with it.
pub struct SentCode {
    /// As it is read, in two halves.
    pub code: String,
    /// Sealed.
    pub ceremony: String,
}

/// A new code for an address or a number. `what` and the user are those of the ceremony.
#[must_use]
pub fn make(
    cx: &Cx,
    browser: &Browser,
    (what, user): (&str, Option<UserId>),
    to: &str,
) -> SentCode {
    let random = u64::from_be_bytes(cx.env().bytes::<8>()) % 10_u64.pow(8);
    let digits = format!("{random:08}");
    let ceremony = Ceremony::seal(cx, browser, (what, user), format!("{digits} {to}"));
    let (left, right) = digits.split_at(DIGITS / 2);
    SentCode { code: format!("{left} {right}"), ceremony }
}

/// What a page brought back.
pub struct Returned {
    /// Where the code was sent.
    pub to: String,
    /// What is spent with it.
    pub ceremony: Ceremony,
    right: bool,
}

impl Returned {
    /// What it is, when the code that was typed is the one that was sent.
    #[must_use]
    pub fn right(self) -> Option<(String, Ceremony)> {
        self.right.then_some((self.to, self.ceremony))
    }
}

/// Opens a ceremony and compares its code; `None` when it is not this browser's, or too old.
#[must_use]
pub fn open(
    cx: &Cx,
    browser: &Browser,
    (what, user): (&str, Option<UserId>),
    (typed, ceremony): (&str, &str),
) -> Option<Returned> {
    let ceremony = Ceremony::open(cx, browser, (what, user), ceremony)?;
    let (code, to) = ceremony.state.split_once(' ')?;
    let typed: String = typed.chars().filter(char::is_ascii_digit).take(DIGITS + 1).collect();
    let right = verify_slices_are_equal(typed.as_bytes(), code.as_bytes()).is_ok();
    Some(Returned { to: to.to_owned(), right, ceremony })
}
