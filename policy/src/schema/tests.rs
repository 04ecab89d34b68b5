use serde_json::json;

use super::*;
use crate::{EntityData, Fault, Uid};

const TENANT: &str = r#"
type UserAttributes = { dept?: String, level: Long };
type Money = { amount: Long, currency: String };
entity Color enum ["red", "green"];
entity Folder in [Folder, Organization];
entity Document in [Folder] = {
  owner: User, price?: Money, seen: Set<ipaddr>, color: Color,
} tags Set<String>;
action "view" in [read] appliesTo {
  principal: [User], resource: [Document, Folder], context: { mfa: Bool, at?: datetime }
};
action read;
namespace Shop { entity Order; action "buy it" appliesTo { principal: User, resource: Order }; }
"#;

fn schema() -> Schema {
    Schema::parse(TENANT, false).unwrap_or_else(|e| panic!("{e:?}"))
}

fn faults(json: Value) -> Vec<String> {
    let data: EntityData = serde_json::from_value(json).unwrap();
    schema().entity(&data).iter().map(Fault::to_string).collect()
}

fn findings(text: &str) -> Vec<String> {
    Schema::parse(text, false).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn an_entity_as_declared_has_no_fault() {
    let document = json!({
        "type": "Document", "id": "7",
        "attrs": {
            "owner": { "type": "User", "id": "usr_1" },
            "price": { "amount": 3, "currency": "EUR" },
            "seen": [{ "__extn": { "fn": "ip", "arg": "10.0.0.1" } }],
            "color": { "type": "Color", "id": "red" },
        },
        "parents": [{ "type": "Folder", "id": "f" }, { "type": "Organization", "id": "org_1" }],
        "tags": { "a": ["b"] },
    });
    assert_eq!(faults(document), Vec::<String>::new());
}

#[test]
fn every_deviation_has_its_place_and_a_suggestion() {
    let document = json!({
        "type": "Document", "id": "7",
        "attrs": {
            "owner": { "type": "Group", "id": "grp_1" },
            "pricee": 1,
            "price": { "amount": "3" },
            "seen": [1],
            "color": { "type": "Color", "id": "rad" },
        },
        "parents": [{ "type": "User", "id": "usr_1" }, { "type": "Foldr", "id": "f" }],
        "tags": { "a": "b" },
    });
    let found = faults(document);
    let wanted = [
        "/attrs/color/id: the schema does not list Color::\"rad\"; did you mean `red`?",
        "/attrs/owner: the schema wants a reference to a `User`",
        "/attrs/price/amount: the schema wants a whole number",
        "/attrs/price/currency: this is missing: the schema wants a string",
        "/attrs/pricee: the schema does not declare this; did you mean `price`?",
        "/attrs/seen/0: the schema wants {\"__extn\"",
        "/tags/a: the schema wants a list, each of it a string",
        "/parents/0: the schema lets no `Document` be in a `User`",
        "/parents/1/type: the schema declares no entity type `Foldr`; did you mean `Folder`?",
    ];
    for want in wanted {
        assert!(found.iter().any(|fault| fault.starts_with(want)), "{want}: {found:#?}");
    }
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    assert_eq!(faults(json!({ "type": "Folder", "id": "1", "tags": { "a": 1 } })).len(), 1);
}

#[test]
fn requests_fit_the_action() {
    let schema = schema();
    let uid = |kind: &str| Uid::new(kind, "1").unwrap();
    let ask = |principal: &str, action: &str, resource: &str, context: Value| {
        let action = Uid::action(action).unwrap();
        let context = context.as_object().unwrap().clone();
        let faults = schema.request(&uid(principal), &action, &uid(resource), &context);
        faults.iter().map(Fault::to_string).collect::<Vec<_>>()
    };
    assert!(ask("User", "view", "Document", json!({ "mfa": true })).is_empty());
    assert!(ask("User", "Shop::Action::\"buy it\"", "Shop::Order", json!({})).is_empty());
    assert_eq!(ask("Usr", "view", "Document", json!({ "mfa": true })).len(), 1);
    assert_eq!(
        ask("Group", "view", "User", json!({ "mfa": 1, "atr": 2 })),
        [
            "/principal/type: the action `view` does not apply to a principal of type `Group`",
            "/resource/type: the action `view` does not apply to a resource of type `User`",
            "/context/mfa: the schema wants true or false",
            "/context/atr: the schema does not declare this; did you mean `at`?",
        ]
    );
    assert_eq!(
        ask("User", "vew", "Document", json!({})),
        ["/action: the schema declares no action `vew`; did you mean `view`?"]
    );
    let view = schema.action(&Uid::action("view").unwrap()).unwrap();
    assert_eq!(view.ancestors, [Uid::action("read").unwrap()]);
}

#[test]
fn claims_that_fit_are_kept() {
    let claims = json!({ "dept": "x", "level": "high", "other": 1 });
    let kept = schema().fitting("UserAttributes", claims.as_object().unwrap());
    assert_eq!(Value::Object(kept), json!({ "dept": "x" }));
}

#[test]
fn findings_have_the_lines_of_the_tenants_text() {
    assert_eq!(
        findings("entity A = {\n  x: Strin\n};"),
        [
            "schema:2:6: failed to resolve type: Strin (`Strin` has not been declared as a common or \
          entity type)"
        ]
    );
    assert!(findings("entity A")[0].starts_with("schema:1:9: unexpected end"));
    assert!(findings("entity A;\nnamespace X {")[0].starts_with("schema:2:14: unexpected"));
    assert!(findings("entity A;\naction x in [zz];")[0].starts_with("schema:2:14: undeclared"));
    assert!(findings("entity A;\nentity User;")[0].starts_with("schema:2:8: the platform"));
    assert!(findings("type Role = Long;")[0].starts_with("schema:1:6: the platform"));
    assert!(findings("type UserAttributes = Long;")[0].contains("is a record"));
    assert!(findings("namespace N { entity User; }")[0].contains("User"));
    assert!(findings("// only a comment").is_empty());
}

#[test]
fn schemas_that_would_take_too_long_are_refused() {
    let mut doubling = "type T0 = { a: Long };\n".to_owned();
    for n in 1..40 {
        doubling += &format!("type T{n} = {{ a: T{0}, b: T{0} }};\n", n - 1);
    }
    assert!(findings(&doubling)[0].contains("too large"));
    let mut tower = "type T0 = Long;\n".to_owned();
    for n in 1..900 {
        tower += &format!("type T{n} = {}T{}{};\n", "Set<".repeat(16), n - 1, ">".repeat(16));
    }
    assert!(findings(&tower)[0].contains("too large"));
    let types: String = (0..1_001).map(|n| format!("entity T{n};")).collect();
    assert!(findings(&types)[0].contains("at most 1000 types"));
    let list = (0..100).map(|n| format!("T{n}")).collect::<Vec<_>>().join(",");
    let types: String = (0..100).map(|n| format!("entity T{n};")).collect();
    let action =
        format!("{types} action a appliesTo {{ principal: [{list}], resource: [{list}] }};");
    assert!(findings(&action)[0].contains("combinations"));
    assert!(findings("type A = B; type B = A;")[0].contains("cycle"));
    for (open, close) in [("Set<", ">"), ("{a:", "}")] {
        let deep = format!("type T = {}Long{};", open.repeat(10_000), close.repeat(10_000));
        assert!(findings(&deep)[0].contains("too deep"));
        let good = format!("type T = {}Long{};", open.repeat(16), close.repeat(16));
        assert!(findings(&good).is_empty());
    }
    let chain: String = (1..900).map(|n| format!("entity T{n} in [T{}];", n - 1)).collect();
    assert!(findings(&format!("entity T0;{chain}")).is_empty());
}

#[test]
fn the_action_of_tokens_is_there_for_who_names_it() {
    let has = |tokens| {
        let schema = Schema::parse(TENANT, tokens).unwrap_or_else(|e| panic!("{e:?}"));
        schema.action(&Uid::action("token.issue").unwrap()).is_some()
    };
    assert!(has(true) && !has(false));
    let found = findings(
        "action \"token.issue\" appliesTo { principal: [User], resource: [Application] };",
    );
    assert_eq!(found, ["schema:1:8: the platform declares the action `token.issue` itself"]);
}
