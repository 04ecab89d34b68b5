//! `/api/v1/roles` and `/api/v1/role-assignments`

use harness::{Server, both};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Api, machine, tenants};

both!(
    a_role_lives_and_ends,
    roles_are_given_and_taken,
    bad_input_is_told_and_nothing_is_written,
    changes_are_audited,
);

async fn a_role_lives_and_ends(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let new = json!({ "name": "crm:editor", "description": "Edits", "permissions": ["read"] });
    let made = api.post("/roles", &new).await;
    assert_eq!(made.header("location"), format!("{}/api/v1/roles/crm:editor", api.base));
    let made = made.expect(201);
    for path in ["/roles/crm:editor", "/roles/crm%3Aeditor"] {
        assert_eq!(api.get(path).await.expect(200), made);
    }
    let again = api.post("/roles", &new).await;
    assert_eq!(again.problem(409, "already-exists"), ["name"]);
    let path = "/roles/crm:editor";
    let patch = json!({ "permissions": ["read", "Crm::\"x\""], "description": null });
    let after = api.patch(path, "\"v1\"", &patch).await.expect(200);
    assert_eq!((&after["permissions"], &after["description"]), (&patch["permissions"], &json!("")));
    api.patch(path, "\"v1\"", &patch).await.problem(412, "version-mismatch");
    let renamed = api.patch(path, "*", &json!({ "name": "other" })).await;
    assert_eq!(renamed.problem(400, "invalid-request"), ["name"]);

    for name in ["b", "a", "c"] {
        api.post("/roles", &json!({ "name": name })).await.expect(201);
    }
    let wanted = [json!("a"), json!("b"), json!("c"), json!("crm:editor")];
    for limit in [1, 3, 4] {
        assert_eq!(api.walk("/roles", limit, "name").await, wanted, "{limit}");
    }
    api.delete(path, "\"v1\"").await.problem(412, "version-mismatch");
    api.delete(path, "\"v2\"").await.expect(204);
    for path in ["/roles/crm:editor", "/roles/Editor", "/roles/%00", "/roles/a%2Fb", "/roles/%ff"] {
        api.get(path).await.problem(404, "not-found");
        api.delete(path, "*").await.problem(404, "not-found");
    }
    // Every change of what roles allow counts, and is told to other nodes.
    let version = "SELECT version FROM policy_state WHERE tenant_id = \
         (SELECT tenant_id FROM tenants WHERE slug = 'acme')";
    assert_eq!(server.number(version).await, 6);
    let told = "SELECT COUNT(*) FROM changes WHERE topic = 'policies'";
    assert_eq!(server.number(told).await, 6);
}

async fn roles_are_given_and_taken(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let id = async |list: &str, body: Value| {
        let path = api.create(list, &body).await;
        path.rsplit('/').next().expect("an id").to_owned()
    };
    let (user, group) =
        (id("/users", json!({})).await, id("/groups", json!({ "name": "Team" })).await);
    let application = id("/applications", machine("worker")).await;
    let organization = id("/organizations", json!({ "name": "Globex" })).await;
    let member = format!("/organizations/{organization}/members/{user}");
    api.put(&member, &json!({})).await.expect(204);
    for name in ["editor", "admin"] {
        api.post("/roles", &json!({ "name": name })).await.expect(201);
    }
    let mut made = Vec::new();
    for body in [
        json!({ "role": "editor", "user": user }),
        json!({ "role": "editor", "user": user, "organization": organization }),
        json!({ "role": "admin", "group": group }),
        json!({ "role": "editor", "group": group, "organization": organization }),
        json!({ "role": "editor", "application": application }),
    ] {
        let answer = api.post("/role-assignments", &body).await.expect(201);
        for (name, value) in body.as_object().expect("an object") {
            assert_eq!(&answer[name], value);
        }
        let members = |value: &Value| value.as_object().expect("an object").len();
        assert_eq!(members(&answer), members(&body) + 2, "id and created_at");
        api.post("/role-assignments", &body).await.problem(409, "already-exists");
        let path = format!("/role-assignments/{}", answer["id"].as_str().expect("an id"));
        assert_eq!(api.get(&path).await.expect(200), answer);
        made.push((path, answer["id"].clone()));
    }
    let mut ids: Vec<Value> = made.iter().map(|(_, id)| id.clone()).collect();
    ids.sort_by_key(ToString::to_string);
    for limit in [1, 2, 5] {
        assert_eq!(api.walk("/role-assignments", limit, "id").await, ids, "{limit}");
    }
    for (query, wanted) in [
        (format!("user={user}"), vec![0, 1]),
        (format!("group={group}"), vec![2, 3]),
        (format!("application={application}"), vec![4]),
        (format!("organization={organization}"), vec![1, 3]),
        (format!("user={user}&organization={organization}"), vec![1]),
        ("role=admin".into(), vec![2]),
        ("role=ghost".into(), vec![]),
        ("user=usr_000000000000000000000000000000ab".into(), vec![]),
    ] {
        let mut wanted: Vec<Value> = wanted.into_iter().map(|n: usize| made[n].1.clone()).collect();
        wanted.sort_by_key(ToString::to_string);
        let found = api.walk(&format!("/role-assignments?{query}"), 1, "id").await;
        assert_eq!(found, wanted, "{query}");
    }
    for (query, path) in [
        ("user=grp_000000000000000000000000000000ab", "user"),
        ("role=%00", "role"),
        ("role=A", "role"),
        ("organization=", "organization"),
        ("owner=x", "query"),
        ("role=a&role=b", "query"),
    ] {
        let refused = api.get(&format!("/role-assignments?{query}")).await;
        assert_eq!(refused.problem(400, "invalid-request"), [path], "{query}");
    }
    api.delete(&made[0].0, "").await.expect(204);
    api.delete(&made[0].0, "").await.problem(404, "not-found");
    // The role goes, and nobody has it.
    api.delete("/roles/editor", "*").await.expect(204);
    let left = api.walk("/role-assignments", 9, "role").await;
    assert_eq!(left, [json!("admin")]);
    api.post("/roles", &json!({ "name": "editor" })).await.expect(201);
    let left = api.get(&format!("/role-assignments?user={user}")).await.expect(200);
    assert_eq!(left, json!({ "items": [] }));
    api.delete(&format!("/groups/{group}"), "*").await.expect(204);
    assert_eq!(server.number("SELECT COUNT(*) FROM role_assignments").await, 0);
}

async fn bad_input_is_told_and_nothing_is_written(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    api.post("/roles", &json!({ "name": "editor" })).await.expect(201);
    let user = api.create("/users", &json!({})).await;
    let user = user.trim_start_matches("/users/");
    let before = server.row_counts().await;
    for (body, path) in [
        (json!({}), ""),
        (json!({ "name": "Editor" }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x\"y" }), "name"),
        (json!({ "name": "x\ny" }), "name"),
        (json!({ "name": "ｅditor" }), "name"),
        (json!({ "name": "x", "description": "a\nb" }), "description"),
        (json!({ "name": "x", "permissions": "read" }), "permissions"),
        (json!({ "name": "x", "permissions": ["a", ""] }), "permissions[1]"),
        (json!({ "name": "x", "permissions": ["a", "b\n"] }), "permissions[1]"),
        (json!({ "name": "x", "permissions": ["a", "a"] }), "permissions[1]"),
        // What it says in full is no id: an escaped line feed.
        (json!({ "name": "x", "permissions": ["Action::\"a\\nb\""] }), "permissions"),
        (json!({ "name": "x", "permissions": vec!["x"; 201] }), "permissions"),
        (json!({ "name": "x", "version": 7 }), "version"),
    ] {
        let refused = api.post("/roles", &body).await;
        let paths = refused.problem(400, "invalid-request");
        assert_eq!(paths.first().map(String::as_str), Some(path), "{body}");
    }
    let nobody = "usr_000000000000000000000000000000ab";
    for (body, path) in [
        (json!({ "role": "editor" }), ""),
        (json!({ "role": "editor", "user": user, "group": "grp_x" }), "group"),
        (json!({ "role": "editor", "user": nobody }), "user"),
        (json!({ "role": "editor", "user": "grp_000000000000000000000000000000ab" }), "user"),
        (json!({ "role": "ghost", "user": user }), "role"),
        (json!({ "role": "a\"b\n\u{202e}", "user": user }), "role"),
        (
            json!({ "role": "editor", "application": "app_000000000000000000000000000000ab" }),
            "application",
        ),
        (json!({ "role": "editor", "group": "grp_000000000000000000000000000000ab" }), "group"),
        (
            json!({ "role": "editor", "user": user, "organization": "org_000000000000000000000000000000ab" }),
            "organization",
        ),
        (
            json!({ "role": "editor", "application": "app_000000000000000000000000000000ab",
                "organization": "org_000000000000000000000000000000ab" }),
            "organization",
        ),
        (json!({ "role": "editor", "user": user, "until": 1 }), "until"),
    ] {
        let refused = api.post("/role-assignments", &body).await;
        assert_eq!(refused.problem(400, "invalid-request"), [path], "{body}");
    }
    let large = json!({ "name": "x", "permissions": ["x".repeat(10_000_000)] });
    api.post("/roles", &large).await.problem(413, "too-large");
    let mut after = server.row_counts().await;
    after.insert("refusals".into(), before["refusals"]);
    assert_eq!(before, after);
}

async fn changes_are_audited(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let user = api.create("/users", &json!({})).await;
    let user = user.trim_start_matches("/users/");
    api.post("/roles", &json!({ "name": "editor", "permissions": ["a", "b"] })).await.expect(201);
    api.patch("/roles/editor", "*", &json!({ "permissions": ["b", "c"] })).await.expect(200);
    let held = json!({ "role": "editor", "user": user });
    let given = api.create("/role-assignments", &held).await;
    let blind = api.request(Method::DELETE, &given);
    Answer::of(blind).await.expect(204);
    api.post("/role-assignments", &held).await.expect(201);
    api.delete("/roles/editor", "*").await.expect(204);
    let text = if server.database.is_some() { "data::text" } else { "data" };
    let events = server
        .rows::<(String, String)>(&format!(
            "SELECT kind, {text} FROM audit_events WHERE kind LIKE 'role.%' ORDER BY at, id"
        ))
        .await;
    let events: Vec<(&str, Value)> = events
        .iter()
        .map(|(kind, data)| (kind.as_str(), serde_json::from_str(data).expect("JSON")))
        .collect();
    let wanted = [
        ("role.created", json!({ "role": "editor" })),
        ("role.updated", json!({ "role": "editor", "allowed": ["c"], "no_longer_allowed": ["a"] })),
        ("role.assigned", held.clone()),
        ("role.unassigned", held.clone()),
        ("role.assigned", held),
        ("role.deleted", json!({ "role": "editor", "assignments": 1 })),
    ];
    assert_eq!(events, wanted);
}
