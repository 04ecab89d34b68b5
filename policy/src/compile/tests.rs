use serde_json::json;

use super::*;
use crate::Uid;
use crate::scan::{MAX_DEPTH, statements};
use crate::{Slice, organization_layer};

pub(crate) fn bundle(schema: Option<&str>, files: &[(&str, &str)]) -> Bundle {
    let own = |(file, text): &(&str, &str)| ((*file).to_owned(), (*text).to_owned());
    Bundle {
        schema: schema.map(str::to_owned),
        policies: files.iter().map(own).collect(),
        links: Vec::new(),
    }
}

const SCHEMA: &str = "entity Document = { owner: User, public: Bool };
action view, edit appliesTo { principal: User, resource: Document };";

fn findings(bundle: &Bundle, mode: Mode) -> Vec<String> {
    let found = match compile(Some(bundle), &[], mode) {
        Ok((_, warnings)) => warnings,
        Err(errors) => errors,
    };
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn strict_mode_refuses_what_the_schema_does_not_know() {
    let text = "@id(\"a\")\npermit(principal, action == Action::\"veiw\", resource is Documnet)\n\
                when { resource.public };\n\
                permit(principal is User, action, resource is Document)\n\
                when { resource.ownr == principal };";
    let found = findings(&bundle(Some(SCHEMA), &[("a.cedar", text)]), Mode::Strict);
    let wanted = [
        "a.cedar:2:29: a: unrecognized action `Action::\"veiw\"` (did you mean `Action::\"view\"`?)",
        "a.cedar:2:57: a: unrecognized entity type `Documnet` (did you mean `Document`?)",
        "a.cedar:5:8: a.cedar#1: attribute `ownr`",
    ];
    for want in wanted {
        assert!(found.iter().any(|f| f.starts_with(want)), "{want}\n{found:#?}");
    }
    assert!(found.iter().any(|f| f.contains("did you mean `owner`")), "{found:#?}");
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    let found = findings(&bundle(Some(SCHEMA), &[("a.cedar", text)]), Mode::Permissive);
    assert!(!found.is_empty() && found.iter().all(|f| f.contains(" warning: ")), "{found:#?}");
    assert!(findings(&bundle(None, &[("a.cedar", text)]), Mode::Permissive).is_empty());
}

#[test]
fn strict_mode_needs_a_schema() {
    let text = "permit(principal, action, resource);";
    let found = findings(&bundle(None, &[("a.cedar", text)]), Mode::Strict);
    assert!(found[0].starts_with("schema: strict mode needs a schema"), "{found:?}");
    assert!(compile(None, &[], Mode::Strict).is_ok());
}

#[test]
fn all_files_are_looked_at() {
    let files = [
        ("a.cedar", "permit(principal, action, resource)"),
        ("b.cedar", "permit(principal, action, resource) when { principal.x };"),
        ("c.cedar", "permit(principal, action, resource) when { 1 = 2 };"),
    ];
    let found = findings(&bundle(Some("entity A"), &files), Mode::Strict);
    let documents: Vec<&str> = found.iter().filter_map(|f| f.split(':').next()).collect();
    assert_eq!(documents, ["a.cedar", "c.cedar", "schema"], "{found:#?}");
    let found = findings(&bundle(Some(SCHEMA), &files), Mode::Strict);
    let documents: Vec<&str> = found.iter().filter_map(|f| f.split(':').next()).collect();
    assert_eq!(documents, ["a.cedar", "b.cedar", "c.cedar"], "{found:#?}");
}

#[test]
fn ids_are_unique_and_the_platforms_are_reserved() {
    let any = "(principal, action, resource);";
    let text = format!(
        "@id(\"x\") permit{any}\n@id(\"x\") permit{any}\n@id(\"role:x\") permit{any}\n@id permit{any}"
    );
    let found = findings(&bundle(None, &[("a.cedar", &text)]), Mode::Permissive);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains("a.cedar:2:1: x: `x` is the id of another policy"), "{found:#?}");
    assert!(found[0].ends_with("(the other is in a.cedar, line 1)"), "{found:#?}");
    assert!(found[1].contains("the platform's own"), "{found:#?}");
}

#[test]
fn links_fill_the_slots_of_a_template() {
    let text = "@id(\"share\") @why(\"shared\")\n\
                permit(principal == ?principal, action == Action::\"view\", resource == ?resource);";
    let link = |json| serde_json::from_value::<crate::Link>(json).unwrap();
    let (user, document) =
        (json!({ "type": "User", "id": "u" }), json!({ "type": "Document", "id": "d" }));
    let mut given = bundle(Some(SCHEMA), &[("a.cedar", text)]);
    given.links = vec![link(
        json!({ "id": "l", "template": "share", "principal": user, "resource": document }),
    )];
    let (snapshot, warnings) = compile(Some(&given), &[], Mode::Strict).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let policies: Vec<_> = snapshot.policies().collect();
    assert_eq!(policies.len(), 1);
    assert_eq!(&*policies[0].id, "l");
    assert!(policies[0].text.ends_with("resource == Document::\"d\");"), "{}", policies[0].text);
    given.links = vec![
        link(json!({ "id": "l", "template": "share", "principal": user })),
        link(json!({ "id": "m", "template": "sahre", "principal": user })),
        link(json!({ "id": "share", "template": "share" })),
        link(json!({ "id": "n", "template": "share", "principal": document, "resource": user })),
    ];
    let found = findings(&given, Mode::Strict);
    let wanted = [
        "links: l: nothing is given for ?resource",
        "links: m: there is no template `sahre` (did you mean `share`?)",
        "links: share: `share` is the id of another policy",
        "a.cedar:1:1: warning: n: unable to find an applicable action",
    ];
    for want in wanted {
        assert!(found.iter().any(|f| f.starts_with(want)), "{want}\n{found:#?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let any = "permit(principal, action, resource);\n";
    let many = any.repeat(1_001);
    let found =
        findings(&bundle(None, &[("a.cedar", &many), ("b.cedar", &many)]), Mode::Permissive);
    assert!(found[0].contains("more than 2000"), "{found:?}");
    let long = format!(
        "permit(principal, action, resource) when {{ \"{}\" == \"\" }};",
        "x".repeat(70_000)
    );
    let found = findings(&bundle(None, &[("a.cedar", &long)]), Mode::Permissive);
    assert!(found[0].contains("at most 64 KiB"), "{found:?}");
    let found =
        findings(&bundle(None, &[("a.cedar", &"// x\n".repeat(300_000))]), Mode::Permissive);
    assert!(found[0].contains("1024 KiB"), "{found:?}");
    for name in ["a", "", "a b.cedar", "ä.cedar", "x\n.cedar"] {
        assert_eq!(findings(&bundle(None, &[(name, any)]), Mode::Permissive).len(), 1, "{name}");
    }
}

#[test]
fn roles_warn_of_actions_that_are_not_declared() {
    let role = |name: &str, permissions: &[&str]| RoleRule {
        name: name.to_owned(),
        permissions: permissions.iter().map(|p| (*p).to_owned()).collect(),
    };
    let roles = [role("editor", &["edit", "publish"]), role("empty", &[])];
    let given = bundle(Some(SCHEMA), &[]);
    let (snapshot, warnings) = compile(Some(&given), &roles, Mode::Strict).unwrap();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["roles: warning: role:editor: role editor names an action that the schema does not \
          declare: `publish`"]
    );
    let ids: Vec<&str> = snapshot.policies().map(|p| &*p.id).collect();
    assert_eq!(ids, ["role:editor", "role:editor:organization"]);
    assert_eq!(snapshot.levels(), 2);
    assert_eq!(snapshot.actions("User", "Document"), ["edit", "view"]);
    let (snapshot, _) = compile(None, &roles, Mode::Permissive).unwrap();
    assert_eq!(snapshot.actions("User", "Document"), ["edit", "publish"]);
    assert!(compile(None, &[role("x", &["a\nb"])], Mode::Permissive).is_err());
}

#[test]
fn levels_follow_the_types_of_the_schema() {
    let schema = "type Place = { room: { floor: Long } };
        entity Document = { place: Place, owner: User };
        action view appliesTo { principal: User, resource: Document };";
    let levels = |condition: &str| {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        let given = bundle(Some(schema), &[("a.cedar", &text)]);
        compile(Some(&given), &[], Mode::Strict).unwrap().0.levels()
    };
    assert_eq!(levels("resource.place.room.floor == 1"), 1);
    assert_eq!(levels("resource.owner.active"), 2);
}

#[test]
fn snapshots_can_be_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Snapshot>();
    shared::<Layer>();
    shared::<crate::Loaded>();
    shared::<Slice>();
    shared::<crate::Query>();
    let bundle = bundle(Some("entity A;"), &[("a.cedar", "")]);
    let text = serde_json::to_string(&bundle).unwrap();
    assert_eq!(serde_json::from_str::<Bundle>(&text).unwrap(), bundle);
}

/// The threads of tests have the two megabytes of stack that the server's have, and a debug build
/// needs more of it.
#[test]
fn nothing_that_is_accepted_overflows_the_stack() {
    type Form = fn(usize) -> String;
    let forms: [(&str, Form); 12] = [
        ("()", |n| format!("{}true{}", "(".repeat(n), ")".repeat(n))),
        ("[]", |n| format!("{}1{} == 1", "[".repeat(n), "]".repeat(n))),
        ("{}", |n| format!("{}1{} == 1", "{a:".repeat(n), "}".repeat(n))),
        ("!()", |n| format!("{}true{}", "!(".repeat(n), ")".repeat(n))),
        ("!", |n| format!("{}true", "!".repeat(n))),
        ("-", |n| format!("{}1 == 1", "-".repeat(n))),
        ("&&", |n| vec!["true"; n].join(" && ")),
        ("||", |n| vec!["false"; n].join(" || ")),
        ("+", |n| format!("{} == 3", vec!["1"; n].join(" + "))),
        (".", |n| format!("principal{}", ".a".repeat(n))),
        ("if", |n| format!("{}true", "if true then true else ".repeat(n))),
        ("(&&)", |n| format!("{}true{}", "(true && ".repeat(n), ")".repeat(n))),
    ];
    let policy =
        |condition: String| format!("permit(principal, action, resource) when {{ {condition} }};");
    let uid = |kind: &str| Uid::new(kind, "1").unwrap();
    for (name, form) in forms {
        let hostile = bundle(None, &[("a.cedar", &policy(form(10_000)))]);
        assert!(compile(Some(&hostile), &[], Mode::Permissive).is_err(), "{name}");
        let fits = |n: &usize| statements(&policy(form(*n))).iter().all(|s| s.depth <= MAX_DEPTH);
        let deepest = (1..=120).rev().find(fits).unwrap();
        let given = bundle(Some(SCHEMA), &[("a.cedar", &policy(form(deepest)))]);
        let Ok((snapshot, _)) = compile(Some(&given), &[], Mode::Permissive) else { continue };
        let organization = uid("Organization");
        let layer = organization_layer(&snapshot, &organization, &given.policies).unwrap();
        let query =
            snapshot.query(uid("User"), "view", uid("Document"), serde_json::Map::new()).unwrap();
        let slice = Slice::new([]).unwrap();
        let _ = snapshot.decide(&query, &slice, &[&layer]);
        let _ = snapshot.sieve_principals(&query, &slice, &[&layer]);
        assert!(crate::diff(&given, &given).is_empty());
    }
}

#[test]
fn validation_that_would_take_too_long_is_refused() {
    let types: String = (0..60).map(|n| format!("entity T{n};")).collect();
    let list = (0..60).map(|n| format!("T{n}")).collect::<Vec<_>>().join(", ");
    let schema =
        format!("{types} action a appliesTo {{ principal: [{list}], resource: [{list}] }};");
    let policies = "permit(principal, action, resource);".repeat(200);
    let given = bundle(Some(&schema), &[("a.cedar", &policies)]);
    let found = findings(&given, Mode::Strict);
    assert!(found.len() == 1 && found[0].contains("takes too long"), "{found:?}");
    assert!(findings(&given, Mode::Permissive)[0].starts_with("schema: warning: "));
    let tower: String = (1..200).map(|n| format!("entity T{n} in [T{}];", n - 1)).collect();
    let schema = format!(
        "entity T0; {tower} action a appliesTo {{ principal: T199, resource: [T198, T199] }};"
    );
    let template = "permit(principal in ?principal, action, resource in ?resource);".repeat(10);
    let found = findings(&bundle(Some(&schema), &[("a.cedar", &template)]), Mode::Strict);
    assert!(found.len() == 1 && found[0].contains("takes too long"), "{found:?}");
}

#[test]
fn tokens_are_issued_unless_something_forbids() {
    const OPEN: &str = "entity Document = { open: Bool };";
    let of = |mode, policies: &str| {
        let bundle = bundle(Some(OPEN), &[("a.cedar", policies)]);
        compile(Some(&bundle), &[], mode).map(|(snapshot, _)| snapshot)
    };
    let may = |snapshot: &Snapshot, scope: &str| {
        let uid = |kind| Uid::new(kind, "1").unwrap();
        let context = json!({ "scope": scope, "grant_type": "refresh_token" });
        let context = context.as_object().unwrap().clone();
        let query = snapshot.query(uid("User"), "token.issue", uid("Application"), context);
        let query = query.unwrap();
        let slice = Slice::new(&[]).unwrap();
        snapshot.decide(&query, &slice, &[]).allowed
    };
    let stop = "forbid (principal, action == Action::\"token.issue\", resource) \
        when { context.scope == \"b\" && !(context has acr) };";
    // What names no action need not fit it, unless a policy is about tokens.
    let other = "permit (principal, action, resource) when { resource.open };";
    for mode in [Mode::Permissive, Mode::Strict] {
        let snapshot = of(mode, stop).unwrap();
        assert!(may(&snapshot, "a") && !may(&snapshot, "b"), "{mode:?}");
        assert!(may(&of(mode, other).unwrap(), "b"), "{mode:?}");
    }
    let found = of(Mode::Strict, &format!("{stop}\n{other}")).unwrap_err();
    assert!(found[0].message.contains("`open`"), "{found:?}");
}
