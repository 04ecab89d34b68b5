//! The certification scenario of the Authorization API 1.0, C.4, and pages of searches.

use harness::{Server, both};
use serde_json::{Value, json};

use super::roles::created;
use super::support::Pdp;

both!(
    searches_are_those_of_the_scenario,
    pages_add_up_to_the_whole,
    many_of_a_new_type_are_found,
    only_whom_policies_name_is_looked_at,
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

/// There are more users than a page looks at, and few whom a policy allows: one page finds them.
async fn only_whom_policies_name_is_looked_at(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let mut manifest = "tenant: { slug: acme, name: Tenant acme, \
        settings: { limits: { enabled: false } } }\nusers:\n"
        .to_owned();
    for n in 0..1_100 {
        manifest += &format!("  - {{ email: bystander{n}@example.com }}\n");
    }
    server.apply(&manifest).await;
    let mut users = Vec::new();
    for name in ["by herself", "by a group", "in an organization", "by a group there"] {
        users.push(created(&pdp, "/users", &json!({ "name": name })).await);
    }
    let [ada, ben, cy, dee] = users.as_slice() else { panic!("four users") };
    let north = created(&pdp, "/organizations", &json!({ "name": "North" })).await;
    let readers = created(&pdp, "/groups", &json!({ "name": "Readers" })).await;
    let northern = created(&pdp, "/groups", &json!({ "name": "Readers of the north" })).await;
    let reader = json!({ "name": "reader", "permissions": ["documents.read"] });
    created(&pdp, "/roles", &reader).await;
    for member in [
        format!("/groups/{readers}/members/{ben}"),
        format!("/groups/{northern}/members/{dee}"),
        format!("/organizations/{north}/members/{cy}"),
        format!("/organizations/{north}/members/{dee}"),
    ] {
        let put = pdp.api.request(reqwest::Method::PUT, &member).json(&json!({}));
        assert!(put.send().await.expect("answered").status().is_success(), "{member}");
    }
    for holder in [
        json!({ "user": ada }),
        json!({ "group": readers }),
        json!({ "user": cy, "organization": north }),
        json!({ "group": northern, "organization": north }),
    ] {
        let mut given = holder;
        given["role"] = "reader".into();
        created(&pdp, "/role-assignments", &given).await;
    }
    let sorted = |users: &[&String]| {
        let mut users: Vec<String> = users.iter().map(|id| (*id).clone()).collect();
        users.sort_unstable();
        users
    };
    let search = async |action: &str, organization: Option<&str>, token: &str| {
        let organization = organization.map(|id| json!({ "type": "Organization", "id": id }));
        let body = json!({
            "subject": { "type": "User" },
            "action": { "name": action },
            "resource": { "type": "Document", "id": "7",
                "properties": organization.map_or(json!({}), |o| json!({ "organization": o })) },
            "page": { "limit": if token.is_empty() { 100 } else { 1 }, "token": token.trim() },
        });
        pdp.ask("/access/v1/search/subject", &body).await.expect(200)
    };
    let complete = |answer: &Value, expected: &[&String]| {
        assert_eq!(ids(answer), sorted(expected), "{answer}");
        assert_eq!(answer["context"]["complete"], true, "{answer}");
    };
    complete(&search("documents.read", None, "").await, &[ada, ben]);
    complete(&search("documents.read", Some(&north), "").await, &[ada, ben, cy, dee]);
    // One a page.
    let (mut found, mut token) = (Vec::new(), " ".to_owned());
    while !token.is_empty() {
        let answer = search("documents.read", Some(&north), &token).await;
        found.extend(ids(&answer).into_iter().map(str::to_owned));
        token = answer["page"]["next_token"].as_str().expect("a token").to_owned();
    }
    assert_eq!(found, sorted(&[ada, ben, cy, dee]));
    // By what policies say themselves.
    let policies = format!(
        "permit (principal in Organization::\"{north}\", action == Action::\"see\", resource) \
           when {{ principal.name != \"by a group there\" }};\n\
         permit (principal == User::\"{ada}\", action == Action::\"see\", resource);\n\
         permit (principal is User in Group::\"{readers}\", action == Action::\"see\", resource);\n\
         forbid (principal == User::\"{ben}\", action == Action::\"see\", resource);"
    );
    pdp.activate(&json!({ "policies": { "a.cedar": policies } })).await;
    complete(&search("see", None, "").await, &[ada, cy]);
    let gone = pdp.api.request(reqwest::Method::DELETE, &format!("/users/{ada}"));
    let gone = gone.header("if-match", "*").send().await.expect("answered");
    assert!(gone.status().is_success(), "{}", gone.status());
    complete(&search("see", None, "").await, &[cy]);
    complete(&search("documents.read", None, "").await, &[ben]);
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
