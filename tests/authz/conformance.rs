//! The certification scenario of the Authorization API 1.0, and its examples: single decisions,
//! errors, header fields and metadata.

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::{Pdp, SECRET};
use crate::admin::support::Answer;

both!(
    decisions_are_those_of_the_scenario,
    what_is_missing_or_mistyped_is_an_error,
    requests_keep_their_names,
    who_asks_must_prove_it,
    the_decision_point_is_found,
);

const EVALUATION: &str = "/access/v1/evaluation";

async fn decisions_are_those_of_the_scenario(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let alice = json!({ "type": "user", "id": "alice" });
    let bob = json!({ "type": "user", "id": "bob" });
    let admin = json!({ "type": "user", "id": "bob", "properties": { "role": "admin" } });
    let first = json!({ "type": "record", "id": "record-1" });
    let archived =
        json!({ "type": "record", "id": "record-2", "properties": { "status": "archived" } });
    let deletes = |soft: bool| json!({ "name": "delete", "properties": { "soft": soft } });
    for (n, (subject, action, resource, decision)) in [
        (&alice, json!({ "name": "read" }), &first, true),
        (&alice, json!({ "name": "write" }), &first, true),
        (&bob, json!({ "name": "read" }), &first, true),
        (&bob, json!({ "name": "write" }), &first, false),
        (&alice, json!({ "name": "write" }), &archived, false),
        (&admin, json!({ "name": "write" }), &archived, true),
        (&alice, deletes(true), &first, true),
        (&alice, deletes(false), &first, false),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "subject": subject, "action": action, "resource": resource });
        // C.2.2.3, C.2.2.9 and C.2.6: a context, unknown members and repetition change nothing.
        let context = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        let with = |name: &str, value: &Value| {
            let mut body = body.clone();
            body[name] = value.clone();
            body
        };
        for body in [
            body.clone(),
            body.clone(),
            with("context", &context),
            with("futureField", &json!({ "nested": true })),
        ] {
            let answer = pdp.ask(EVALUATION, &body).await;
            assert_eq!(answer.header("content-type"), "application/json");
            let answer = answer.expect(200);
            assert_eq!(answer["decision"], decision, "rule {}: {answer}", n + 1);
            assert!(answer["context"].is_object());
        }
    }
    // C.2.2.8
    let more = json!({
        "subject": { "type": "user", "id": "alice",
            "properties": { "department": "Sales", "role": "manager" } },
        "action": { "name": "read", "properties": { "method": "GET" } },
        "resource": { "type": "record", "id": "record-1",
            "properties": { "status": "active", "owner": "bob" } },
    });
    assert_eq!(pdp.ask(EVALUATION, &more).await.expect(200)["decision"], true);
}

async fn what_is_missing_or_mistyped_is_an_error(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let good = json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": "read" },
        "resource": { "type": "record", "id": "record-1" },
    });
    let without = |path: &str| {
        let mut body = good.clone();
        let (name, part) = path.split_once('.').unwrap_or((path, ""));
        match part {
            "" => body.as_object_mut().expect("an object").remove(name),
            part => body[name].as_object_mut().expect("an object").remove(part),
        };
        body
    };
    for (missing, named) in [
        ("subject", "subject.type"),
        ("action", "action.name"),
        ("resource", "resource.type"),
        ("subject.type", "subject.type"),
        ("subject.id", "subject.id"),
        ("action.name", "action.name"),
        ("resource.type", "resource.type"),
        ("resource.id", "resource.id"),
    ] {
        let answer = pdp.ask(EVALUATION, &without(missing)).await;
        assert_eq!(answer.status, 400, "{missing}");
        assert!(answer.text.contains(&format!("{named}: is missing")), "{}", answer.text);
    }
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, says) in [
        (with("subject", json!("alice")), "subject"),
        (with("action", json!({ "name": 123 })), "action.name"),
        (with("context", json!([])), "context"),
        (json!([good]), "must be an object"),
        (with("subject", json!({ "type": "no type", "id": "x" })), "subject"),
        (with("resource", json!({ "type": "record", "id": "a\nb" })), "resource"),
        (with("resource", json!({ "type": "record", "id": "\u{0}" })), "resource"),
        (with("context", json!({ "level": 1.5 })), "context.level"),
        (with("context", json!({ "e": { "__entity": { "type": "x" } } })), "context.e"),
    ] {
        let answer = pdp.ask(EVALUATION, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text.contains(says), "{body}: {}", answer.text);
        assert!(answer.header("content-type").starts_with("text/plain"));
    }
    let send = async |media: &str, body: &str| {
        let request = server.http.post(format!("{}{EVALUATION}", pdp.base));
        let request = request.basic_auth("asker", Some(SECRET)).header("content-type", media);
        Answer::of(request.body(body.to_owned())).await.status
    };
    assert_eq!(send("application/json; charset=utf-8", &good.to_string()).await, 200);
    assert_eq!(send("text/plain", &good.to_string()).await, 400);
    assert_eq!(send("application/json", "").await, 400);
    assert_eq!(send("application/json", "{").await, 400);
    assert_eq!(send("application/json", &format!("{good} {good}")).await, 400);
    let repeated = r#"{"subject":{"type":"user","id":"alice","id":"bob"}}"#;
    assert_eq!(send("application/json", repeated).await, 400);
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(send("application/json", &large).await, 413);
    let deep = format!(
        "{{\"context\":{}{}}}",
        "{\"a\":".repeat(5_000),
        "1".to_owned() + &"}".repeat(5_000)
    );
    assert_eq!(send("application/json", &deep).await, 400);
    let request = server.http.get(format!("{}{EVALUATION}", pdp.base));
    assert_eq!(Answer::of(request.basic_auth("asker", Some(SECRET))).await.status, 405);
}

async fn requests_keep_their_names(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let named = async |name: Option<&str>, body: &Value| {
        let mut request = server.http.post(format!("{}{EVALUATION}", pdp.base));
        if let Some(name) = name {
            request = request.header("x-request-id", name);
        }
        Answer::of(request.basic_auth("asker", Some(SECRET)).json(body)).await
    };
    for body in [json!({}), json!({ "subject": "x" })] {
        let answer = named(Some("bfe9eb29-ab87-4ca3-be83-a1d5d8305716"), &body).await;
        assert_eq!(answer.header("x-request-id"), "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        assert_eq!(answer.status, 400);
    }
    assert_eq!(named(None, &json!({})).await.header("x-request-id").len(), 32);
    let long = "x".repeat(1_000);
    assert_eq!(named(Some(&long), &json!({})).await.header("x-request-id").len(), 32);
}

async fn who_asks_must_prove_it(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let body = json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": "read" },
        "resource": { "type": "record", "id": "record-1" },
    });
    let request = || server.http.post(format!("{}{EVALUATION}", pdp.base)).json(&body);
    for wrong in [
        request(),
        request().basic_auth("asker", Some("not-the-secret-0123456789")),
        request().basic_auth("nobody", Some(SECRET)),
        request().bearer_auth("a.b.c"),
        request().bearer_auth(&pdp.api.credential),
        request().header("authorization", "Basic ***"),
    ] {
        let answer = Answer::of(wrong).await;
        assert_eq!(answer.status, 401);
        assert!(!answer.header("www-authenticate").is_empty());
    }
    let other = Answer::of(request().basic_auth("other", Some(SECRET))).await;
    assert_eq!(other.status, 403, "{}", other.text);
    let token = async |scope: &str| {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let request = server.http.post(format!("{}/oauth/token", pdp.base)).form(&form);
        let answer = Answer::of(request.basic_auth("asker", Some(SECRET))).await.expect(200);
        answer["access_token"].as_str().expect("a token").to_owned()
    };
    let with = Answer::of(request().bearer_auth(token("authz").await)).await.expect(200);
    assert_eq!(with["decision"], true);
    assert_eq!(Answer::of(request().bearer_auth(token("other").await)).await.status, 403);
}

async fn the_decision_point_is_found(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let inserted = server.url("/.well-known/authzen-configuration/t/acme");
    for url in [format!("{}/.well-known/authzen-configuration", pdp.base), inserted] {
        let found = Answer::of(server.http.get(url)).await.expect(200);
        assert_eq!(found["policy_decision_point"], pdp.base);
        for (name, path) in [
            ("access_evaluation_endpoint", "evaluation"),
            ("access_evaluations_endpoint", "evaluations"),
            ("search_subject_endpoint", "search/subject"),
            ("search_resource_endpoint", "search/resource"),
            ("search_action_endpoint", "search/action"),
        ] {
            assert_eq!(found[name], format!("{}/access/v1/{path}", pdp.base));
        }
    }
}
