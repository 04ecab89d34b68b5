//! Policies: drafts, what is wrong with them, versions, going back, and what a draft would change.

use std::time::Duration;

use harness::{Server, both};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::Pdp;
use crate::admin::support::Answer;

both!(
    versions_are_kept_and_can_hold_again,
    what_is_wrong_is_told_with_its_place,
    strict_tenants_hold_everything_to_the_schema,
    a_draft_is_tried_on_what_was_decided,
    decisions_are_logged_and_add_up,
    decisions_have_receipts,
    what_an_organization_has_goes_with_it,
);

const SCHEMA: &str = r#"
entity Paper = { level: Long, owner: User };
entity Robot = { level: Long };
action read, write appliesTo { principal: [User, Robot], resource: Paper, context: { mfa?: Bool } };
"#;

fn reads(level: &str) -> Value {
    let text = format!(
        "@id(\"reads\") permit (principal, action == Action::\"read\", resource)\n\
         when {{ resource.level <= {level} }};"
    );
    json!({ "policies": { "a.cedar": text } })
}

fn question(id: &str, level: i64) -> Value {
    json!({
        "principal": { "type": "robot", "id": "r" },
        "action": "read",
        "resource": { "type": "paper", "id": id, "properties": { "level": level } },
    })
}

async fn versions_are_kept_and_can_hold_again(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let may = async |level: i64| {
        let answer = pdp.ask("/authz/decide", &question("p", level)).await.expect(200);
        answer["decision"] == "allow"
    };
    assert!(!may(1).await, "nothing is permitted without policies");
    let first = reads("1");
    assert_eq!(pdp.activate(&first).await, 1);
    assert!(may(1).await && !may(2).await);
    // A draft without policies starts as what holds.
    let draft = pdp.api.post("/policies/drafts", &json!({ "name": "More" })).await.expect(201);
    assert_eq!((&draft["based_on"], &draft["policies"]), (&json!(1), &first["policies"]));
    let id = draft["id"].as_str().expect("an id");
    let path = format!("/policies/drafts/{id}");
    let changed = pdp.api.patch(&path, "\"v1\"", &reads("2")).await;
    assert_eq!(changed.header("etag"), "\"v2\"");
    assert!(!may(2).await, "a draft decides nothing");
    pdp.start(id, "\"v1\"").await.problem(412, "version-mismatch");
    let done = pdp.start(id, "\"v2\"").await.expect(200);
    assert_eq!((&done["number"], &done["before"]), (&json!(2), &json!(1)));
    assert!(may(2).await, "what was activated holds when it is answered");
    pdp.api.get(&path).await.problem(404, "not-found");
    let versions = pdp.api.get("/policies/versions").await.expect(200);
    let list: Vec<_> = versions["items"].as_array().expect("a list").iter().collect();
    assert_eq!((&list[0]["number"], &list[0]["active"]), (&json!(2), &json!(true)));
    assert_eq!((&list[1]["number"], &list[1]["actor"]["kind"]), (&json!(1), &json!("api_key")));
    let diff = pdp.api.get("/policies/versions/2/diff").await.expect(200);
    assert!(diff.to_string().contains("reads"), "{diff}");
    let back = pdp.api.request(Method::POST, "/policies/versions/1/activate");
    let back = Answer::of(back).await.expect(200);
    assert_eq!((&back["number"], &back["before"]), (&json!(1), &json!(2)));
    assert!(!may(2).await && may(1).await);
    let state = pdp.api.get("/policies").await.expect(200);
    assert_eq!((&state["active"], &state["snapshot_version"]), (&json!(1), &json!(3)));
    let none = pdp.api.request(Method::POST, "/policies/versions/9/activate");
    Answer::of(none).await.problem(404, "not-found");
}

async fn what_is_wrong_is_told_with_its_place(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{ mode: strict }").await;
    for (bundle, place) in [
        (
            json!({ "schema": SCHEMA, "policies": { "a.cedar": "permit (principal, action, resource" } }),
            "a.cedar:1:",
        ),
        (
            json!({ "schema": SCHEMA, "policies": {
                "a.cedar": "@id(\"x\")\npermit (principal, action == Action::\"raed\", resource);" } }),
            "a.cedar:2:",
        ),
        (
            json!({ "schema": SCHEMA, "policies": {
                "a.cedar": "@id(\"x\") permit (principal, action == Action::\"read\", resource)\nwhen { resource.levle > 1 };" } }),
            "a.cedar:2:",
        ),
        (json!({ "schema": "entity Paper = {", "policies": {} }), "schema:1:"),
        (json!({ "policies": { "a.cedar": "permit (principal, action, resource);" } }), "schema"),
    ] {
        let draft = pdp.api.post("/policies/drafts", &bundle).await.expect(201);
        let id = draft["id"].as_str().expect("an id");
        let path = format!("/policies/drafts/{id}/validate");
        let found = pdp.api.request(Method::POST, &path);
        let found = Answer::of(found).await.expect(200);
        assert_eq!(found["valid"], false, "{bundle}");
        let places = pdp.start(id, "\"v1\"").await.problem(422, "invalid-policies");
        assert!(places.iter().any(|p| p.starts_with(place)), "{bundle}: {places:?} {found}");
    }
    // Nothing was activated, not even half of it.
    assert_eq!(pdp.api.get("/policies").await.expect(200)["active"], Value::Null);
}

async fn strict_tenants_hold_everything_to_the_schema(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{ mode: strict }").await;
    let policy =
        "@id(\"owners\") permit (principal, action, resource) when { principal == resource.owner };
        @id(\"robots\") permit (principal is Robot, action == Action::\"read\", resource)
        when { resource.level <= principal.level };";
    pdp.activate(&json!({ "schema": SCHEMA, "policies": { "a.cedar": policy } })).await;
    let bad = json!({ "put": [{ "type": "Paper", "id": "1", "attrs": { "level": "high" } }] });
    let places = pdp.api.post("/entities/bulk", &bad).await.problem(400, "invalid-request");
    assert!(places.iter().any(|p| p.contains("put[0].attrs")), "{places:?}");
    let unknown = json!({ "put": [{ "type": "Spaceship", "id": "1" }] });
    pdp.api.post("/entities/bulk", &unknown).await.problem(400, "invalid-request");
    let user = pdp.api.post("/users", &json!({ "name": "Ada" })).await.expect(201);
    let user = user["id"].as_str().expect("an id");
    pdp.put(&json!([
        { "type": "Paper", "id": "1", "attrs": { "level": 2, "owner": { "type": "User", "id": user } } },
        { "type": "Robot", "id": "r", "attrs": { "level": 1 } },
    ]))
    .await;
    let ask = |principal: (&str, &str), action: &str, context: Value| {
        json!({
            "principal": { "type": principal.0, "id": principal.1 },
            "action": action,
            "resource": { "type": "Paper", "id": "1" },
            "context": context,
        })
    };
    for (body, decision) in [
        (ask(("User", user), "write", json!({})), "allow"),
        (ask(("Robot", "r"), "read", json!({ "mfa": true })), "deny"),
    ] {
        assert_eq!(pdp.ask("/authz/decide", &body).await.expect(200)["decision"], decision);
    }
    for body in [
        ask(("Spaceship", "x"), "read", json!({})),
        ask(("User", user), "fly", json!({})),
        ask(("User", user), "read", json!({ "mfa": "yes" })),
        ask(("User", user), "read", json!({ "other": 1 })),
        ask(("Paper", "1"), "read", json!({})),
    ] {
        let paths = pdp.ask("/authz/decide", &body).await.problem(400, "invalid-request");
        assert!(!paths.is_empty(), "{body}");
    }
    // Who is deactivated may nothing, whatever the tenant's policies say.
    let path = format!("/users/{user}");
    pdp.api.patch(&path, "\"v1\"", &json!({ "active": false })).await.expect(200);
    let stopped = ask(("User", user), "write", json!({}));
    let stopped = pdp.ask("/authz/decide", &stopped).await.expect(200);
    assert_eq!(stopped["decision"], "deny");
    assert_eq!(stopped["policies"][0]["layer"], "guardrails");
    // What comes along cannot make it active again.
    let mut forged = ask(("User", user), "write", json!({}));
    forged["principal"]["properties"] = json!({ "active": true });
    assert_eq!(pdp.ask("/authz/decide", &forged).await.expect(200)["decision"], "deny");
}

async fn a_draft_is_tried_on_what_was_decided(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    pdp.activate(&reads("2")).await;
    for level in 0..5 {
        pdp.ask("/authz/decide", &question(&format!("p{level}"), level)).await.expect(200);
    }
    logged(&pdp, 5).await;
    let draft = pdp.api.post("/policies/drafts", &reads("1")).await.expect(201);
    let path = format!("/policies/drafts/{}/replay", draft["id"].as_str().expect("an id"));
    let started = pdp.api.post(&path, &json!({})).await.expect(202);
    assert_eq!(started["total"], 5);
    let path = format!("/policies/replays/{}", started["id"].as_str().expect("an id"));
    let done = wait(async || {
        let replay = pdp.api.get(&path).await.expect(200);
        (replay["state"] != "running").then_some(replay)
    })
    .await;
    assert_eq!((&done["state"], &done["done"]), (&json!("done"), &json!(5)), "{done}");
    let report = &done["report"];
    assert_eq!((&report["same"], &report["newly_denied"]), (&json!(4), &json!(1)));
    let group = &report["groups"][0];
    assert_eq!((&group["change"], &group["policies"]), (&json!("newly_denied"), &json!(["reads"])));
    assert_eq!(group["examples"][0]["resource"], "paper::\"p2\"");
    // Nothing of that was logged, and nothing holds that did not.
    logged(&pdp, 5).await;
    assert_eq!(pdp.api.get("/policies").await.expect(200)["active"], 1);
    let wrong = json!({ "from": "yesterday" });
    pdp.api.post(&path.replace("replays", "drafts"), &wrong).await.problem(404, "not-found");
}

async fn decisions_are_logged_and_add_up(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let two = "@id(\"reads\") permit (principal, action == Action::\"read\", resource) when { resource.level <= 2 };
        @id(\"idle\") permit (principal, action == Action::\"fly\", resource);";
    pdp.activate(&json!({ "policies": { "a.cedar": two } })).await;
    for level in [1, 2, 3, 4] {
        pdp.ask("/authz/decide", &question("p", level)).await.expect(200);
    }
    let list = logged(&pdp, 4).await;
    let one = &list["items"][0];
    assert_eq!((&one["principal"], &one["action"]), (&json!("robot::\"r\""), &json!("read")));
    assert_eq!((&one["snapshot_version"], &one["context"]), (&json!(1), &json!({})));
    let stats = pdp.api.get("/decisions/stats").await.expect(200);
    assert_eq!((&stats["allowed"], &stats["denied"]), (&json!(2), &json!(2)), "{stats}");
    assert_eq!(stats["policies"][0]["policy"], "reads");
    assert_eq!((&stats["never"], &stats["by_default"]), (&json!(["idle"]), &json!(2)));
    assert_eq!(stats["refused_most"], json!([{ "principal": "robot::\"r\"", "denied": 2 }]));
    // They are forgotten after the days that the tenant says.
    server.advance(Duration::from_secs(31 * 86_400)).await;
    wait(async || {
        let left = server.number("SELECT COUNT(*) FROM decisions").await;
        (left == 0).then_some(())
    })
    .await;
    for path in ["/decisions?from=x", "/decisions/stats?to=2026-01-01", "/decisions?limit=0"] {
        pdp.api.get(path).await.problem(400, "invalid-request");
    }
}

/// Receipts count every decision, logged or not.
async fn decisions_have_receipts(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{ log: { percent: 0 } }").await;
    for level in 0..7 {
        pdp.ask("/authz/decide", &question("p", level)).await.expect(200);
    }
    let counted = "SELECT CAST(COALESCE(SUM(quantity), 0) AS bigint) FROM usage_hourly \
         WHERE dimension = 'decision.made'";
    wait(async || (server.number(counted).await == 7).then_some(())).await;
    let receipts = counted.replace("usage_hourly", "receipts");
    assert_eq!(server.number(&receipts).await, 7);
    assert_eq!(server.number("SELECT COUNT(*) FROM decisions").await, 0);
}

async fn what_an_organization_has_goes_with_it(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let path = pdp.api.create("/organizations", &json!({ "name": "Globex" })).await;
    let organization = path.trim_start_matches("/organizations/").to_owned();
    pdp.activate(&reads("9")).await;
    let stop = json!({ "organization": organization,
        "policies": { "o.cedar": "forbid (principal, action, resource);" } });
    pdp.activate(&stop).await;
    pdp.api.post("/policies/drafts", &stop).await.expect(201);
    let parent = json!({ "type": "Organization", "id": organization });
    pdp.put(&json!([{ "type": "paper", "id": "p", "attrs": { "level": 1 }, "parents": [parent] }]))
        .await;
    let may = async || {
        let answer = pdp.ask("/authz/decide", &question("p", 1)).await.expect(200);
        answer["decision"] == "allow"
    };
    assert!(!may().await);
    pdp.api.delete(&path, "\"v1\"").await.expect(204);
    assert!(may().await, "they hold no longer");
    let of = format!("organization={organization}");
    pdp.api.get(&format!("/policies?{of}")).await.problem(400, "invalid-request");
    let back = format!("/policies/versions/1/activate?{of}");
    let back = Answer::of(pdp.api.request(Method::POST, &back)).await;
    assert!((400..500).contains(&back.status), "{back:?}");
    let left =
        async |table: &str| server.number(&format!("SELECT COUNT(*) FROM policy_{table}")).await;
    wait(async || {
        let all = (left("drafts").await, left("versions").await, left("state").await);
        (all == (0, 1, 1)).then_some(())
    })
    .await;
}

/// The log, when it has this many decisions.
pub(super) async fn logged(pdp: &Pdp<'_>, count: usize) -> Value {
    wait(async || {
        let list = pdp.api.get("/decisions").await.expect(200);
        (list["items"].as_array().expect("a list").len() == count).then_some(list)
    })
    .await
}

/// Waits for what happens a little later.
pub(super) async fn wait<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it did not happen");
}
