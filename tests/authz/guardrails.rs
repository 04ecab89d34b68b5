//! The operator's guardrails: above the policies of every tenant, wherever those decide.

use std::process::Command;

use harness::clients::{bailiwick, root};
use harness::{Options, Server, both};
use serde_json::{Value, json};

use super::support::Pdp;
use crate::oauth::support::claims;

both!(Options::default().with("BAILIWICK_GUARDRAILS_FILE", example()) =>
    the_operator_forbids_what_tenants_permit,
    a_draft_is_tried_below_them,
);

const ALL: &str = "@id(\"all\") permit (principal, action, resource);";

fn example() -> String {
    root().join("examples/policies/guardrails.cedar").display().to_string()
}

fn paper(id: &str) -> Value {
    json!({ "type": "paper", "id": id })
}

async fn the_operator_forbids_what_tenants_permit(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    pdp.activate(&json!({ "policies": { "a.cedar": ALL } })).await;
    let organization = pdp.api.create("/organizations", &json!({ "name": "Globex" })).await;
    let organization = organization.rsplit('/').next().expect("an id").to_owned();
    let theirs = json!({ "organization": organization, "policies": { "o.cedar": ALL } });
    pdp.activate(&theirs).await;
    let theirs = json!([{ "type": "Organization", "id": organization }]);
    pdp.put(&json!([
        { "type": "person", "id": "ann" },
        { "type": "box", "id": "cold", "attrs": { "frozen": true } },
        { "type": "paper", "id": "1", "attrs": { "frozen": false } },
        { "type": "paper", "id": "2", "attrs": { "frozen": true }, "parents": theirs },
        { "type": "paper", "id": "3", "attrs": { "folder": { "type": "box", "id": "cold" } } },
        { "type": "paper", "id": "4" },
    ]))
    .await;
    let ann = json!({ "type": "person", "id": "ann" });
    let read = json!({ "name": "read" });
    for (id, expected) in [
        ("1", json!([["all", "tenant"]])),
        ("2", json!([["guardrail:frozen", "guardrails"]])),
        ("3", json!([["guardrail:frozen-folder", "guardrails"]])),
    ] {
        let body = json!({ "principal": ann, "action": "read", "resource": paper(id) });
        let decided = pdp.ask("/authz/decide", &body).await.expect(200);
        let reasons = decided["policies"].as_array().expect("reasons").iter();
        let reasons: Vec<_> = reasons.map(|p| json!([p["id"], p["layer"]])).collect();
        assert_eq!(json!(reasons), expected, "{id}: {decided}");
        let body = json!({ "subject": ann, "action": read, "resource": paper(id) });
        let decided = pdp.ask("/access/v1/evaluation", &body).await.expect(200);
        assert_eq!(decided["decision"], id == "1", "{decided}");
    }
    let each: Vec<_> =
        ["1", "2", "3", "4"].iter().map(|id| json!({ "resource": paper(id) })).collect();
    let body = json!({ "subject": ann, "action": read, "evaluations": each });
    let batch = pdp.ask("/access/v1/evaluations", &body).await.expect(200);
    let batch = batch["evaluations"].as_array().expect("decisions").iter();
    let batch: Vec<_> = batch.map(|one| one["decision"].as_bool().expect("yes or no")).collect();
    assert_eq!(batch, [true, false, false, true]);
    // Without the guardrails everything would be said of all at once.
    for (what, body, expected) in [
        (
            "resource",
            json!({ "subject": ann, "action": read, "resource": { "type": "paper" } }),
            json!(["1", "4"]),
        ),
        (
            "subject",
            json!({ "subject": { "type": "person" }, "action": read, "resource": paper("2") }),
            json!([]),
        ),
        (
            "subject",
            json!({ "subject": { "type": "person" }, "action": read, "resource": paper("3") }),
            json!([]),
        ),
        (
            "subject",
            json!({ "subject": { "type": "person" }, "action": read, "resource": paper("4") }),
            json!(["ann"]),
        ),
    ] {
        let found = pdp.ask(&format!("/access/v1/search/{what}"), &body).await.expect(200);
        let ids: Vec<_> =
            found["results"].as_array().expect("results").iter().map(|r| r["id"].clone()).collect();
        assert_eq!(json!(ids), expected, "{what}: {found}");
    }
    let body = json!({ "principal": ann, "resources": [paper("3")] });
    let token = pdp.ask("/authz/snapshot", &body).await;
    let claims = claims(&json!(token.text));
    let policies = claims["policies"]["staticPolicies"].as_object().expect("policies");
    for id in ["guardrail:inactive-user", "guardrail:frozen", "guardrail:frozen-folder", "all"] {
        assert!(policies.contains_key(id), "{id}");
    }
    let entities = claims["entities"].as_array().expect("entities");
    assert!(entities.iter().any(|e| e["uid"]["id"] == "cold"), "they look that far: {claims}");
    // Nobody can take their place.
    let fake = format!("@id(\"guardrail:frozen\") {}", &ALL[10..]);
    let draft = pdp.api.post("/policies/drafts", &json!({ "policies": { "a.cedar": fake } })).await;
    let draft = draft.expect(201);
    let id = draft["id"].as_str().expect("an id");
    pdp.start(id, "\"v1\"").await.problem(422, "invalid-policies");
}

async fn a_draft_is_tried_below_them(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let ask = |id: &str, frozen: bool| {
        json!({ "principal": { "type": "person", "id": "ann" }, "action": "read",
            "resource": { "type": "paper", "id": id, "properties": { "frozen": frozen } } })
    };
    for (id, frozen) in [("1", true), ("2", false), ("3", true)] {
        let decided = pdp.ask("/authz/decide", &ask(id, frozen)).await.expect(200);
        assert_eq!(decided["decision"], "deny");
    }
    super::policies::logged(&pdp, 3).await;
    let draft = pdp.api.post("/policies/drafts", &json!({ "policies": { "a.cedar": ALL } })).await;
    let draft = draft.expect(201);
    let path = format!("/policies/drafts/{}/replay", draft["id"].as_str().expect("an id"));
    let started = pdp.api.post(&path, &json!({})).await.expect(202);
    let path = format!("/policies/replays/{}", started["id"].as_str().expect("an id"));
    let done = super::policies::wait(async || {
        let replay = pdp.api.get(&path).await.expect(200);
        (replay["state"] != "running").then_some(replay)
    })
    .await;
    let report = &done["report"];
    assert_eq!((&report["same"], &report["newly_allowed"]), (&json!(2), &json!(1)), "{done}");
}

#[test]
fn a_broken_file_stops_the_start_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.cedar");
    std::fs::write(&file, "// Mine.\n  permit (principal, action, resource);\n").expect("written");
    let wanted = format!("{}:2:3: guardrail:", file.display());
    for command in ["check-config", "serve"] {
        let mut run: Command = bailiwick();
        run.arg(command).env("BAILIWICK_GUARDRAILS_FILE", &file);
        run.env("BAILIWICK_DATA_DIR", folder.path()).env("BAILIWICK_LISTEN", "127.0.0.1:0");
        let ended = run.output().expect("it starts");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{command}");
        assert!(told.contains(&wanted) && told.contains("only forbids"), "{command}: {told}");
    }
    assert!(!folder.path().join("bailiwick.db").exists(), "nothing was opened");
}
