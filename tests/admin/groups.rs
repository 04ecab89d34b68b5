//! `/api/v1/groups`

use harness::{Server, both};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Api, tenants};

both!(
    a_group_lives_and_ends,
    users_come_and_go,
    bad_input_is_told_and_nothing_is_written,
    changes_are_audited,
    a_user_is_in_a_bounded_number,
);

async fn a_group_lives_and_ends(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let new = json!({ "name": "Editors", "attributes": { "level": 3, "of": ["a", "b"] } });
    let made = api.post("/groups", &new).await;
    assert_eq!(made.header("etag"), "\"v1\"");
    let location = made.header("location").to_owned();
    let body = made.expect(201);
    let path = format!("/groups/{}", body["id"].as_str().expect("an id"));
    assert_eq!(location, format!("{}/api/v1{path}", api.base));
    assert_eq!(body["attributes"], new["attributes"]);
    let read = api.get(&path).await;
    assert_eq!((read.header("etag"), &read.body), ("\"v1\"", &body));
    let again = api.post("/groups", &json!({ "name": "Editors" })).await;
    assert_eq!(again.problem(409, "already-exists"), ["name"]);
    // Names are compared as they are written.
    let other = api.create("/groups", &json!({ "name": "editors" })).await;

    let patch = json!({ "name": "Authors", "attributes": { "level": null, "x": { "y": 1 } } });
    let after = api.patch(&path, "\"v1\"", &patch).await.expect(200);
    assert_eq!(after["attributes"], json!({ "of": ["a", "b"], "x": { "y": 1 } }));
    assert_eq!((&after["name"], &after["version"]), (&json!("Authors"), &json!(2)));
    api.patch(&path, "\"v1\"", &patch).await.problem(412, "version-mismatch");
    let blind = api.request(Method::PATCH, &path).body("{}");
    Answer::of(blind).await.problem(428, "version-required");
    let taken = api.patch(&other, "*", &json!({ "name": "Authors" })).await;
    assert_eq!(taken.problem(409, "already-exists"), ["name"]);
    for limit in [1, 2, 200] {
        let names = api.walk("/groups", limit, "name").await;
        assert_eq!(names, [json!("Authors"), json!("editors")], "{limit}");
    }
    api.delete(&path, "\"v1\"").await.problem(412, "version-mismatch");
    api.delete(&path, "\"v2\"").await.expect(204);
    api.get(&path).await.problem(404, "not-found");
    // The same request is done once.
    let keyed = || {
        let request = api.request(Method::POST, "/groups").header("idempotency-key", "k");
        Answer::of(request.json(&json!({ "name": "Once" })))
    };
    assert_eq!(keyed().await.expect(201), keyed().await.expect(201));
}

async fn users_come_and_go(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let group = api.create("/groups", &json!({ "name": "Team" })).await;
    let list = format!("{group}/members");
    let mut users = Vec::new();
    for n in 0..5 {
        let new = json!({ "email": format!("u{n}@acme.example"), "name": "Somebody" });
        let path = api.create("/users", &new).await;
        let user = path.trim_start_matches("/users/").to_owned();
        let place = format!("{list}/{user}");
        assert_eq!(api.put(&place, &json!({})).await.expect(204), Value::Null);
        // Once more changes nothing.
        api.put(&place, &json!({})).await.expect(204);
        users.push(user);
    }
    users.sort_unstable();
    let wanted: Vec<Value> = users.iter().map(|u| json!(u)).collect();
    for limit in [1, 2, 5, 200] {
        assert_eq!(api.walk(&list, limit, "user").await, wanted, "{limit}");
    }
    let page = api.get(&list).await.expect(200);
    let one = &page["items"][0];
    assert_eq!(one["name"], "Somebody");
    assert!(one["since"].as_str().is_some_and(|since| since.starts_with("2026-03-01T")));
    // The group itself did not change.
    assert_eq!(api.get(&group).await.header("etag"), "\"v1\"");

    let gone = format!("{list}/{}", users[0]);
    api.delete(&gone, "").await.expect(204);
    api.delete(&gone, "").await.problem(404, "not-found");
    api.delete(&format!("/users/{}", users[1]), "*").await.expect(204);
    assert_eq!(api.walk(&list, 9, "user").await, wanted[2..]);
    for nobody in ["usr_000000000000000000000000000000ab", "grp_x", "%00", "a%2Fb"] {
        let place = format!("{list}/{nobody}");
        api.put(&place, &json!({})).await.problem(404, "not-found");
        api.delete(&place, "").await.problem(404, "not-found");
    }
    let elsewhere = "/groups/grp_000000000000000000000000000000ab/members";
    api.get(elsewhere).await.problem(404, "not-found");
    api.put(&format!("{elsewhere}/{}", users[2]), &json!({})).await.problem(404, "not-found");
    // The users outlive the group.
    api.delete(&group, "*").await.expect(204);
    api.get(&format!("/users/{}", users[2])).await.expect(200);
    assert_eq!(server.number("SELECT COUNT(*) FROM group_members").await, 0);
}

async fn bad_input_is_told_and_nothing_is_written(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let group = api.create("/groups", &json!({ "name": "Team" })).await;
    let before = server.row_counts().await;
    for (body, path) in [
        (json!({}), ""),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": "x".repeat(201) }), "name"),
        (json!({ "name": ["x"] }), "name"),
        (json!({ "name": "x", "id": "grp_x" }), "id"),
        (json!({ "name": "x", "attributes": [] }), "attributes"),
        (json!({ "name": "x", "attributes": { "a": null } }), "attributes.a"),
        (json!({ "name": "x", "attributes": { "a": [1.5] } }), "attributes.a[0]"),
        (json!({ "name": "x", "attributes": { "a": "x".repeat(17_000) } }), "attributes"),
    ] {
        let refused = api.post("/groups", &body).await;
        assert_eq!(refused.problem(400, "invalid-request"), [path], "{body}");
        if !path.is_empty() && path != "id" {
            let body = json!({ "name": body["name"], "attributes": body["attributes"] });
            let refused = api.patch(&group, "*", &body).await;
            // In a patch null removes; that leaves no name, or nothing wrong.
            assert!(matches!(refused.status, 200 | 400), "{body} {refused:?}");
        }
    }
    let large = json!({ "name": "x".repeat(10_000_000) });
    api.post("/groups", &large).await.problem(413, "too-large");
    for id in ["grp_x", "usr_000000000000000000000000000000ab", "%00", "..%2f", "%ff"] {
        api.get(&format!("/groups/{id}")).await.problem(404, "not-found");
    }
    let mut after = server.row_counts().await;
    for counted in ["refusals", "audit_events", "changes"] {
        after.insert(counted.into(), before[counted]);
    }
    assert_eq!(before, after);
}

async fn changes_are_audited(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let group = api.create("/groups", &json!({ "name": "Team" })).await;
    let user = api.create("/users", &json!({})).await;
    let member = format!("{group}/members/{}", user.trim_start_matches("/users/"));
    for _ in 0..2 {
        api.put(&member, &json!({})).await.expect(204);
    }
    api.patch(&group, "*", &json!({ "name": "Crew" })).await.expect(200);
    api.delete(&member, "").await.expect(204);
    api.delete(&group, "*").await.expect(204);
    let events = server
        .rows::<(String,)>(
            "SELECT kind FROM audit_events WHERE target_kind = 'group' AND actor_kind = 'api_key' \
             ORDER BY at, id",
        )
        .await;
    let kinds: Vec<&str> = events.iter().map(|(kind,)| kind.as_str()).collect();
    let wanted = [
        "group.created",
        "group.member_added",
        "group.updated",
        "group.member_removed",
        "group.deleted",
    ];
    assert_eq!(kinds, wanted);
}

async fn a_user_is_in_a_bounded_number(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let user = api.create("/users", &json!({})).await;
    let user = user.trim_start_matches("/users/");
    let mut groups = Vec::new();
    for n in 0..201 {
        groups.push(api.create("/groups", &json!({ "name": format!("{n}") })).await);
    }
    let join = async |group: &str| api.put(&format!("{group}/members/{user}"), &json!({})).await;
    let (last, most) = groups.split_last().expect("there are some");
    for group in most {
        join(group).await.expect(204);
    }
    join(last).await.problem(409, "limit-reached");
    join(&most[0]).await.expect(204);
    assert_eq!(server.number("SELECT COUNT(*) FROM group_members").await, 200);
    api.delete(&format!("{}/members/{user}", most[0]), "").await.expect(204);
    join(last).await.expect(204);
}
