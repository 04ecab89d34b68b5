//! The certification scenario of the Authorization API 1.0, C.4, and pages of searches.

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::Pdp;

both!(
    searches_are_those_of_the_scenario,
    pages_add_up_to_the_whole,
    many_of_a_new_type_are_found,
    nonsense_finds_nothing,
);

fn ids(answer: &Value) -> Vec<&str> {
    let name = |r: &Value| r.get("id").or(r.get("name")).is_some();
    let list = answer["results"].as_array().expect("results");
    assert!(list.iter().all(name), "{answer}");
    list.iter().map(|r| r["id"].as_str().or(r["name"].as_str()).expect("a name")).collect()
}

async fn searches_are_those_of_the_scenario(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let record = |id: &str| json!({ "type": "record", "id": id });
    let archived =
        json!({ "type": "record", "id": "record-2", "properties": { "status": "archived" } });
    let alice = json!({ "type": "user", "id": "alice" });
    let admin = json!({ "type": "user", "id": "bob", "properties": { "role": "admin" } });
    for (path, body, expected) in [
        (
            "subject",
            json!({ "subject": { "type": "user" }, "action": { "name": "read" },
                "resource": record("record-1"), "context": { "time": "18:03" } }),
            vec!["alice", "bob"],
        ),
        (
            "subject",
            json!({ "subject": { "type": "user", "id": "ignored" },
                "action": { "name": "write" }, "resource": archived }),
            vec!["bob"],
        ),
        (
            "resource",
            json!({ "subject": alice, "action": { "name": "read" },
                "resource": { "type": "record" } }),
            vec!["record-1", "record-2"],
        ),
        (
            "resource",
            json!({ "subject": alice, "action": { "name": "write" },
                "resource": { "type": "record" } }),
            vec!["record-1"],
        ),
        (
            "resource",
            json!({ "subject": admin, "action": { "name": "write" },
                "resource": { "type": "record" } }),
            vec!["record-2"],
        ),
        (
            "action",
            json!({ "subject": alice, "resource": record("record-1") }),
            vec!["read", "write"],
        ),
        ("action", json!({ "subject": admin, "resource": archived }), vec!["read", "write"]),
    ] {
        let answer = pdp.ask(&format!("/access/v1/search/{path}"), &body).await.expect(200);
        assert_eq!(ids(&answer), expected, "{path}: {answer}");
        assert_eq!(answer["page"]["next_token"], "");
        assert_eq!(answer["context"]["complete"], true);
    }
}

async fn pages_add_up_to_the_whole(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let many: Vec<_> = (0..530)
        .map(|n| {
            let status = if n % 2 == 0 { "archived" } else { "active" };
            json!({ "type": "record", "id": format!("n{n:04}"), "attrs": { "status": status } })
        })
        .collect();
    pdp.put(&Value::from(many)).await;
    let mut found = Vec::new();
    let mut page = json!({ "limit": 100 });
    let mut asked = 0;
    loop {
        let body = json!({
            "subject": { "type": "user", "id": "alice" },
            "action": { "name": "write" },
            "resource": { "type": "record" },
            "page": page,
        });
        let answer = pdp.ask("/access/v1/search/resource", &body).await.expect(200);
        let results = ids(&answer);
        assert!(results.len() <= 100);
        assert_eq!(answer["page"]["count"], results.len());
        found.extend(results.into_iter().map(str::to_owned));
        asked += 1;
        let next = answer["page"]["next_token"].as_str().expect("a token").to_owned();
        assert_eq!(answer["context"]["complete"], next.is_empty());
        if next.is_empty() {
            break;
        }
        page = json!({ "token": next, "limit": 100 });
    }
    let odd = (0..530).filter(|n| n % 2 == 1).map(|n| format!("n{n:04}"));
    let expected: Vec<String> = odd.chain(["record-1".to_owned()]).collect();
    assert_eq!(found, expected);
    assert!(asked >= 3);
}

/// So many at once are told as one change of everything: their type is new all the same.
async fn many_of_a_new_type_are_found(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let policy =
        "permit (principal, action == Action::\"see\", resource is star) when { resource.bright };";
    pdp.activate(&json!({ "policies": { "a.cedar": policy } })).await;
    let star =
        |n: usize| json!({ "type": "star", "id": n.to_string(), "attrs": { "bright": true } });
    pdp.put(&Value::from((0..150).map(star).collect::<Vec<_>>())).await;
    let body = json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": "see" },
        "resource": { "type": "star", "id": "149" },
    });
    assert_eq!(pdp.ask("/access/v1/evaluation", &body).await.expect(200)["decision"], true);
}

async fn nonsense_finds_nothing(server: &Server) {
    let pdp = Pdp::certified(server, "acme").await;
    let alice = json!({ "type": "user", "id": "alice" });
    let read = json!({ "name": "read" });
    let first = json!({ "type": "record", "id": "record-1" });
    for (path, body) in [
        ("action", json!({ "subject": { "type": "user", "id": "nobody" }, "resource": first })),
        (
            "subject",
            json!({ "subject": { "type": "spaceship" }, "action": read, "resource": first }),
        ),
        (
            "resource",
            json!({ "subject": alice, "action": read, "resource": { "type": "spaceship" } }),
        ),
        (
            "resource",
            json!({ "subject": { "type": "user", "id": "nobody" }, "action": read,
                "resource": { "type": "record" } }),
        ),
    ] {
        let answer = pdp.ask(&format!("/access/v1/search/{path}"), &body).await.expect(200);
        assert_eq!(answer["results"], json!([]), "{path} {body}");
    }
    for (path, body) in [
        ("subject", json!({ "subject": { "type": "user" }, "resource": first })),
        (
            "subject",
            json!({ "subject": { "type": "user" }, "action": read, "resource": { "type": "record" } }),
        ),
        ("resource", json!({ "action": read, "resource": { "type": "record" } })),
        (
            "resource",
            json!({ "subject": { "type": "user" }, "action": read, "resource": { "type": "record" } }),
        ),
        ("action", json!({ "subject": alice })),
        ("action", json!({ "subject": alice, "resource": first, "page": { "limit": 0 } })),
        ("action", json!({ "subject": alice, "resource": first, "page": { "token": "x" } })),
    ] {
        let answer = pdp.ask(&format!("/access/v1/search/{path}"), &body).await;
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text);
    }
}
