//! The whole surface: what is registered, what is documented, and what the snapshot says agree.

use std::collections::BTreeSet;
use std::path::Path;

use harness::clients::root;
use serde_json::Value;

/// An operation of the OpenAPI document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) path: String,
    pub(crate) method: String,
    pub(crate) id: String,
}

/// Every operation of the OpenAPI document, in order of path.
pub(crate) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(bailiwick::openapi::document()).expect("JSON");
    let paths = document["paths"].as_object().expect("an object");
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("an object") {
            let text = |v: &Value| v.as_str().expect("a string").to_owned();
            assert!(operation["tags"].is_array(), "{method} {path} has no tag");
            let id = text(&operation["operationId"]);
            all.push(Operation { path: path.clone(), method: method.to_uppercase(), id });
        }
    }
    all.sort();
    all
}

fn lines(all: impl IntoIterator<Item = (String, String)>) -> BTreeSet<String> {
    all.into_iter().map(|(path, method)| format!("{path} {method}")).collect()
}

#[test]
fn the_surface_is_the_snapshot() {
    let all = operations();
    let ids: BTreeSet<_> = all.iter().map(|o| &o.id).collect();
    assert_eq!(ids.len(), all.len(), "two operations have one id");
    let now: String = all.iter().map(|o| format!("{:7}{}\n", o.method, o.path)).collect();
    let file = root().join("tests/snapshots/routes.txt");
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(kept, now, "when the surface is meant to change, {} is:\n{now}", file.display());
}

/// Every handler says its route in its attribute; only those in `routes.rs` and the `mod.rs`
/// of their family are served, and only through the collector of the document.
#[test]
fn what_is_registered_is_documented() {
    let documented = lines(operations().into_iter().map(|o| (o.path, o.method)));
    let mut handlers = BTreeSet::new();
    let source = root().join("app/src");
    visit(&source, &mut |path, text| {
        // For operators, on a port that is not public, and for developers: no part of the API.
        if path.ends_with("app/src/metrics.rs") || path.ends_with("app/src/account/dev_mail.rs") {
            return;
        }
        let bases = [("admin", "/api/v1"), ("access", "/access/v1"), ("authz", "/authz")];
        let base = bases.iter().find(|(family, _)| path.starts_with(source.join(family)));
        let base = base.map_or("", |(_, base)| base);
        for line in text.lines() {
            for method in ["get", "post", "put", "patch", "delete", "head", "options"] {
                let rest = line.strip_prefix(&format!("#[{method}(\""));
                if let Some((route, _)) = rest.and_then(|rest| rest.split_once('"')) {
                    let base = if route.starts_with("/.well-known/") { "" } else { base };
                    handlers.insert((format!("{base}{route}"), method.to_uppercase()));
                }
            }
            let hidden = ["#[route(", "web::resource(", ".route(\""];
            assert!(!hidden.iter().any(|h| line.contains(h)), "{}: {line}", path.display());
        }
    });
    assert_eq!(lines(handlers), documented);
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|e| e == "rs") {
            each(&path, &std::fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}
