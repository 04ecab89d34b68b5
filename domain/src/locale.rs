//! Languages that pages and mails exist in.

use serde::{Deserialize, Serialize};

/// Browsers send a few; what comes after these is not looked at.
const MAX_RANGES: usize = 32;

/// A language with a complete message catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Portuguese.
    Pt,
    /// Japanese.
    Ja,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 6] = [Self::En, Self::De, Self::Fr, Self::Es, Self::Pt, Self::Ja];

    /// The registered BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Pt => "pt",
            Self::Ja => "ja",
        }
    }

    /// The first supported language of a space-separated preference list (`ui_locales`), matched
    /// by primary subtag; `None` when none is supported, which is never an error (Core 3.1.2.1).
    #[must_use]
    pub fn choose(preferences: &str) -> Option<Self> {
        preferences.split([' ', ',']).find_map(|tag| {
            let primary = tag.trim().split(['-', ';']).next()?;
            Self::ALL.into_iter().find(|l| l.is(primary))
        })
    }

    /// The supported language that an `Accept-Language` field gives the highest weight, the first
    /// of several with the same; `None` when it names none (RFC 9110 12.5.4).
    ///
    /// A language is looked up as in RFC 4647 3.4: `de-AT` is content with `de`. `*` stands for
    /// whatever the field does not name, English first. A weight of 0 refuses; what is not well
    /// formed is passed over.
    #[must_use]
    pub fn negotiate(accept_language: &str) -> Option<Self> {
        let members = accept_language.split(',').take(MAX_RANGES);
        let ranges: Vec<_> = members.filter_map(weighted).collect();
        // Who refuses `de-AT` has not refused `de`.
        let refused = |l: &Self| ranges.iter().any(|(range, q)| *q == 0 && l.is(range));
        let named = |l: &Self| ranges.iter().any(|(range, _)| l.is(primary(range)));
        let mut best: Option<(u16, Self)> = None;
        for &(range, q) in ranges.iter().filter(|(_, q)| *q > 0) {
            let fits = |l: &Self| if range == "*" { !named(l) } else { l.is(primary(range)) };
            let found = Self::ALL.into_iter().find(|l| fits(l) && !refused(l));
            if let Some(locale) = found.filter(|_| best.is_none_or(|(other, _)| q > other)) {
                best = Some((q, locale));
            }
        }
        best.map(|(_, locale)| locale)
    }

    fn is(self, subtag: &str) -> bool {
        self.tag().eq_ignore_ascii_case(subtag)
    }
}

fn primary(range: &str) -> &str {
    range.split_once('-').map_or(range, |(primary, _)| primary)
}

/// A language range, and its weight in thousandths.
fn weighted(member: &str) -> Option<(&str, u16)> {
    let Some((range, weight)) = member.split_once(';') else { return Some((member.trim(), 1_000)) };
    let (name, value) = weight.split_once('=')?;
    let q = name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))??;
    Some((range.trim(), q))
}

/// A `qvalue`: 0 to 1 with at most three decimals (RFC 9110 12.4.2).
fn thousandths(qvalue: &str) -> Option<u16> {
    let (whole, decimals) = qvalue.split_once('.').unwrap_or((qvalue, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_there_is_is_chosen() {
        assert_eq!(Locale::choose("tlh-Latn FR-ca en"), Some(Locale::Fr));
        assert_eq!(Locale::choose("pt-BR"), Some(Locale::Pt));
        for none in ["", "xx", "deutsch", "-de"] {
            assert_eq!(Locale::choose(none), None, "{none}");
        }
    }

    #[test]
    fn weights_decide_and_order_among_equals() {
        for (field, wanted) in [
            ("de", "de"),
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
            ("en;q=0.2,ja;q=0.9", "ja"),
            ("en;q=0.899, pt-BR;q=0.9", "pt"),
            ("es, de", "es"),
            ("de;q=0.5, es;q=0.5", "de"),
            ("xx, ES-419 ; Q=0.5", "es"),
            ("*", "en"),
            ("en;q=0.1, *", "de"),
            ("de;q=0.5, *;q=0.4", "de"),
        ] {
            assert_eq!(Locale::negotiate(field).map(Locale::tag), Some(wanted), "{field}");
        }
    }

    #[test]
    fn a_weight_of_nothing_refuses() {
        assert_eq!(Locale::negotiate("de;q=0, fr;q=0.1"), Some(Locale::Fr));
        assert_eq!(Locale::negotiate("de-AT, de;q=0.000"), None);
        assert_eq!(Locale::negotiate("en;q=0, *;q=0.3"), Some(Locale::De));
        assert_eq!(Locale::negotiate("de-AT;q=0, de;q=0.3"), Some(Locale::De));
        assert_eq!(Locale::negotiate("*;q=0"), None);
    }

    #[test]
    fn what_is_not_well_formed_is_passed_over() {
        for bad in ["q=2", "q=1.001", "q=0.1234", "q=-0", "q=.5", "q=", "q", "level=1", "q=0.5;x=1"]
        {
            let field = format!("de;{bad}, es;q=0.1");
            assert_eq!(Locale::negotiate(&field), Some(Locale::Es), "{field}");
        }
        for none in ["", " , ;", "\u{e9}", &format!("{}de", "x,".repeat(MAX_RANGES))] {
            assert_eq!(Locale::negotiate(none), None, "{none}");
        }
    }
}
