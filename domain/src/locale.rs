//! Languages that pages and mails exist in.

use serde::{Deserialize, Serialize};

/// A language with a complete message catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 1] = [Self::En];

    /// The registered BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
        }
    }

    /// The first supported language of a space-separated preference list (`ui_locales`), matched
    /// by primary subtag; `None` when none is supported, which is never an error (Core 3.1.2.1).
    #[must_use]
    pub fn choose(preferences: &str) -> Option<Self> {
        preferences.split([' ', ',']).find_map(|tag| {
            let primary = tag.trim().split(['-', ';']).next()?;
            Self::ALL.into_iter().find(|l| l.tag().eq_ignore_ascii_case(primary))
        })
    }
}
