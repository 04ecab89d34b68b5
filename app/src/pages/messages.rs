//! The message catalogue: one flat JSON object of `key: text` for each language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bailiwick_domain::locale::Locale;
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, HtmlEscape};

type Catalogue = BTreeMap<&'static str, &'static str>;

const SOURCES: [(Locale, &str); Locale::ALL.len()] = [
    (Locale::En, include_str!("../../messages/en.json")),
    (Locale::De, include_str!("../../messages/de.json")),
    (Locale::Fr, include_str!("../../messages/fr.json")),
    (Locale::Es, include_str!("../../messages/es.json")),
    (Locale::Pt, include_str!("../../messages/pt.json")),
    (Locale::Ja, include_str!("../../messages/ja.json")),
];

static CATALOGUES: LazyLock<[(Locale, Catalogue); Locale::ALL.len()]> = LazyLock::new(|| {
    SOURCES.map(|(locale, source)| {
        let catalogue = serde_json::from_str(source)
            .expect("an embedded catalogue is a flat object of strings without escapes: tested");
        (locale, catalogue)
    })
});

/// The catalogue of a language.
pub(super) fn catalogue(locale: Locale) -> Option<&'static Catalogue> {
    CATALOGUES.iter().find(|(l, _)| *l == locale).map(|(_, catalogue)| catalogue)
}

/// The text of a key.
pub(super) fn text(locale: Locale, key: &str) -> Option<&'static str> {
    catalogue(locale)?.get(key).copied()
}

/// The template function `t("key", name=value)`.
///
/// The text is escaped, and so is each value unless it is markup of a template. A key or a
/// placeholder that does not exist is an error, and so is a value that no placeholder takes.
pub(super) fn function(
    text: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
) -> impl Fn(&str, Kwargs) -> Result<Value, Error> + Send + Sync + 'static {
    move |key, values| {
        let text = text(key)
            .ok_or_else(|| Error::new(ErrorKind::UnknownFunction, format!("no message {key}")))?;
        let mut out = String::with_capacity(text.len() * 2);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| Error::new(ErrorKind::SyntaxError, format!("message {key}")))?;
            out.push_str(&HtmlEscape(before).to_string());
            let value: Value = values.get(name)?;
            if value.is_safe() {
                out.push_str(&value.to_string());
            } else {
                out.push_str(&HtmlEscape(&value.to_string()).to_string());
            }
            rest = after;
        }
        out.push_str(&HtmlEscape(rest).to_string());
        values.assert_all_used()?;
        Ok(Value::from_safe_string(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<_> =
            text.split('{').skip(1).map(|rest| rest.split_once('}').expect("it ends").0).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_says_the_same() {
        let english = catalogue(Locale::En).expect("there is English");
        for locale in Locale::ALL {
            let catalogue = catalogue(locale).expect("every language has a catalogue");
            let keys = |catalogue: &Catalogue| catalogue.keys().copied().collect::<Vec<_>>();
            assert_eq!(keys(catalogue), keys(english), "{locale:?}");
            for (key, text) in catalogue {
                assert_eq!(placeholders(text), placeholders(english[key]), "{locale:?} {key}");
                assert_eq!(text.trim(), *text, "{locale:?} {key}");
                assert!(!text.is_empty() && !text.contains(['\'', '\n']), "{locale:?} {key}");
            }
        }
    }
}
