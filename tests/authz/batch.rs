//! The certification scenario of the Authorization API 1.0, C.3: many decisions in one request.

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::Pdp;

both!(batches_are_those_of_the_scenario, batches_end_when_they_are_told_to);

const EVALUATIONS: &str = "/access/v1/evaluations";

fn decisions(body: &Value) -> Vec<bool> {
    let list = body["evaluations"].as_array().expect("decisions");
    list.iter().map(|e| e["decision"].as_bool().expect("a decision")).collect()
}

async fn batches_are_those_of_the_scenario(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let record = |id: &str| json!({ "type": "record", "id": id });
    let of = |id: &str, status: &str| json!({ "type": "record", "id": id, "properties": { "status": status } });
    let (alice, bob) =
        (json!({ "type": "user", "id": "alice" }), json!({ "type": "user", "id": "bob" }));
    let admin = json!({ "type": "user", "id": "bob", "properties": { "role": "admin" } });
    let (read, write) = (json!({ "name": "read" }), json!({ "name": "write" }));
    for (name, body, expected) in [
        (
            "defaults",
            json!({ "subject": alice, "action": read, "evaluations": [
                { "resource": record("record-1") }, { "resource": record("record-2") }] }),
            vec![true, true],
        ),
        (
            "order",
            json!({ "subject": bob, "resource": record("record-1"),
                "evaluations": [{ "action": read }, { "action": write }] }),
            vec![true, false],
        ),
        (
            "properties",
            json!({ "subject": alice, "action": write, "evaluations": [
                { "resource": of("record-1", "active") },
                { "resource": of("record-2", "archived") }] }),
            vec![true, false],
        ),
        (
            "subjects",
            json!({ "action": write, "resource": of("record-2", "archived"),
                "evaluations": [{ "subject": alice }, { "subject": admin }] }),
            vec![false, true],
        ),
        (
            "no defaults",
            json!({ "evaluations": [
                { "subject": alice, "action": read, "resource": record("record-1") },
                { "subject": bob, "action": write, "resource": record("record-1") }] }),
            vec![true, false],
        ),
        (
            "context",
            json!({ "subject": alice, "action": read, "context": { "time": "18:03" },
                "evaluations": [{ "resource": record("record-1") },
                    { "resource": record("record-2"), "context": { "source": "inner" } }] }),
            vec![true, true],
        ),
        (
            "parts of names",
            json!({ "subject": alice, "action": write, "resource": { "type": "record" },
                "evaluations": [
                    { "resource": { "id": "record-1", "properties": { "status": "active" } } },
                    { "resource": of("record-2", "archived") }] }),
            vec![true, false],
        ),
        (
            "one that fails",
            json!({ "subject": alice, "action": read,
                "evaluations": [{ "resource": record("record-1") }, {}] }),
            vec![true, false],
        ),
    ] {
        let answer = pdp.ask(EVALUATIONS, &body).await.expect(200);
        assert_eq!(decisions(&answer), expected, "{name}: {answer}");
        assert_eq!(answer["decision"], Value::Null);
    }
    let failed = json!({ "subject": alice, "action": read, "evaluations": [{}] });
    let failed = pdp.ask(EVALUATIONS, &failed).await.expect(200);
    let error = &failed["evaluations"][0]["context"]["error"];
    assert_eq!(error["status"], 400);
    assert!(error["message"].as_str().expect("a text").contains("resource.type"));
    // C.3.4.2 and C.3.4.3: as a single evaluation.
    for more in [json!({}), json!({ "evaluations": [] })] {
        let mut body = json!({ "subject": alice, "action": read, "resource": record("record-1") });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        assert_eq!(pdp.ask(EVALUATIONS, &body).await.expect(200)["decision"], true);
    }
}

async fn batches_end_when_they_are_told_to(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let ask = async |semantic: Value, ids: &[&str]| {
        let list: Vec<_> =
            ids.iter().map(|id| json!({ "resource": { "type": "record", "id": id } })).collect();
        let body = json!({
            "subject": { "type": "user", "id": "alice" },
            "action": { "name": "write" },
            "options": { "evaluations_semantic": semantic, "another_option": "value" },
            "evaluations": list,
        });
        pdp.ask(EVALUATIONS, &body).await
    };
    // alice writes record-1 and what is not stored, and not record-2.
    let all = ["record-1", "record-2", "record-3"];
    let answer = ask(json!("execute_all"), &all).await.expect(200);
    assert_eq!(decisions(&answer), [true, false, true]);
    let answer = ask(json!("deny_on_first_deny"), &all).await.expect(200);
    assert_eq!(decisions(&answer), [true, false]);
    assert_eq!(answer["evaluations"][1]["context"]["reason"], "deny_on_first_deny");
    let answer = ask(json!("permit_on_first_permit"), &["record-2", "record-1", "x"]).await;
    assert_eq!(decisions(&answer.expect(200)), [false, true]);
    for unknown in [json!("first"), json!(1), json!(null)] {
        let answer = ask(unknown.clone(), &all).await;
        assert_eq!(answer.status, 400, "{unknown}: {}", answer.text);
    }
    let many = vec!["record-1"; 1_001];
    assert_eq!(ask(json!("execute_all"), &many).await.status, 400);
}
