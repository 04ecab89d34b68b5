//! Holds the house to its plan: which crate uses which, who may name what, how long a file is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::clients::root;
use serde_json::Value;

/// Each crate and the crates of ours that it may use. An arrow only points down.
const ARROWS: &[(&str, &[&str])] = &[
    ("bailiwick-domain", &[]),
    ("bailiwick-protocol", &["domain"]),
    ("bailiwick-policy", &["domain"]),
    ("bailiwick-entities", &["domain"]),
    ("bailiwick-migration", &[]),
    ("bailiwick-store", &["entities", "migration", "domain"]),
    ("bailiwick-outbound", &["domain"]),
    ("bailiwick-actors", &["store", "protocol", "policy", "domain"]),
    ("bailiwick-billing", &["store", "outbound", "domain"]),
    ("bailiwick", &["domain", "protocol", "policy", "store", "outbound", "actors", "billing"]),
];

/// Who may depend on what of other people's. Only the tests may use everything.
const OWNED: &[(&str, &[&str])] = &[
    ("sea-orm", &["entities", "store"]),
    ("sea-orm-migration", &["migration"]),
    ("sqlx", &["store"]),
    ("redis", &["store"]),
    ("reqwest", &["outbound"]),
    ("async-stripe", &["billing"]),
    ("cedar-policy", &["policy"]),
    ("cedar-policy-core", &["policy"]),
    ("actix", &["actors"]),
    ("actix-web", &["bailiwick"]),
    ("tokio", &["store", "outbound", "actors", "billing", "bailiwick"]),
];

/// The families of endpoints in app: each imports `http` and `cx`, none imports another.
const FAMILIES: &[&str] =
    &["oauth", "login", "account", "admin", "scim", "saml", "authz", "access", "platform"];

const CAP: usize = 500;

#[test]
fn arrows_point_down() {
    let crates = dependencies(&["normal", "build", "dev"]);
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for (name, used) in &crates {
        if name == "bailiwick-tests" {
            continue;
        }
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no row"));
        for other in used.iter().filter(|u| crates.contains_key(*u)) {
            let short = other.strip_prefix("bailiwick-").unwrap_or(other);
            assert!(allowed.contains(&short), "{name} must not use {other}");
        }
    }
}

#[test]
fn other_peoples_crates_have_one_home() {
    for (name, used) in dependencies(&["normal", "build"]) {
        let short = name.strip_prefix("bailiwick-").unwrap_or(&name);
        for (external, homes) in OWNED.iter().filter(|_| short != "tests") {
            let is_home = homes.contains(&short);
            assert!(is_home || !used.contains(*external), "{name} must not use {external}");
        }
    }
}

#[test]
fn only_the_runtime_names_actix() {
    for file in sources("rs").filter(|f| !f.ends_with("actors/src/runtime.rs")) {
        if file.ends_with("tests/architecture.rs") {
            continue;
        }
        for (number, line) in code(&file) {
            assert!(
                !names(&line, "actix"),
                "{}:{number} names actix: only actors/src/runtime.rs may",
                file.display()
            );
        }
    }
}

#[test]
fn families_of_endpoints_do_not_know_each_other() {
    let app = root().join("app/src");
    for family in FAMILIES {
        for file in files_under(&app.join(family)) {
            for (number, line) in code(&file) {
                let other = FAMILIES.iter().filter(|o| *o != family).find(|other| {
                    line.contains(&format!("crate::{other}"))
                        || line.contains(&format!("super::{other}::"))
                });
                assert!(other.is_none(), "{}:{number} uses {other:?}", file.display());
            }
        }
    }
}

#[test]
fn app_speaks_no_sql() {
    for file in files_under(&root().join("app/src")) {
        for (number, line) in code(&file) {
            for word in ["sea_orm", "sqlx", "bailiwick_entities", "bailiwick_migration"] {
                assert!(!names(&line, word), "{}:{number} names {word}", file.display());
            }
        }
    }
}

/// What ends a session tells its applications: a second statement would forget them.
#[test]
fn sessions_end_in_one_place() {
    let tested = |file: &Path| file.ends_with("tests.rs");
    let ends = |file: &Path| text(file).contains("SET ended_at");
    let found: Vec<_> = files_under(&root().join("store/src"))
        .into_iter()
        .filter(|file| !tested(file) && ends(file))
        .collect();
    assert_eq!(found, [root().join("store/src/batch/revoke.rs")]);
}

#[test]
fn lints_are_expected_never_allowed() {
    let allow = ["#[allow(", "#![allow("];
    for file in sources("rs").filter(|f| !f.ends_with("tests/architecture.rs")) {
        for (number, line) in code(&file) {
            let found = allow.iter().any(|a| line.contains(a));
            assert!(!found, "{}:{number}: use #[expect(lint, reason)]", file.display());
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<_> = ["rs", "ts", "tsx", "js", "mjs", "py", "sh", "css", "html"]
        .into_iter()
        .flat_map(sources)
        .map(|file| (text(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > CAP)
        .collect();
    assert!(long.is_empty(), "over {CAP} lines; split by meaning, not by length: {long:?}");
}

/// Every crate of the workspace and the names of its dependencies of these kinds.
fn dependencies(kinds: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let name = |v: &Value| v["name"].as_str().expect("everything has a name").to_owned();
    metadata["packages"]
        .as_array()
        .expect("there are packages")
        .iter()
        .map(|p| {
            let all = p["dependencies"].as_array().into_iter().flatten();
            let wanted = all.filter(|d| kinds.contains(&d["kind"].as_str().unwrap_or("normal")));
            (name(p), wanted.map(name).collect())
        })
        .collect()
}

/// Every file of ours with this extension.
fn sources(extension: &str) -> impl Iterator<Item = PathBuf> {
    files_under(root()).into_iter().filter(move |f| f.extension().is_some_and(|e| e == extension))
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.expect("a folder can be read to its end");
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let made = name.starts_with('.') || name.starts_with("target") || name == "node_modules";
        // Symbolic links are not followed: what they point at has a place of its own.
        let kind = entry.file_type().expect("a listed file has a type");
        if kind.is_dir() && !made {
            out.extend(files_under(&path));
        } else if kind.is_file() {
            out.push(path);
        }
    }
    out
}

/// The numbered lines of a source file, without comments.
fn code(file: &Path) -> Vec<(usize, String)> {
    let strip = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text(file).lines().enumerate().map(|(i, line)| (i + 1, strip(line))).collect()
}

fn text(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).expect("a listed file can be read")).into_owned()
}

/// Whether the line names this identifier, as a whole word.
fn names(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[test]
fn whole_words_are_told_from_parts() {
    for (line, found) in [
        ("use actix::Actor;", true),
        ("impl ::actix::Handler<X>", true),
        ("use actix_web::web;", false),
        ("utoipa_actix_web::scope", false),
        ("tracing-actix", false),
    ] {
        assert_eq!(names(line, "actix"), found, "{line}");
    }
}
