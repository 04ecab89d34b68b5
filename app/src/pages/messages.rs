//! The message catalogue: one flat JSON object of `key: text` for each language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bailiwick_domain::locale::Locale;
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, HtmlEscape};

type Catalogue = BTreeMap<&'static str, &'static str>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../messages/en.json"))
        .expect("the embedded catalogue is a flat object of strings without escapes: tested")
});

/// The catalogue of a language.
pub(super) fn catalogue(locale: Locale) -> &'static Catalogue {
    match locale {
        Locale::En => &ENGLISH,
    }
}

/// The text of a key.
pub(super) fn text(locale: Locale, key: &str) -> Option<&'static str> {
    catalogue(locale).get(key).copied()
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
