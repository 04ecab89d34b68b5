use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;

use bailiwick_domain::{Factor, Kind, ScopeSet};

use super::*;

mod accounts;
mod limits;
mod portal;
mod signed_out;

const README: &str = include_str!("../../templates/README.md");

fn look(theme: &Theme) -> Look<'_> {
    Look {
        tenant_name: "Acme",
        theme,
        locale: Locale::En,
        nonce: "bm9uY2U",
        base: "/t/acme",
        own: None,
        development: true,
        secure: true,
    }
}

fn all_scopes() -> ScopeSet {
    ScopeSet::parse(&format!("{} orders:read", STANDARD.join(" "))).expect("valid")
}

/// Every page in every variation, with `text` wherever somebody else chooses the text.
fn pages<'a>(text: &'a str, scopes: &'a ScopeSet, none: &'a ScopeSet) -> Vec<Page<'a>> {
    // Of a test there are few, and they live as long as it does.
    let mails = Vec::leak(vec![accounts::sent(text)]);
    let account = Account { value: text, name: Some(text), identifier: text, signed_in: true };
    let plain = Account { name: None, signed_in: false, ..account.clone() };
    let (action, request, csrf) = ("/t/acme/login", text, text);
    let sign_in = SignIn {
        action,
        request,
        csrf,
        application: Some(text),
        email: text,
        problem: None,
        another_account: Some(text),
        wait: None,
        forgot: text,
        register: Some(text),
        passkey: Some(Passkey { action, options: text, ceremony: text }),
        email_code: Some(action),
    };
    let consent = Consent {
        action,
        request,
        csrf,
        application: text,
        scopes,
        account: account.clone(),
        another_account: text,
        destination: Some(text),
    };
    let sign_out = SignOut {
        action,
        request,
        csrf,
        application: Some(text),
        accounts: vec![account.clone(), plain.clone()],
    };
    let error = |problem| ErrorPage {
        problem,
        code: text,
        detail: Some(text),
        request_id: text,
        retry: Some(text),
        wait: None,
    };
    let post = FormPost { action: text, fields: vec![(text, text)], application: Some(text) };
    let platform = PlatformHome { example_issuer: Some(text), commands: vec![text] };
    let mut pages = vec![
        Page::SignIn(sign_in.clone()),
        Page::SignIn(SignIn {
            application: None,
            email: "",
            another_account: None,
            register: None,
            passkey: None,
            email_code: None,
            ..sign_in
        }),
        Page::Accounts(Accounts {
            action,
            request,
            csrf,
            application: Some(text),
            accounts: vec![account.clone(), plain.clone()],
            another_account: text,
        }),
        Page::Consent(consent.clone()),
        Page::Consent(Consent { scopes: none, account: plain, destination: None, ..consent }),
        Page::SignOut(sign_out.clone()),
        Page::SignOut(SignOut { application: None, accounts: Vec::new(), ..sign_out }),
        Page::FormPost(post.clone()),
        Page::FormPost(FormPost { application: None, ..post }),
        Page::TenantHome(TenantHome { issuer: text }),
        Page::PlatformHome(platform),
        Page::PlatformHome(PlatformHome { example_issuer: None, commands: Vec::new() }),
    ];
    pages.extend(signed_out::pages(text));
    for problem in SignInProblem::ALL {
        let Page::SignIn(form) = pages[0].clone() else { unreachable!() };
        pages.push(Page::SignIn(SignIn { problem: Some(problem), ..form }));
    }
    pages.extend(Problem::ALL.map(|problem| Page::Error(error(problem))));
    let bare = ErrorPage { detail: None, retry: None, ..error(Problem::Internal) };
    pages.push(Page::Error(bare));
    pages.extend(accounts::pages(text, mails));
    pages.extend(portal::pages(text));
    for seconds in [1, 300, 10_000] {
        let wait = Some(Wait::of(seconds));
        pages.push(Page::Error(ErrorPage { wait, ..error(Problem::TooMany) }));
        let Page::SignIn(form) = pages[0].clone() else { unreachable!() };
        let problem = Some(SignInProblem::TooMany);
        pages.push(Page::SignIn(SignIn { problem, wait, ..form }));
    }
    pages
}

/// A start or end tag: name (with `/` for an end) and attributes.
type Tag<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// Splits a page into its tags. Quotes must be double, as the templates write them.
fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let quoted = |at: usize| after[..at].matches('"').count() % 2 == 1;
        let end = after.match_indices('>').map(|(at, _)| at).find(|at| !quoted(*at));
        let (tag, after) = after.split_at(end.expect("every tag ends"));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut list = Vec::new();
        while !attributes.trim().is_empty() {
            attributes = attributes.trim_start();
            let end = attributes.find(['=', ' ']).unwrap_or(attributes.len());
            assert!(end > 0, "an attribute without a name: {tag}");
            let (attribute, after) = attributes.split_at(end);
            let (value, after) = match after.strip_prefix("=\"") {
                Some(after) => after.split_once('"').expect("every value ends"),
                None => ("", after),
            };
            list.push((attribute, value));
            attributes = after;
        }
        tags.push((name, list));
        rest = after;
    }
    tags
}

fn attribute<'a>(tag: &Tag<'a>, name: &str) -> Option<&'a str> {
    tag.1.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

/// Those that ask the browser for a passkey, and the one that submits itself.
fn has_script(page: &Page<'_>) -> bool {
    match page {
        Page::FormPost(_) => true,
        Page::SignIn(page) => page.passkey.is_some(),
        Page::SecondFactor(page) => page.passkey.is_some(),
        Page::Portal(page) => matches!(page.content, Content::Passkeys(p) if p.options.is_some()),
        Page::SignedOut(done) => done.onward.is_some(),
        _ => false,
    }
}

#[test]
fn hostile_text_adds_no_markup() {
    let hostile =
        "<script>alert(1)</script>\"'><img src=x onerror=y> {{ 7*7777 }} {application} ]]>&";
    let theme = Theme::default();
    let (scopes, none) = (all_scopes(), ScopeSet::default());
    for (bad, good) in pages(hostile, &scopes, &none).iter().zip(pages("Ada", &scopes, &none)) {
        let bad = render(bad, &Look { tenant_name: hostile, base: hostile, ..look(&theme) });
        let good = render(&good, &look(&theme));
        let shape = |html: &str| {
            let names =
                |tag: Tag<'_>| (tag.0.to_owned(), tag.1.iter().map(|a| a.0.to_owned()).collect());
            tags(html).into_iter().map(names).collect::<Vec<(String, Vec<String>)>>()
        };
        assert_eq!(shape(&bad), shape(&good));
        assert!(!bad.contains("<script>alert") && !bad.contains("<img") && !bad.contains("54439"));
        assert!(bad.contains("{application}"), "a value is never read as a placeholder");
    }
}

#[test]
fn pages_are_whole_accessible_and_light() {
    let theme =
        Theme { accent: Some("#ffd60a".into()), accent_dark: Some("#112233".into()), logo: None };
    let (scopes, none) = (all_scopes(), ScopeSet::default());
    let pages = pages("Ada", &scopes, &none);
    for (locale, page) in Locale::ALL.iter().flat_map(|l| pages.iter().map(move |p| (*l, p))) {
        let name = page.template();
        let html = render(page, &Look { locale, ..look(&theme) });
        let tags = tags(&html);
        let ids: Vec<_> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        let count = |name| tags.iter().filter(|tag| tag.0 == name).count();
        let start = format!("<!DOCTYPE html>\n<html lang=\"{}\">", locale.tag());
        assert!(html.starts_with(&start), "{name}");
        assert!(html.len() < 26_000, "{name} weighs {}", html.len());
        for once in ["h1", "main", "header", "footer", "title", "style"] {
            assert_eq!(count(once), 1, "{once} in {name}");
        }
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "ids of {name}");
        let mut open = Vec::new();
        for tag in &tags {
            match tag.0 {
                "!DOCTYPE" | "meta" | "link" | "input" => {}
                end if end.starts_with('/') => assert_eq!(open.pop(), Some(&end[1..]), "{name}"),
                start => open.push(start),
            }
            for reference in ["for", "aria-describedby", "aria-labelledby"] {
                for id in attribute(tag, reference).into_iter().flat_map(|ids| ids.split(' ')) {
                    assert!(ids.contains(&id), "{reference}={id} in {name}");
                }
            }
            if tag.0 == "input" && attribute(tag, "type") != Some("hidden") {
                let id = attribute(tag, "id").expect("fields have ids");
                let labels = |tag: &&Tag<'_>| tag.0 == "label" && attribute(tag, "for") == Some(id);
                assert_eq!(tags.iter().filter(labels).count(), 1, "label of {id} in {name}");
            }
            if tag.0 == "style" {
                assert_eq!(attribute(tag, "nonce"), Some("bm9uY2U"), "{name}");
            }
            let framed = |a: &str| a == "src" && tag.0 == "iframe";
            let forbidden =
                |a: &str| a == "style" || (a == "src" && !framed(a)) || a.starts_with("on");
            assert!(!tag.1.iter().any(|(a, _)| forbidden(a)), "{name}: {tag:?}");
            let absent = |(a, value): &(&str, &str)| *value == "none" && *a != "autocapitalize";
            assert!(!tag.1.iter().any(absent), "{name}: {tag:?}");
        }
        assert!(open.is_empty(), "{name} leaves {open:?} open");
        assert_eq!(count("script"), usize::from(has_script(page)), "{name}");
        assert!(!html.contains("@import") && !html.contains("url("), "no request but the page");
        assert!(html.contains(messages::text(locale, "base.development").expect("a text")));
    }
    let quiet = Look { development: false, ..look(&theme) };
    assert!(!render(&pages[0], &quiet).contains("Development mode"));
}

#[test]
fn ids_are_those_of_the_readme() {
    let theme = Theme::default();
    let (scopes, none) = (all_scopes(), ScopeSet::default());
    let documented = |template: &str| {
        let start = format!("| `{template}`");
        let line = README.lines().find(|l| l.starts_with(&start) && l.contains('#'));
        let ids = line.unwrap_or_else(|| panic!("no ids of {template}")).split("`#").skip(1);
        let id = |rest: &str| rest.split('`').next().unwrap_or_default().replace("<n>", "1");
        ids.map(id).collect::<BTreeSet<_>>()
    };
    let common = documented("base.html");
    let frame = documented("portal/frame.html");
    for (template, _) in TEMPLATES.iter().skip(2).filter(|t| t.0 != "portal/frame.html") {
        let mut found = BTreeSet::new();
        for page in pages("Ada", &scopes, &none).iter().filter(|p| p.template() == *template) {
            let html = render(page, &look(&theme));
            found.extend(tags(&html).iter().filter_map(|t| attribute(t, "id").map(str::to_owned)));
        }
        found.remove("account-2");
        let mut wanted: BTreeSet<_> = documented(template).union(&common).cloned().collect();
        if template.starts_with("portal/") {
            wanted.extend(frame.iter().cloned());
        }
        assert_eq!(found, wanted, "{template}");
    }
}

#[test]
fn every_message_is_used_and_every_key_exists() {
    let theme = Theme::default();
    let (scopes, none) = (all_scopes(), ScopeSet::default());
    for locale in Locale::ALL {
        let used = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&used);
        let engine = engine(move |key| {
            seen.lock().expect("one thread").insert(key.to_owned());
            messages::text(locale, key)
        });
        for page in pages("Ada", &scopes, &none) {
            let look = Look { locale, ..look(&theme) };
            render_with(&engine, &page, &look).expect("renders with every key");
        }
        let used = used.lock().expect("one thread");
        let used: BTreeSet<_> = used.iter().cloned().chain(accounts::keys_of_letters()).collect();
        let catalogue: BTreeSet<_> =
            messages::catalogue(locale).expect("there").keys().map(|k| (*k).to_owned()).collect();
        let odd: Vec<_> = catalogue.symmetric_difference(&used).collect();
        assert!(odd.is_empty(), "{locale:?}: {odd:?}");
    }
}

/// Removes what stands between `open` and `close`, and gives it to `each`.
fn cut<'a>(text: &'a str, open: &str, close: &str, mut each: impl FnMut(&'a str)) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let (inside, after) = after.split_once(close).expect("what opens closes");
        each(inside);
        out.push_str(before);
        rest = after;
    }
    out + rest
}

#[test]
fn templates_hold_no_text() {
    let words = |text: &str| text.chars().any(char::is_alphanumeric);
    for (name, source) in TEMPLATES {
        let mut expressions = Vec::new();
        let source = cut(source, "{#", "#}", |_| {});
        let markup = cut(&source, "{%", "%}", |e| expressions.push(e));
        let markup = cut(&markup, "{{", "}}", |_| {});
        cut(&source, "{{", "}}", |e| expressions.push(e));
        for expression in expressions {
            let literal = expression.split('"').skip(1).step_by(2);
            let human = |s: &str| s.contains(' ') || s.starts_with(char::is_uppercase);
            let text = literal.filter(|s| human(s) && words(s)).collect::<Vec<_>>();
            assert!(text.is_empty(), "{name} holds the text {text:?}");
        }
        let markup = cut(&markup, "<script", "</script>", |_| {});
        let text = cut(&markup, "<", ">", |_| {});
        assert!(!words(&text), "{name} holds the text {:?}", text.trim());
        for (tag, attributes) in tags(&markup) {
            assert!(tag != "img" || name == "base.html", "{name}");
            for (attribute, value) in attributes {
                let spoken = matches!(
                    attribute,
                    "title" | "alt" | "placeholder" | "label" | "aria-label" | "aria-description"
                );
                assert!(!(spoken && words(value)), "{name} holds the text {value:?}");
            }
        }
    }
}

fn asks_for_code(form: &SecondFactor<'_>) -> bool {
    form.method != Factor::Passkey && portal::is_sent(form.method) == form.ceremony.is_some()
}

#[test]
fn focus_starts_where_typing_does() {
    let theme = Theme::default();
    let (scopes, none) = (all_scopes(), ScopeSet::default());
    let focused = |page: &Page<'_>| {
        let html = render(page, &look(&theme));
        let found: Vec<_> = tags(&html)
            .iter()
            .filter(|tag| attribute(tag, "autofocus").is_some())
            .map(|tag| attribute(tag, "id").unwrap_or_default().to_owned())
            .collect();
        found.join(" ")
    };
    for page in pages("ada@example.com", &scopes, &none) {
        let wanted = match &page {
            Page::SignIn(form) if form.email.is_empty() => "email",
            Page::SignIn(form) if form.problem == Some(SignInProblem::NoEmail) => "email",
            Page::SignIn(_) | Page::NewPassword(_) => "password",
            Page::SecondFactor(form) if asks_for_code(form) => "code",
            Page::EmailCode(_) => "code",
            Page::ConfirmRegistration(form) if form.ask_password => "password",
            Page::Forgot(_) => "email",
            Page::Register(form) => match form.problem {
                None | Some(FormProblem::LongName) => "name",
                Some(FormProblem::NoEmail | FormProblem::OtherDomain) => "email",
                Some(FormProblem::Busy) => "",
                Some(_) => "password",
            },
            _ => "",
        };
        assert_eq!(focused(&page), wanted);
    }
}

#[test]
fn headers_of_every_page() {
    let theme = Theme::default();
    let (scopes, none) = (all_scopes(), ScopeSet::default());
    let get = |page: &Page<'_>, look: &Look<'_>, redirect, name: &str| {
        let found = headers(page, look, redirect);
        let unique: BTreeSet<_> = found.iter().map(|(n, _)| *n).collect();
        assert_eq!(unique.len(), found.len(), "each header once");
        found.into_iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    let look = look(&theme);
    let redirect = Some("https://app.example/cb?x=1");
    for page in pages("com.example.app:/cb", &scopes, &none) {
        let csp = get(&page, &look, redirect, "content-security-policy").expect("always");
        let script = csp.contains("script-src 'sha256-");
        assert_eq!(script, has_script(&page), "{csp}");
        if script {
            let html = render(&page, &look);
            let (_, source) = html.split_once("<script>").expect("its script");
            let (source, _) = source.split_once("</script>").expect("it ends");
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, source.as_bytes());
            let hash = base64::engine::general_purpose::STANDARD.encode(hash);
            assert!(csp.contains(&format!("script-src 'sha256-{hash}';")), "{csp}");
        }
        let form = csp.split("form-action ").nth(1).and_then(|c| c.split(';').next());
        let wanted = match page {
            Page::FormPost(_) => "com.example.app:",
            Page::SignIn(_)
            | Page::SecondFactor(_)
            | Page::Portal(_)
            | Page::Accounts(_)
            | Page::Consent(_)
            | Page::SignOut(_)
            | Page::Forgot(_)
            | Page::Register(_)
            | Page::NewPassword(_)
            | Page::ConfirmRegistration(_)
            | Page::ConfirmEmail(_)
            | Page::EmailCode(_)
            | Page::ConfirmSignIn(_) => "'self' https://app.example",
            _ => "'none'",
        };
        assert_eq!(form, Some(wanted));
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(csp.contains(directive), "{csp}");
        }
        assert!(!csp.contains("unsafe"), "{csp}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-type", "text/html; charset=utf-8"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(get(&page, &look, redirect, name).as_deref(), Some(value));
        }
    }
    let page = &pages("Ada", &scopes, &none)[0];
    let plain = Look { secure: false, ..look };
    assert_eq!(get(page, &plain, None, "strict-transport-security"), None);
    let csp = get(page, &plain, None, "content-security-policy").expect("always");
    assert!(csp.contains("form-action 'self';"), "{csp}");
}

#[test]
fn monograms_and_icon() {
    for (name, wanted) in [("acme", "A"), ("  \"émile\"", "É"), ("東京", "東"), ("!", "")] {
        assert_eq!(initial(name), wanted);
    }
    assert!(icon().starts_with("data:image/svg+xml,%3Csvg"));
    assert!(!icon().contains(['"', '<', '>', '#', '\n']));
}

#[test]
fn kinds_have_pages() {
    assert_eq!(Problem::from(Kind::Limited), Problem::TooMany);
    assert_eq!(Problem::from(Kind::NotFound), Problem::NotFound);
    assert_eq!(Problem::from(Kind::Internal), Problem::Internal);
}
