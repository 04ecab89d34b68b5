//! Templates of a tenant's own, in place of ours, in a sandbox.
//!
//! What they may use is a short list, so that a template can neither run code nor grow: it has the
//! values of its page and nothing else, takes no more steps than [`FUEL`](super::FUEL) and writes
//! no more than [`MOST_OUTPUT`]. Nothing in it can give a name to what it put together, because a
//! text that doubles thirty times is all the memory there is. Scripts are ours alone: the content
//! security policy names them by their hashes.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::OnceLock;

use bailiwick_actors::TenantView;
use bailiwick_domain::locale::Locale;
use minijinja::Environment;

use super::{ENGINES, TEMPLATES};

/// What a page or letter of a tenant's own may weigh, in bytes.
const MOST_OUTPUT: usize = 256 * 1024;
const STATEMENTS: &[&str] = &[
    "extends", "block", "endblock", "if", "elif", "else", "endif", "for", "endfor", "set", "from",
];
const FILTERS: &[&str] = &[
    "default", "escape", "e", "first", "initial", "last", "length", "lower", "time", "trim",
    "upper",
];
const FUNCTIONS: &[&str] = &[
    "t",
    "super",
    "name",
    "code",
    "hidden",
    "when",
    "mine",
    "refused",
    "person",
    "passkey_script",
];
/// Not a tenant's: those of the platform, those that others are made of, and those that show markup
/// as it is.
const OURS: &[&str] =
    &["macros.html", "dev_mail.html", "platform_home.html", "form_post.html", "portal/totp.html"];

/// Where the engines of a tenant are kept, for as long as its settings are what they are.
pub type Kept = OnceLock<Box<dyn Any + Send + Sync>>;

/// The templates of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// By name.
    pub templates: &'a BTreeMap<String, String>,
    /// What they were made into.
    pub kept: &'a Kept,
}

impl<'a> Own<'a> {
    /// The templates of a tenant, when it has any.
    #[must_use]
    pub fn of(view: &'a TenantView) -> Option<Self> {
        let templates = &view.tenant.settings.templates;
        (!templates.is_empty()).then_some(Self { templates, kept: &view.pages })
    }
}

/// Whether a template may stand in place of ours.
///
/// # Errors
/// Why not, in words for whoever wrote it.
pub fn check(name: &str, source: &str) -> Result<(), String> {
    let known = TEMPLATES.iter().map(|(known, _)| *known).chain(["mail.html"]);
    if !known.into_iter().any(|known| known == name) || OURS.contains(&name) {
        return Err("there is no such template, or it is not a tenant's".into());
    }
    scan(source)?;
    let (_, engine) = ENGINES.first().ok_or("there is no language")?;
    let mut engine = engine.clone();
    let added = engine.add_template_owned(name.to_owned(), source.to_owned());
    added.map_err(|e| e.to_string())
}

type Engines = Vec<(Locale, OnceLock<Environment<'static>>)>;

/// The engine of a tenant in a language: ours, with its templates.
pub(super) fn engine<'a>(own: &Own<'a>, locale: Locale) -> Option<&'a Environment<'static>> {
    let kept = own.kept.get_or_init(|| {
        let engines: Engines = Locale::ALL.map(|locale| (locale, OnceLock::new())).into();
        Box::new(engines)
    });
    let (_, engine) = kept.downcast_ref::<Engines>()?.iter().find(|(l, _)| *l == locale)?;
    let (_, ours) = ENGINES.iter().find(|(l, _)| *l == locale)?;
    Some(engine.get_or_init(|| with(ours, own.templates)))
}

fn with(ours: &Environment<'static>, templates: &BTreeMap<String, String>) -> Environment<'static> {
    let mut engine = ours.clone();
    for (name, source) in templates {
        // Checked when it came in, and again: the rules may be stricter by now.
        let added = check(name, source).and_then(|()| {
            let added = engine.add_template_owned(name.clone(), source.clone());
            added.map_err(|e| e.to_string())
        });
        if let Err(why) = added {
            tracing::warn!(template = name, why, "a tenant's template is left out");
        }
    }
    engine
}

/// Renders a template, up to a bound.
///
/// # Errors
/// When it fails, runs out of fuel, or writes too much.
pub(super) fn render(
    engine: &Environment<'_>,
    name: &str,
    context: minijinja::Value,
) -> Result<String, minijinja::Error> {
    let mut out = Bounded(Vec::new());
    engine.get_template(name)?.render_captured_to(context, &mut out)?;
    String::from_utf8(out.0).map_err(|_| minijinja::ErrorKind::WriteFailure.into())
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_OUTPUT {
            return Err(io::Error::other("the page is too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks through the tags of a template for what it may not use.
fn scan(source: &str) -> Result<(), String> {
    let (mut rest, mut line) = (source, 1);
    while let Some(at) =
        rest.find("{%").into_iter().chain(rest.find("{{")).chain(rest.find("{#")).min()
    {
        let (before, tag) = rest.split_at(at);
        line += before.matches('\n').count();
        let close = match tag.get(..2) {
            Some("{%") => "%}",
            Some("{{") => "}}",
            _ => "#}",
        };
        let body = tag.get(2..).unwrap_or_default();
        let end = if close == "#}" { body.find(close) } else { end_of(body, close) };
        let end = end.ok_or_else(|| format!("line {line}: a tag has no end"))?;
        let (inside, after) = body.split_at(end);
        let wrong = |why: &str| format!("line {line}: {why}");
        if close != "#}" {
            let words = words(inside).map_err(wrong)?;
            allowed(&words, close == "%}").map_err(|why| wrong(&why))?;
        }
        line += inside.matches('\n').count();
        rest = after.get(2..).unwrap_or_default();
    }
    Ok(())
}

/// Where a tag ends: not in a text, and not at the end of a map, which looks the same.
fn end_of(body: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let (mut escaped, mut maps) = (false, 0_usize);
    for (at, c) in body.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '{' => maps += 1,
            None if c == '}' && maps > 0 => maps -= 1,
            None if body.get(at..).is_some_and(|rest| rest.starts_with(close)) => return Some(at),
            None => {}
        }
    }
    None
}

/// The words and signs of a tag; of a text only its quote.
fn words(inside: &str) -> Result<Vec<&str>, &'static str> {
    let mut words = Vec::new();
    let mut rest = inside.trim_start_matches(['-', '+']);
    while let Some(c) = rest.chars().next() {
        let length = if c == '"' || c == '\'' {
            let text = rest.get(1..).unwrap_or_default();
            end_of_text(text, c).ok_or("a text has no end")? + 2
        } else if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        if !word.trim().is_empty() {
            words.push(word);
        }
        rest = after;
    }
    Ok(words)
}

fn end_of_text(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn is_operator(word: &str) -> bool {
    matches!(word, "and" | "or" | "not" | "in" | "if" | "else" | "is")
}

fn allowed(words: &[&str], statement: bool) -> Result<(), String> {
    if let Some(first) = words.first().filter(|first| statement && !STATEMENTS.contains(first)) {
        return Err(format!("{first} is not among what a tenant's template may use"));
    }
    let binds = statement && matches!(words.first(), Some(&("for" | "set")));
    if binds && words.first() == Some(&"set") && !words.contains(&"=") {
        return Err("set needs a value: there are no blocks of it here".into());
    }
    for (at, word) in words.iter().enumerate().skip(usize::from(statement)) {
        let (before, after) = (at.checked_sub(1).and_then(|b| words.get(b)), words.get(at + 1));
        if *word == "*" {
            return Err("* is not among what a tenant's template may use".into());
        }
        // An index is not a list.
        let indexes = before.is_some_and(|b| is_name(b) && !is_operator(b))
            || matches!(before, Some(&("]" | ")")));
        if binds && (matches!(*word, "~" | "{") || (*word == "[" && !indexes)) {
            return Err(format!("what {word} puts together cannot get a name"));
        }
        if before == Some(&"|") && !FILTERS.contains(word) {
            return Err(format!("there is no filter {word} for a tenant's template"));
        }
        let calls =
            is_name(word) && !is_operator(word) && after == Some(&"(") && before != Some(&"|");
        if calls && (binds || !FUNCTIONS.contains(word)) {
            return Err(format!("{word} cannot be called here"));
        }
        // A filter block or the result of a call, called.
        if *word == "(" && matches!(before, Some(&")" | &"]")) {
            return Err("only what has a name can be called".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_may_use() {
        for good in [
            "{% extends \"base.html\" %}{% block main %}<h1>{{ t(\"sign_in.title\") }}</h1>{% endblock %}",
            "{# ~ * {% set #}{% from \"macros.html\" import name %}{{ name(page.email|default(\"x\")) }}",
            "{%- for a in page.accounts if a.signed_in -%}{{ loop.index }}{%- endfor -%}",
            "{% if page.problem == \"a ~ }} b\" and (page.x or not page.y) %}{{ 1 + 2 }}{% endif %}",
            "100 % ~ * { plain } text",
            "{% set a = page.x %}{%- set b = a[\"y\"]|default(\"z\") if a else none -%}",
            "{{ t(\"notice.\" ~ page.kind ~ \".title\") }}{{ person({\"name\": a, \"identifier\": b}) }}",
        ] {
            assert_eq!(scan(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("{% set a %}{{ b }}{{ b }}{% endset %}", "no blocks of it"),
            ("\n\n{% set a = b ~ b %}", "line 3: what ~ puts together"),
            ("{% set a = [b, b] %}", "what [ puts together"),
            ("{% set a = {\"x\": b, \"y\": b} %}", "what { puts together"),
            ("{% for a in [b, b] %}", "what [ puts together"),
            ("{% for a in b ~ b %}", "what ~ puts together"),
            ("{% set a = person({}) %}", "cannot"),
            ("{% for a in t(\"x\") %}", "t cannot be called"),
            ("{{ \"a\" * 1000000000 }}", "* is not among"),
            ("{% macro m() %}{% endmacro %}", "macro is not among"),
            // What is a text here and none there, or the other way round.
            (
                "{% raw %}{{ \"{% endraw %}{{ a|safe }}{% raw %}\" }}{% endraw %}",
                "raw is not among",
            ),
            ("{{ {\"a\": {\"b\": 1}}|safe }}", "no filter safe"),
            ("{{ {\"a\": {\"b\": \"x\" * 9}} }}", "* is not among"),
            ("{{ \"}}\"|safe }}", "no filter safe"),
            ("{{ 'a\\\\'|safe }}", "no filter safe"),
            ("{% include \"sign_in.html\" %}", "include is not among"),
            ("{% import \"macros.html\" as m %}", "import is not among"),
            ("{% with a = 1 %}", "with is not among"),
            ("{% filter upper %}", "filter is not among"),
            ("{{ page.name|safe }}", "no filter safe"),
            ("{{ [a, a]|join }}", "no filter join"),
            ("{{ range(10) }}", "range cannot"),
            ("{{ debug() }}", "debug cannot"),
            ("{{ page.name.replace (\"\", page.name) }}", "replace cannot"),
            ("{{ page[\"x\"](1) }}", "only what has a name"),
            ("{{ \"a }}", "no end"),
            ("{{ a", "no end"),
            ("{% block main", "no end"),
        ] {
            let said = scan(bad).expect_err(bad);
            assert!(said.contains(why), "{bad}: {said}");
        }
        assert!(check("sign_in.html", "{% if %}").is_err_and(|e| e.contains("sign_in.html")));
        for not_theirs in ["macros.html", "portal/totp.html", "../etc/passwd", "", "nothing.html"] {
            assert!(check(not_theirs, "").is_err(), "{not_theirs}");
        }
    }

    #[test]
    fn our_own_would_mostly_pass() {
        // What people start from is a copy of ours.
        let refused = TEMPLATES.iter().filter(|(name, ours)| check(name, ours).is_err());
        let refused: Vec<_> =
            refused.map(|(name, _)| *name).filter(|n| !OURS.contains(n)).collect();
        assert!(refused.len() < TEMPLATES.len() / 3, "{refused:?}");
        for name in ["sign_in.html", "second_factor.html", "base.html", "forgot.html"] {
            assert!(!refused.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_page_is_made_of_both() {
        let source = "{% extends \"base.html\" %}{% from \"macros.html\" import hidden, name %}\
             {% block main %}<h1>{{ name(page.back) }}</h1>{% endblock %}";
        let templates = BTreeMap::from([("forgot.html".to_owned(), source.to_owned())]);
        let own = Own { templates: &templates, kept: &Kept::new() };
        let engine = engine(&own, Locale::En).expect("there is one");
        let context = minijinja::context! {
            page => minijinja::context! { back => "<b>" },
            tenant_name => "Acme", initial => "A", logo => None::<&str>, wide => false, lang => "en", nonce => "n",
            base => "", development => false, theme => "",
        };
        let html = render(engine, "forgot.html", context).expect("renders");
        assert!(html.contains("<h1><bdi class=\"name\">&lt;b&gt;</bdi></h1>"), "{html}");
        assert!(html.contains("Sign-in by Bailiwick"), "{html}");
    }

    #[test]
    fn neither_time_nor_memory_is_without_bound() {
        let (_, ours) = ENGINES.first().expect("English");
        let mut engine = ours.clone();
        let big = "x".repeat(60_000);
        let long = format!("{{% for a in page %}}{big}{{% endfor %}}");
        engine.add_template_owned("long.html", long).expect("compiles");
        let endless = "{% for a in page %}{% for b in page %}{{ a }}{% endfor %}{% endfor %}";
        engine.add_template_owned("endless.html", endless.to_owned()).expect("compiles");
        let context = || minijinja::context! { page => (0..1_000).collect::<Vec<i64>>() };
        let large = render(&engine, "long.html", context()).expect_err("too large");
        assert_eq!(large.kind(), minijinja::ErrorKind::WriteFailure, "{large}");
        let slow = render(&engine, "endless.html", context()).expect_err("too slow");
        assert_eq!(slow.kind(), minijinja::ErrorKind::OutOfFuel, "{slow}");
    }
}
