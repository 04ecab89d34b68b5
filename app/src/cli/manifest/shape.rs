//! What may stand where in a manifest, as tables: names, kinds of values, what is required.

use std::collections::HashSet;
use std::fmt;

use super::Mistake;
use super::tree::{Content, Node, Path};

/// What a value may be.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number of seconds.
    Seconds,
    /// A whole number.
    Count,
    /// A whole number of days.
    Days,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of some of these texts.
    SomeOf(&'static [&'static str]),
    /// A map of names to `true` or `false`.
    Flags,
    /// A map of names to texts.
    NamedTexts,
    /// A map of anything.
    Free,
    /// A map with these members.
    Map(&'static [Member]),
    /// A list; its items are looked at one by one.
    List,
}

/// A member of a map: its name, whether it must be there, and what it may be. `null` stands for
/// the default of one that need not be there.
pub(crate) struct Member(pub(crate) &'static str, pub(crate) Need, pub(crate) Shape);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

use Need::{Optional, Required};

/// A document.
pub(crate) const DOCUMENT: &[Member] = &[
    Member("tenant", Required, Shape::Map(TENANT)),
    Member("applications", Optional, Shape::List),
    Member("users", Optional, Shape::List),
];

pub(crate) const TENANT: &[Member] = &[
    Member("slug", Required, Shape::Text),
    Member("name", Required, Shape::Text),
    Member("settings", Optional, Shape::Map(SETTINGS)),
];

pub(crate) const SETTINGS: &[Member] = &[
    Member(
        "limits",
        Optional,
        Shape::Map(&[
            Member("enabled", Optional, Shape::Flag),
            Member("client_per_minute", Optional, Shape::Count),
            Member("address_per_minute", Optional, Shape::Count),
            Member("address_burst", Optional, Shape::Count),
            Member("tenant_per_second", Optional, Shape::Count),
        ]),
    ),
    Member(
        "sessions",
        Optional,
        Shape::Map(&[
            Member("idle_lifetime", Optional, Shape::Seconds),
            Member("absolute_lifetime", Optional, Shape::Seconds),
            Member("max_per_user", Optional, Shape::Count),
            Member("when_full", Optional, Shape::OneOf(&["end_oldest", "refuse"])),
        ]),
    ),
    Member(
        "accounts",
        Optional,
        Shape::Map(&[
            Member("registration", Optional, Shape::OneOf(&["closed", "invite_only", "open"])),
            Member("email_domains", Optional, Shape::Texts),
            Member("email_codes", Optional, Shape::Flag),
            Member("deletion_days", Optional, Shape::Days),
        ]),
    ),
    Member(
        "mfa",
        Optional,
        Shape::Map(&[
            Member("required", Optional, Shape::OneOf(&["when_enrolled", "always", "at_risk"])),
            Member(
                "methods",
                Optional,
                Shape::SomeOf(&["passkey", "totp", "sms_code", "email_code"]),
            ),
            Member("remember_days", Optional, Shape::Days),
        ]),
    ),
    Member(
        "risk",
        Optional,
        Shape::Map(&[
            Member("notify", Optional, Shape::Count),
            Member("second_factor", Optional, Shape::Count),
            Member("block", Optional, Shape::Count),
        ]),
    ),
    Member(
        "passwords",
        Optional,
        Shape::Map(&[
            Member("min_length", Optional, Shape::Count),
            Member("history", Optional, Shape::Count),
            Member("breach_check", Optional, Shape::Flag),
        ]),
    ),
    Member(
        "theme",
        Optional,
        Shape::Map(&[
            Member("accent", Optional, Shape::Text),
            Member("accent_dark", Optional, Shape::Text),
            Member("logo", Optional, Shape::Text),
        ]),
    ),
    Member("keys", Optional, Shape::Map(&[Member("rotation_days", Optional, Shape::Days)])),
    Member(
        "authz",
        Optional,
        Shape::Map(&[
            Member("mode", Optional, Shape::OneOf(&["permissive", "strict"])),
            Member("tokens", Optional, Shape::OneOf(&["open", "guarded"])),
            Member("sent_entities", Optional, Shape::OneOf(&["add", "override"])),
            Member("snapshot_seconds", Optional, Shape::Count),
            Member(
                "log",
                Optional,
                Shape::Map(&[
                    Member("percent", Optional, Shape::Count),
                    Member("per_second", Optional, Shape::Count),
                    Member("days", Optional, Shape::Days),
                ]),
            ),
        ]),
    ),
    Member("mail", Optional, Shape::Map(&[Member("from", Optional, Shape::Text)])),
    Member("templates", Optional, Shape::NamedTexts),
    Member("flags", Optional, Shape::Flags),
];

pub(crate) const APPLICATION: &[Member] = &[
    Member("client_id", Required, Shape::Text),
    Member("name", Required, Shape::Text),
    Member("type", Required, Shape::OneOf(&["web", "spa", "native", "machine"])),
    Member("client_secret", Optional, Shape::Text),
    Member("redirect_uris", Optional, Shape::Texts),
    Member("post_logout_redirect_uris", Optional, Shape::Texts),
    Member(
        "grant_types",
        Optional,
        Shape::SomeOf(&["authorization_code", "refresh_token", "client_credentials", "implicit"]),
    ),
    Member(
        "response_types",
        Optional,
        Shape::SomeOf(&[
            "code",
            "id_token",
            "id_token token",
            "code id_token",
            "code token",
            "code id_token token",
        ]),
    ),
    Member("scopes", Optional, Shape::Texts),
    Member(
        "token_endpoint_auth_method",
        Optional,
        Shape::OneOf(&["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]),
    ),
    Member("jwks", Optional, Shape::Free),
    Member("jwks_uri", Optional, Shape::Text),
    Member(
        "id_token_signed_response_alg",
        Optional,
        Shape::OneOf(&["ES256", "RS256", "PS256", "EdDSA"]),
    ),
    Member("first_party", Optional, Shape::Flag),
    Member("required_acr", Optional, Shape::OneOf(&["1", "2", "phr"])),
    Member(
        "lifetimes",
        Optional,
        Shape::Map(&[
            Member("code", Optional, Shape::Seconds),
            Member("access_token", Optional, Shape::Seconds),
            Member("id_token", Optional, Shape::Seconds),
            Member("refresh_token", Optional, Shape::Seconds),
            Member("refresh_token_grace", Optional, Shape::Seconds),
        ]),
    ),
    Member("allowed_origins", Optional, Shape::Texts),
    Member("backchannel_logout_uri", Optional, Shape::Text),
    Member("backchannel_logout_session_required", Optional, Shape::Flag),
    Member("frontchannel_logout_uri", Optional, Shape::Text),
    Member("frontchannel_logout_session_required", Optional, Shape::Flag),
    Member("access_token_claims", Optional, Shape::SomeOf(&["roles", "permissions"])),
    Member("audiences", Optional, Shape::Texts),
    Member("subject_type", Optional, Shape::OneOf(&["public", "pairwise"])),
];

pub(crate) const USER: &[Member] = &[
    Member("email", Required, Shape::Text),
    Member("password", Optional, Shape::Text),
    Member("password_hash", Optional, Shape::Text),
    Member("email_verified", Optional, Shape::Flag),
    Member("name", Optional, Shape::Text),
    Member("claims", Optional, Shape::Free),
];

/// Says everything that is wrong with the shape of a node; `true` when nothing is.
pub(crate) fn check(node: &Node, shape: Shape, path: Path<'_>, out: &mut Vec<Mistake>) -> bool {
    let before = out.len();
    match shape {
        Shape::Map(members) => check_members(node, members, path, out),
        Shape::Texts => check_items(node, "texts", Shape::Text, path, out),
        Shape::SomeOf(names) => check_items(node, "texts", Shape::OneOf(names), path, out),
        Shape::Free => {
            check_kind(node, "a map", is_map, path, out);
            check_free(node, path, out);
        }
        Shape::Flags => {
            check_kind(node, "a map of names to true or false", is_map, path, out);
            for entry in node.entries() {
                check(&entry.value, Shape::Flag, Path::Key(&path, &entry.key), out);
            }
        }
        Shape::NamedTexts => {
            check_kind(node, "a map of names to texts", is_map, path, out);
            for entry in node.entries() {
                check(&entry.value, Shape::Text, Path::Key(&path, &entry.key), out);
            }
        }
        Shape::List => check_kind(node, "a list", is_list, path, out),
        Shape::Text => {
            let hint = match node.content {
                Content::Number(_) | Content::Flag(_) => "a text: put it in quotes",
                _ => "a text",
            };
            check_kind(node, hint, |n| n.text().is_some(), path, out);
        }
        Shape::Flag => {
            check_kind(node, "true or false", |n| matches!(n.content, Content::Flag(_)), path, out);
        }
        Shape::Seconds => check_kind(node, "a whole number of seconds", is_count, path, out),
        Shape::Days => check_kind(node, "a whole number of days", is_count, path, out),
        Shape::Count => check_kind(node, "a whole number", is_count, path, out),
        Shape::OneOf(names) => {
            if !node.text().is_some_and(|text| names.contains(&text)) {
                let near = node.text().and_then(|text| similar(text, names.iter().copied()));
                let near = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
                say(out, node.line, path, format!("must be one of {}{near}", names.join(", ")));
            }
        }
    }
    if node.text().is_some_and(|text| text.contains('\0')) {
        say(out, node.line, path, "must not hold a NUL character");
    }
    out.len() == before
}

fn check_members(node: &Node, members: &[Member], path: Path<'_>, out: &mut Vec<Mistake>) {
    if !matches!(node.content, Content::Map(_)) {
        let names: Vec<_> = members.iter().map(|m| m.0).collect();
        return say(out, node.line, path, format!("must be a map of {}", names.join(", ")));
    }
    let mut seen = HashSet::new();
    for entry in node.entries() {
        let at = Path::Key(&path, &entry.key);
        let Some(Member(_, need, shape)) = members.iter().find(|m| m.0 == entry.key) else {
            let near = similar(&entry.key, members.iter().map(|m| m.0));
            let near = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
            say(out, entry.line, at, format!("unknown key{near}"));
            continue;
        };
        if !seen.insert(entry.key.as_str()) {
            say(out, entry.line, at, "is given twice");
        }
        if entry.value.content != Content::Null {
            check(&entry.value, *shape, at, out);
        } else if *need == Required {
            say(out, entry.line, at, "must not be empty");
        }
    }
    for Member(name, ..) in members.iter().filter(|m| m.1 == Required && !seen.contains(m.0)) {
        say(out, node.line, Path::Key(&path, name), "is missing");
    }
}

fn check_items(node: &Node, what: &str, shape: Shape, path: Path<'_>, out: &mut Vec<Mistake>) {
    check_kind(node, &format!("a list of {what}"), is_list, path, out);
    for (i, item) in node.items().iter().enumerate() {
        check(item, shape, Path::Index(&path, i), out);
    }
}

/// Anything, but no key twice and no NUL, which databases refuse.
fn check_free(node: &Node, path: Path<'_>, out: &mut Vec<Mistake>) {
    let mut seen = HashSet::new();
    for entry in node.entries() {
        let at = Path::Key(&path, &entry.key);
        if !seen.insert(entry.key.as_str()) {
            say(out, entry.line, at, "is given twice");
        }
        if entry.key.contains('\0') {
            say(out, entry.line, path, "a key must not hold a NUL character");
        }
        check_free(&entry.value, at, out);
    }
    for (i, item) in node.items().iter().enumerate() {
        check_free(item, Path::Index(&path, i), out);
    }
    if node.text().is_some_and(|text| text.contains('\0')) {
        say(out, node.line, path, "must not hold a NUL character");
    }
}

fn check_kind(
    node: &Node,
    what: &str,
    is: impl Fn(&Node) -> bool,
    path: Path<'_>,
    out: &mut Vec<Mistake>,
) {
    if !is(node) {
        say(out, node.line, path, format!("must be {what}"));
    }
}

fn is_list(node: &Node) -> bool {
    matches!(node.content, Content::List(_))
}

fn is_map(node: &Node) -> bool {
    matches!(node.content, Content::Map(_))
}

fn is_count(node: &Node) -> bool {
    let Content::Number(number) = &node.content else { return false };
    number.as_u64().is_some_and(|n| u32::try_from(n).is_ok())
}

/// Adds a mistake.
pub(crate) fn say(
    out: &mut Vec<Mistake>,
    line: usize,
    path: impl fmt::Display,
    message: impl Into<String>,
) {
    out.push(Mistake { line, path: path.to_string(), message: message.into() });
}

/// The name that somebody may have meant.
fn similar<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Long keys cost quadratic time and resemble nothing.
    let text = Some(text).filter(|t| t.len() <= 64)?;
    let scored = names.map(|name| (strsim::jaro_winkler(text, name), name));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, n)| n)
}
