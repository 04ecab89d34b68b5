//! The native decision: why it came out as it did, and what it is about.

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::Pdp;

both!(a_decision_says_why);

async fn a_decision_says_why(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let policies = r#"
        @id("readers") @reason("Readers read.")
        permit (principal is person, action == Action::"read", resource)
        when { principal.level >= resource.level };
        @id("stop") forbid (principal, action, resource) when { context.stop };
    "#;
    pdp.activate(&json!({ "policies": { "a.cedar": policies } })).await;
    let body = |level: Value, context: Value| {
        json!({
            "principal": { "type": "person", "id": "p", "properties": { "level": level } },
            "action": "read",
            "resource": { "type": "paper", "id": "r" },
            "entities": [{ "type": "paper", "id": "r", "attrs": { "level": 2 } }],
            "context": context,
        })
    };
    let allowed = pdp.ask("/authz/decide", &body(json!(3), json!({ "stop": false }))).await;
    let allowed = allowed.expect(200);
    assert_eq!(allowed["decision"], "allow");
    assert_eq!(
        allowed["policies"],
        json!([{ "id": "readers", "effect": "permit", "layer": "tenant",
            "annotations": { "id": "readers", "reason": "Readers read." } }])
    );
    assert_eq!(allowed["errors"], json!([]));
    assert_eq!(allowed["snapshot_version"], 1);
    assert!(allowed["id"].as_str().expect("an id").starts_with("dec_"));
    let stopped = pdp.ask("/authz/decide", &body(json!(3), json!({ "stop": true }))).await;
    let stopped = stopped.expect(200);
    assert_eq!(
        (&stopped["decision"], &stopped["policies"][0]["id"]),
        (&json!("deny"), &json!("stop"))
    );
    // What cannot be evaluated counts as not being there, and is told.
    let typed = pdp.ask("/authz/decide", &body(json!("high"), json!({ "stop": false }))).await;
    let typed = typed.expect(200);
    assert_eq!((&typed["decision"], &typed["policies"]), (&json!("deny"), &json!([])));
    assert_eq!(typed["errors"][0]["policy"], "readers");
    let missing = pdp.ask("/authz/decide", &body(Value::Null, json!({}))).await.expect(200);
    assert_eq!(missing["decision"], "deny");
    let looked: Vec<_> = missing["missing_attributes"].as_array().expect("a list").iter().collect();
    let names: Vec<_> = looked.iter().map(|m| m["attribute"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), 2, "{missing}");
    assert!(names.contains(&"level") && names.contains(&"stop"), "{missing}");
}
