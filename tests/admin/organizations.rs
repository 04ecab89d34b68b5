//! `/api/v1/organizations`

use harness::{Server, both};
use serde_json::json;

use super::support::{Api, tenants};

both!(
    an_organization_lives_and_ends,
    what_a_tenant_stands_on_stays,
    whoever_leaves_loses_the_roles_there,
);

async fn an_organization_lives_and_ends(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let new = json!({ "name": "Globex", "attributes": { "plan": "gold" } });
    let made = api.post("/organizations", &new).await.expect(201);
    let path = format!("/organizations/{}", made["id"].as_str().expect("an id"));
    assert_eq!((api.get(&path).await.expect(200), made.get("tenant_id")), (made.clone(), None));
    // Two customers may have one name.
    let twin = api.create("/organizations", &new).await;
    let patch = json!({ "attributes": { "plan": { "name": "gold", "seats": 5 } } });
    let after = api.patch(&path, "\"v1\"", &patch).await.expect(200);
    assert_eq!((&after["attributes"], &after["name"]), (&patch["attributes"], &new["name"]));
    api.patch(&path, "\"v1\"", &patch).await.problem(412, "version-mismatch");
    for (body, place) in [
        (json!({ "name": "\u{7}" }), "name"),
        (json!({ "name": "x", "tenant_id": "ten_x" }), "tenant_id"),
        (json!({ "name": "x", "attributes": { "a": 0.5 } }), "attributes.a"),
    ] {
        let refused = api.post("/organizations", &body).await;
        assert_eq!(refused.problem(400, "invalid-request"), [place]);
    }

    let user = api.create("/users", &json!({ "email": "u@acme.example" })).await;
    let id = user.trim_start_matches("/users/");
    let member = format!("{path}/members/{id}");
    for _ in 0..2 {
        api.put(&member, &json!({})).await.expect(204);
    }
    api.put(&format!("{twin}/members/{id}"), &json!({})).await.expect(204);
    let members = api.get(&format!("{path}/members")).await.expect(200);
    assert_eq!(members["items"][0]["email"], "u@acme.example");
    assert_eq!(members["items"].as_array().map(Vec::len), Some(1));

    api.delete(&path, "\"v2\"").await.expect(204);
    api.get(&path).await.problem(404, "not-found");
    api.put(&member, &json!({})).await.problem(404, "not-found");
    assert_eq!(api.walk("/organizations", 1, "name").await, [json!("Globex")]);
    api.get(&user).await.expect(200);
    // The rest of it is erased by a job.
    for _ in 0..500 {
        if server.number("SELECT COUNT(*) FROM members").await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM members").await, 1, "of the twin");
    let there = "SELECT COUNT(*) FROM organizations WHERE name = 'Globex'";
    assert_eq!(server.number(there).await, 1);
}

async fn what_a_tenant_stands_on_stays(server: &Server) {
    tenants(server).await;
    let system = Api::new(server, "system", &["operator"]).await;
    let list = system.get("/organizations").await.expect(200);
    let items = list["items"].as_array().expect("a list");
    let names: Vec<_> = items.iter().map(|o| o["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["Tenant acme", "Tenant globex"]);
    for it in items {
        assert!(it["tenant_id"].as_str().expect("a tenant").starts_with("ten_"));
        let path = format!("/organizations/{}", it["id"].as_str().expect("an id"));
        system.delete(&path, "*").await.problem(409, "in-use");
    }
    // Of a customer's own there are none.
    let acme = Api::new(server, "acme", &["viewer"]).await;
    assert_eq!(acme.get("/organizations").await.expect(200), json!({ "items": [] }));
}

async fn whoever_leaves_loses_the_roles_there(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let path = api.create("/organizations", &json!({ "name": "Globex" })).await;
    let organization = path.trim_start_matches("/organizations/");
    let user = api.create("/users", &json!({})).await;
    let user = user.trim_start_matches("/users/");
    api.post("/roles", &json!({ "name": "editor" })).await.expect(201);
    let role = json!({ "role": "editor", "user": user, "organization": organization });
    let refused = api.post("/role-assignments", &role).await;
    assert_eq!(refused.problem(400, "invalid-request"), ["organization"]);
    let member = format!("{path}/members/{user}");
    api.put(&member, &json!({})).await.expect(204);
    api.post("/role-assignments", &role).await.expect(201);
    api.post("/role-assignments", &json!({ "role": "editor", "user": user })).await.expect(201);
    api.delete(&member, "").await.expect(204);
    let left = api.get(&format!("/role-assignments?user={user}")).await.expect(200);
    let left = left["items"].as_array().expect("a list");
    assert_eq!((left.len(), left[0].get("organization")), (1, None));
    // And has none when it comes back.
    api.put(&member, &json!({})).await.expect(204);
    let there = api.get(&format!("/role-assignments?organization={organization}")).await;
    assert_eq!(there.expect(200), json!({ "items": [] }));
}
