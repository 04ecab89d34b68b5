//! How hard a password is to guess, as zxcvbn sees it.

use serde::Serialize;
use zxcvbn::feedback::Warning;

/// Characters that are looked at: what is longer is not guessed, and would take long to look at.
const LOOKED_AT: usize = 64;
/// The least score that may be set: some million guesses.
const ENOUGH: u8 = 2;

/// How hard a password is to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Strength {
    /// 0 (within some thousand tries) to 4.
    pub score: u8,
    /// What makes it easy to guess, when one thing does.
    pub weakness: Option<Weakness>,
}

/// What makes a password easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weakness {
    /// Keys side by side.
    Keys,
    /// The same again and again.
    Repeats,
    /// `abc`, `6543`.
    Sequence,
    /// It, or one like it, is on the lists of common passwords.
    Common,
    /// One word.
    Word,
    /// A year or a date.
    Date,
    /// A name.
    Name,
}

impl Weakness {
    /// Every weakness.
    pub const ALL: [Self; 7] = [
        Self::Keys,
        Self::Repeats,
        Self::Sequence,
        Self::Common,
        Self::Word,
        Self::Date,
        Self::Name,
    ];
}

impl Strength {
    /// For somebody who knows `about`: the address, the name, the tenant.
    pub(super) fn of(password: &str, about: &[&str]) -> Self {
        let start: String = password.chars().take(LOOKED_AT).collect();
        let found = zxcvbn::zxcvbn(&start, about);
        let warning = found.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        Self { score: found.score().into(), weakness: warning.map(weakness) }
    }

    /// Whether such a password may be set.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.score >= ENOUGH
    }
}

const fn weakness(warning: Warning) -> Weakness {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess
        | Warning::ShortKeyboardPatternsAreEasyToGuess => Weakness::Keys,
        Warning::RepeatsLikeAaaAreEasyToGuess
        | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => Weakness::Repeats,
        Warning::SequencesLikeAbcAreEasyToGuess => Weakness::Sequence,
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword
        | Warning::ThisIsSimilarToACommonlyUsedPassword => Weakness::Common,
        Warning::AWordByItselfIsEasyToGuess => Weakness::Word,
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => Weakness::Date,
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => Weakness::Name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_weak_and_says_why() {
        for (password, weakness) in [
            ("password1234", Some(Weakness::Common)),
            ("qwertyuiop", Some(Weakness::Common)),
            ("aaaaaaaaaa", Some(Weakness::Repeats)),
            ("23456789", Some(Weakness::Sequence)),
            ("14.08.1987", Some(Weakness::Date)),
            ("lovelace1", None),
        ] {
            let found = Strength::of(password, &["ada", "lovelace", "acme"]);
            assert!(!found.is_enough(), "{password} {found:?}");
            assert!(weakness.is_none() || found.weakness == weakness, "{password} {found:?}");
        }
        let good = Strength::of("a mill that weaves algebra", &["ada"]);
        assert_eq!(good, Strength { score: 4, weakness: None });
        assert_eq!(Strength::of(&"\u{e9}".repeat(10_000), &[]).score, 0);
    }
}
