//! `/api/v1/entities`

use std::fmt::Write as _;

use harness::{Server, both};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Api, tenants};

both!(
    an_entity_lives_and_ends,
    ids_are_any_text_that_shows,
    many_are_written_or_none,
    nothing_comes_to_be_in_itself,
    bad_input_is_told_and_nothing_is_written,
    lists_are_walked_by_cursors,
    changes_are_audited_and_told,
);

/// The path of an entity, every byte of its id encoded.
fn path(kind: &str, id: &str) -> String {
    id.bytes().fold(format!("/entities/{kind}/"), |mut path, byte| {
        let _ = write!(path, "%{byte:02X}");
        path
    })
}

fn refer(kind: &str, id: &str) -> Value {
    json!({ "type": kind, "id": id })
}

async fn an_entity_lives_and_ends(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let place = "/entities/Crm::Document/roadmap";
    let new = json!({
        "attrs": {
            "public": false,
            "owner": refer("User", "usr_000000000000000000000000000000ab"),
            "price": { "__extn": { "fn": "decimal", "arg": "1.50" } },
            "labels": ["a", "b"],
            "size": { "pages": 7 },
        },
        "parents": [refer("Folder", "plans"), refer("Organization", "org_x")],
        "tags": { "lang": "en" },
    });
    api.get(place).await.problem(404, "not-found");
    let made = api.put(place, &new).await;
    assert_eq!(made.header("etag"), "\"v1\"");
    let made = made.expect(201);
    assert_eq!((&made["type"], &made["id"]), (&json!("Crm::Document"), &json!("roadmap")));
    for name in ["attrs", "parents", "tags"] {
        assert_eq!(made[name], new[name]);
    }
    assert_eq!(api.get(place).await.expect(200), made);
    assert_eq!(api.get("/entities/Crm%3A%3ADocument/road%6Dap").await.expect(200), made);
    let unchanged = api.request(Method::GET, place).header("if-none-match", "\"v1\"");
    assert_eq!(Answer::of(unchanged).await.status, 304);
    // Types and ids are compared as they are written.
    for other in ["/entities/crm::Document/roadmap", "/entities/Crm::Document/Roadmap"] {
        api.get(other).await.problem(404, "not-found");
    }

    let patch = json!({ "attrs": { "public": true, "size": null, "labels": ["c"] }, "tags": null });
    let after = api.patch(place, "\"v1\"", &patch).await.expect(200);
    assert_eq!(after["attrs"].as_object().map(serde_json::Map::len), Some(4));
    assert_eq!((&after["attrs"]["labels"], &after["tags"]), (&json!(["c"]), &json!({})));
    assert_eq!((&after["parents"], &after["version"]), (&new["parents"], &json!(2)));
    api.patch(place, "\"v1\"", &patch).await.problem(412, "version-mismatch");

    let with = |etag: &str, path: &str| {
        Answer::of(api.request(Method::PUT, path).header("if-match", etag).json(&json!({})))
    };
    with("\"v1\"", place).await.problem(412, "version-mismatch");
    with("*", "/entities/Crm::Document/other").await.problem(412, "version-mismatch");
    let replaced = with("\"v2\"", place).await.expect(200);
    assert_eq!((&replaced["attrs"], &replaced["version"]), (&json!({}), &json!(3)));
    assert_eq!(replaced["created_at"], made["created_at"]);
    let named = json!({ "type": "Crm::Document", "id": "roadmap", "attrs": { "n": 1 } });
    assert_eq!(api.put(place, &named).await.expect(200)["version"], 4);

    Answer::of(api.request(Method::DELETE, place)).await.problem(428, "version-required");
    api.delete(place, "\"v3\"").await.problem(412, "version-mismatch");
    api.delete(place, "\"v4\"").await.expect(204);
    api.delete(place, "*").await.problem(404, "not-found");
}

async fn ids_are_any_text_that_shows(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let ids = [
        "a\"b",
        "a\\b",
        "a/b",
        "../up",
        "%2F",
        "a+b",
        "a b",
        " ",
        "ä",
        "a\u{308}",
        "\u{202e}gnp",
        "ﬁ",
        "fi",
        "💩",
        "O'Brien; DROP TABLE objects",
        "{id}",
        "?x=1#y",
        "::",
        "x\u{200b}",
    ];
    for (n, id) in ids.into_iter().enumerate() {
        let place = path("Doc", id);
        let made = api.put(&place, &json!({ "attrs": { "n": n } })).await.expect(201);
        assert_eq!(made["id"], id);
    }
    for (n, id) in ids.into_iter().enumerate() {
        let read = api.get(&path("Doc", id)).await.expect(200);
        assert_eq!((&read["id"], &read["attrs"]["n"]), (&json!(id), &json!(n)), "{id}");
    }
    let mut sorted = ids;
    sorted.sort_unstable();
    let wanted: Vec<Value> = sorted.iter().map(|id| json!(id)).collect();
    assert_eq!(api.walk("/entities?type=Doc", 4, "id").await, wanted);
    for id in ids {
        api.delete(&path("Doc", id), "\"v1\"").await.expect(204);
    }
    let long = "x".repeat(512);
    api.put(&path("Doc", &long), &json!({})).await.expect(201);
    for wrong in ["a\nb", "\0", "\u{7f}", "\u{85}", &format!("{long}x")] {
        let refused = api.put(&path("Doc", wrong), &json!({})).await;
        assert_eq!(refused.problem(400, "invalid-request"), ["id"], "{wrong:?}");
        let refused = api.get(&path("Doc", wrong)).await;
        assert_eq!(refused.problem(400, "invalid-request"), ["id"], "{wrong:?}");
    }
    // Not UTF-8, and no encoding: these are not some other id.
    for (wrong, at) in [("/Doc/%FF", "id"), ("/Doc/a%zz", "id"), ("/D%FF/a", "type")] {
        let refused = api.put(&format!("/entities{wrong}"), &json!({})).await;
        assert_eq!(refused.problem(400, "invalid-request"), [at], "{wrong}");
    }
    for wrong in ["9a", "a%20b", "Action", "a::Action", "if", "__cedar", "a:b", "D%C3%B6c"] {
        let refused = api.put(&format!("/entities/{wrong}/x"), &json!({})).await;
        assert_eq!(refused.problem(400, "invalid-request"), ["type"], "{wrong}");
    }
    // What the platform knows, nobody says something else about.
    for platform in ["User", "Group", "Role", "Organization", "Application", "Session"] {
        for refused in [
            api.put(&format!("/entities/{platform}/x"), &json!({})).await,
            api.get(&format!("/entities/{platform}/x")).await,
            api.delete(&format!("/entities/{platform}/x"), "*").await,
        ] {
            assert_eq!(refused.problem(400, "invalid-request"), ["type"]);
            let message = refused.body["errors"][0]["message"].as_str().expect("a message");
            assert!(message.starts_with(platform), "{message}");
        }
    }
    let left = api.walk("/entities", 9, "id").await;
    assert_eq!(left, [json!(long)]);
}

async fn many_are_written_or_none(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let bulk = async |body: Value| api.post("/entities/bulk", &body).await;
    let doc = |n: usize| json!({ "type": "Doc", "id": n.to_string(), "attrs": { "n": n } });
    let put: Vec<Value> = (0..1_000).map(doc).collect();
    let done = bulk(json!({ "put": put })).await.expect(200);
    assert_eq!(done, json!({ "written": 1_000, "deleted": 0 }));
    // In one request parents come after what is in them.
    let put = json!([
        { "type": "Doc", "id": "0", "parents": [refer("Folder", "a")] },
        { "type": "Folder", "id": "a", "parents": [refer("Folder", "b")] },
        { "type": "Folder", "id": "b" },
    ]);
    let delete: Vec<Value> = (990..1_100).map(|n| refer("Doc", &n.to_string())).collect();
    let done = bulk(json!({ "put": put, "delete": delete })).await.expect(200);
    assert_eq!(done, json!({ "written": 3, "deleted": 10 }));
    assert_eq!(api.get("/entities/Doc/0").await.expect(200)["version"], 2);
    api.get("/entities/Doc/990").await.problem(404, "not-found");
    assert_eq!(bulk(json!({})).await.expect(200), json!({ "written": 0, "deleted": 0 }));

    let before = server.row_counts().await;
    let many: Vec<Value> = (0..1_001).map(|n| refer("X", &n.to_string())).collect();
    let good = refer("X", "good");
    for (body, wanted) in [
        (json!({ "put": many }), vec![""]),
        (json!({ "delete": many }), vec![""]),
        (json!({ "put": [good, refer("User", "x")] }), vec!["put[1].type"]),
        (json!({ "put": [good, { "id": "x" }] }), vec!["put[1]"]),
        (json!({ "put": [good, good] }), vec!["put[1]"]),
        (json!({ "put": [good], "delete": [good] }), vec!["delete[0]"]),
        (json!({ "delete": [good, refer("Role", "a\n")] }), vec!["delete[1].type", "delete[1].id"]),
        (
            json!({ "put": [good, { "type": "X", "id": "y", "attrs": { "a": null } }] }),
            vec!["put[1].attrs.a"],
        ),
        (
            json!({ "put": [good, { "type": "X", "id": "y", "parents": [{ "type": "Y" }] }] }),
            vec!["put[1].parents[0]"],
        ),
        (json!({ "put": {} }), vec!["put"]),
        (json!({ "upsert": [] }), vec!["upsert"]),
    ] {
        let refused = bulk(body).await;
        assert_eq!(refused.problem(400, "invalid-request"), wanted);
    }
    let wrong: Vec<Value> = (0..1_000).map(|n| refer("9", &n.to_string())).collect();
    let refused = bulk(json!({ "put": wrong })).await.problem(400, "invalid-request");
    assert!((20..100).contains(&refused.len()), "{}", refused.len());
    let large =
        json!({ "put": [{ "type": "X", "id": "x", "attrs": { "a": "x".repeat(10_000_000) } }] });
    bulk(large).await.problem(413, "too-large");
    let mut after = server.row_counts().await;
    after.insert("refusals".into(), before["refusals"]);
    assert_eq!(before, after);
}

async fn nothing_comes_to_be_in_itself(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let within = |parent: &str| json!({ "parents": [refer("F", parent)] });
    let selfish = api.put("/entities/F/a", &within("a")).await;
    assert_eq!(selfish.problem(400, "invalid-request"), ["parents[0]"]);
    // The parent need not be there.
    api.put("/entities/F/a", &within("b")).await.expect(201);
    api.put("/entities/F/b", &within("c\"")).await.expect(201);
    let cycle = api.put(&path("F", "c\""), &within("a")).await;
    assert_eq!(cycle.problem(400, "invalid-request"), ["parents"]);
    let message = cycle.body["errors"][0]["message"].as_str().expect("a message");
    let wanted = r#"F::"c\"" is in F::"a" is in F::"b" is in F::"c\"""#;
    assert!(message.ends_with(wanted), "{message}");
    api.put(&path("F", "c\""), &json!({})).await.expect(201);
    let cycle = api.patch(&path("F", "c\""), "*", &within("b")).await;
    assert_eq!(cycle.problem(400, "invalid-request"), ["parents"]);
    // By several writes of one request; and not when the same request takes the way apart.
    let put =
        |id: &str, parent: &str| json!({ "type": "F", "id": id, "parents": [refer("F", parent)] });
    let both = json!({ "put": [put("x", "y"), put("y", "x")] });
    let cycle = api.post("/entities/bulk", &both).await;
    assert_eq!(cycle.problem(400, "invalid-request"), ["put[0].parents"]);
    let apart = json!({ "put": [put("c\"", "a")], "delete": [refer("F", "b")] });
    api.post("/entities/bulk", &apart).await.expect(200);
    let again = api.put("/entities/F/b", &within("c\"")).await;
    assert_eq!(again.problem(400, "invalid-request"), ["parents"]);
    let turned = json!({ "put": [put("b", "c\""), put("a", "z")] });
    api.post("/entities/bulk", &turned).await.expect(200);

    // 1,000 above one is the most.
    let chain: Vec<Value> =
        (0..999).map(|n| put(&format!("n{n}"), &format!("n{}", n + 1))).collect();
    api.post("/entities/bulk", &json!({ "put": chain })).await.expect(200);
    api.put("/entities/F/low", &within("n0")).await.expect(201);
    let refused = api.put("/entities/F/lower", &within("low")).await;
    assert_eq!(refused.problem(400, "invalid-request"), ["parents"]);
    api.put("/entities/F/lower", &within("n0")).await.expect(201);
    let top = api.put("/entities/F/n999", &within("n0")).await;
    assert_eq!(top.problem(400, "invalid-request"), ["parents"]);
    // Two that would be a cycle together, at the same time: one of them is refused.
    let in_one = json!({ "parents": [refer("G", "1")] });
    let in_two = json!({ "parents": [refer("G", "2")] });
    let (one, two) =
        tokio::join!(api.put("/entities/G/1", &in_two), api.put("/entities/G/2", &in_one));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
}

async fn bad_input_is_told_and_nothing_is_written(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    api.put("/entities/Doc/a", &json!({})).await.expect(201);
    let before = server.row_counts().await;
    let parents: Vec<Value> = (0..101).map(|n| refer("F", &n.to_string())).collect();
    let mut deep = json!(1);
    for _ in 0..9 {
        deep = json!([deep]);
    }
    for (body, wanted) in [
        (json!({ "id": "c" }), "id"),
        (json!({ "type": "Other" }), "type"),
        (json!({ "attributes": {} }), "attributes"),
        (json!({ "attrs": [] }), "attrs"),
        (json!({ "attrs": { "a": { "b": null } } }), "attrs.a.b"),
        (json!({ "attrs": { "a": 0.1 } }), "attrs.a"),
        (json!({ "attrs": { "a": 9_223_372_036_854_775_808_u64 } }), "attrs.a"),
        (json!({ "attrs": { "a": refer("a b", "x") } }), "attrs.a"),
        (json!({ "attrs": { "a": { "__expr": "User::\"x\"" } } }), "attrs.a"),
        (json!({ "attrs": { "a": "x".repeat(17_000) } }), "attrs"),
        (json!({ "attrs": { "a": deep } }), "attrs.a[0][0][0][0][0][0][0]"),
        (json!({ "tags": { "a": null } }), "tags.a"),
        (json!({ "parents": parents }), "parents"),
        (json!({ "parents": [refer("F", "1"), refer("F", "1")] }), "parents[1]"),
        (json!({ "parents": [refer("F", "")] }), "parents[0].id"),
        (json!({ "parents": [refer("F\n", "a")] }), "parents[0].type"),
        (json!({ "parents": [{ "type": "F", "id": "1", "x": 1 }] }), "parents[0].x"),
        (json!({ "parents": ["F::\"1\""] }), "parents[0]"),
        (json!([]), ""),
    ] {
        for refused in [
            api.put("/entities/Doc/b", &body).await,
            api.patch("/entities/Doc/a", "*", &body).await,
        ] {
            // In a patch null removes.
            if refused.status == 200 && body.to_string().contains("null") {
                continue;
            }
            let shown: String = body.to_string().chars().take(80).collect();
            let paths = refused.problem(400, "invalid-request");
            let other_name = matches!(wanted, "id" | "type");
            assert!(paths == [wanted] || other_name, "{shown} {paths:?}");
        }
    }
    let twice =
        api.request(Method::PUT, "/entities/Doc/b").header("content-type", "application/json");
    let twice = Answer::of(twice.body(r#"{"attrs":{"a":1,"a":2}}"#)).await;
    assert_eq!(twice.problem(400, "invalid-request"), ["attrs.a"]);
    let large = json!({ "attrs": { "a": "x".repeat(10_000_000) } });
    api.put("/entities/Doc/b", &large).await.problem(413, "too-large");
    for query in ["type=%00", "type=a%20b", "type=", "type=A&type=B", "kind=A", "cursor=AAAA"] {
        api.get(&format!("/entities?{query}")).await.problem(400, "invalid-request");
    }
    let mut after = server.row_counts().await;
    for counted in ["refusals", "audit_events", "changes"] {
        after.insert(counted.into(), before[counted]);
    }
    assert_eq!(before, after);
}

async fn lists_are_walked_by_cursors(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    for kind in ["Doc", "Dob", "Doc2"] {
        let put: Vec<Value> = (0..450).map(|n| refer(kind, &format!("{n:03}"))).collect();
        api.post("/entities/bulk", &json!({ "put": put })).await.expect(200);
    }
    let ids: Vec<Value> = (0..450).map(|n| json!(format!("{n:03}"))).collect();
    assert_eq!(api.walk("/entities?type=Doc", 200, "id").await, ids);
    let all = [ids.clone(), ids.clone(), ids].concat();
    assert_eq!(api.walk("/entities", 200, "id").await, all);
    assert_eq!(api.get("/entities?type=Doc3").await.expect(200), json!({ "items": [] }));
    // A cursor is of its list, and of its tenant.
    let page = api.get("/entities?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().expect("there are more");
    let other = api.get(&format!("/groups?cursor={cursor}")).await;
    assert_eq!(other.problem(400, "invalid-request"), ["cursor"]);
    let globex = Api::new(server, "globex", &["admin"]).await;
    let other = globex.get(&format!("/entities?cursor={cursor}")).await;
    assert_eq!(other.problem(400, "invalid-request"), ["cursor"]);
}

async fn changes_are_audited_and_told(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let before = server.number("SELECT COUNT(*) FROM changes WHERE topic = 'entities'").await;
    api.put("/entities/Doc/a", &json!({})).await.expect(201);
    api.patch("/entities/Doc/a", "*", &json!({ "attrs": { "a": 1 } })).await.expect(200);
    api.delete("/entities/Doc/a", "*").await.expect(204);
    let put = json!([refer("Doc", "a"), refer("Doc", "b"), refer("F", "a")]);
    let body = json!({ "put": put, "delete": [refer("G", "a")] });
    api.post("/entities/bulk", &body).await.expect(200);
    let text = if server.database.is_some() { "data::text" } else { "data" };
    let events = server
        .rows::<(String, String)>(&format!(
            "SELECT kind, {text} FROM audit_events WHERE kind LIKE 'entity.%' ORDER BY at, id"
        ))
        .await;
    let events: Vec<(&str, Value)> = events
        .iter()
        .map(|(kind, data)| (kind.as_str(), serde_json::from_str(data).expect("JSON")))
        .collect();
    let one = json!({ "entity": refer("Doc", "a") });
    let wanted = [
        ("entity.written", one.clone()),
        ("entity.written", one.clone()),
        ("entity.deleted", one),
        ("entity.written", json!({ "types": { "Doc": 2, "F": 1 } })),
        ("entity.deleted", json!({ "types": { "G": 1 } })),
    ];
    assert_eq!(events, wanted);
    let told = "SELECT COUNT(*) FROM changes WHERE topic = 'entities'";
    assert_eq!(server.number(told).await - before, 6);
    let key = "SELECT COUNT(*) FROM changes WHERE key LIKE 'Doc%a' AND topic = 'entities'";
    assert_eq!(server.number(key).await, 4);
}
