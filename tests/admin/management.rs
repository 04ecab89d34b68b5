//! Policies of the management API: what a tenant may replace, and what nobody gets by that.

use harness::{Server, both};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Api, tenants};
use crate::feed::soon;

both!(
    a_tenant_replaces_what_its_roles_may,
    nobody_locks_a_tenant_out,
    only_owners_make_them_hold,
    what_is_wrong_is_told_with_its_place,
    other_nodes_and_other_tenants,
);

const API: &str = "/policies?layer=management";

/// Support lists users, and no more; administrators keep what they have.
const OWN: &str = r#"
@id("support") permit (principal, action == Action::"users.list", resource)
when { principal.roles.contains("support") };
@id("administrators")
permit (principal, action in [Action::"read", Action::"manage"], resource)
when { principal.roles.containsAny(["owner", "admin"]) };
"#;

fn draft(text: &str) -> Value {
    json!({ "layer": "management", "policies": { "own.cedar": text } })
}

/// Drafts policies of the management API and asks for them to hold.
async fn activate(api: &Api<'_>, text: &str) -> Answer {
    let made = api.post("/policies/drafts", &draft(text)).await.expect(201);
    assert_eq!(made["layer"], "management");
    start(api, made["id"].as_str().expect("an id")).await
}

async fn start(api: &Api<'_>, id: &str) -> Answer {
    let path = format!("/policies/drafts/{id}/activate");
    let request = api.request(Method::POST, &path).header("if-match", "*");
    Answer::of(request.json(&json!({}))).await
}

async fn roll_back(api: &Api<'_>, number: i64) -> Answer {
    let path = format!("/policies/versions/{number}/activate?layer=management");
    Answer::of(api.request(Method::POST, &path)).await
}

async fn a_tenant_replaces_what_its_roles_may(server: &Server) {
    tenants(server).await;
    let owner = Api::new(server, "acme", &["owner"]).await;
    let support = Api::new(server, "acme", &["support"]).await;
    let admin = Api::new(server, "acme", &["admin"]).await;
    let custom = Api::new(server, "acme", &["helpdesk"]).await;
    for path in ["/users", "/groups", "/tenant"] {
        support.get(path).await.expect(200);
    }
    custom.get("/users").await.problem(403, "forbidden");
    // A draft without policies starts as what holds.
    let made = owner.post("/policies/drafts", &json!({ "layer": "management" })).await.expect(201);
    let text = made["policies"]["management.cedar"].as_str().expect("those of the binary");
    assert!(text.contains("@id(\"support\")"), "{text}");
    let first = start(&owner, made["id"].as_str().expect("an id")).await.expect(200);
    assert_eq!((&first["layer"], &first["number"]), (&json!("management"), &json!(1)));
    support.get("/groups").await.expect(200);

    let done = activate(&owner, OWN).await.expect(200);
    assert_eq!((&done["number"], &done["before"]), (&json!(2), &json!(1)));
    support.get("/users").await.expect(200);
    support.get("/groups").await.problem(403, "forbidden");
    support.get("/tenant").await.problem(403, "forbidden");
    admin.post("/groups", &json!({ "name": "Theirs" })).await.expect(201);
    let held = owner.get(API).await.expect(200);
    assert_eq!((&held["active"], &held["mode"]), (&json!(2), &json!("strict")));
    assert_eq!(held["layer"], "management");
    let diff = owner.get("/policies/versions/2/diff?layer=management").await.expect(200);
    assert!(diff.to_string().contains("viewers"), "{diff}");
    // They are not the policies of applications.
    assert_eq!(owner.get("/policies").await.expect(200)["active"], Value::Null);
    owner.get("/policies/versions/2").await.problem(404, "not-found");

    // A role of the tenant's own making.
    let role = OWN.replace("\"support\") };", "\"helpdesk\") };");
    activate(&owner, &role).await.expect(200);
    custom.get("/users").await.expect(200);
    support.get("/users").await.problem(403, "forbidden");
    let back = roll_back(&owner, 1).await.expect(200);
    assert_eq!((&back["number"], &back["before"]), (&json!(1), &json!(3)));
    support.get("/groups").await.expect(200);
    custom.get("/users").await.problem(403, "forbidden");
    roll_back(&owner, 9).await.problem(404, "not-found");
    // What it decides is not logged: nothing can be replayed.
    let made = owner.post("/policies/drafts", &draft(OWN)).await.expect(201);
    let path = format!("/policies/drafts/{}/replay", made["id"].as_str().expect("an id"));
    activate(&owner, OWN).await.expect(200);
    let admin_replay = admin.post(&path, &json!({})).await;
    assert_eq!(admin_replay.problem(400, "invalid-request"), ["layer"]);
    // After a restart they are read.
    server.restart().await;
    support.get("/groups").await.problem(403, "forbidden");
    support.get("/users").await.expect(200);
}

async fn nobody_locks_a_tenant_out(server: &Server) {
    tenants(server).await;
    let owner = Api::new(server, "acme", &["owner"]).await;
    let admin = Api::new(server, "acme", &["admin"]).await;
    let operator = server.api_key("system", &["operator"]).await;
    let operator = Api { credential: operator, ..Api::new(server, "acme", &[]).await };
    activate(&owner, OWN).await.expect(200);
    for shut in [
        "forbid (principal, action, resource);",
        "permit (principal, action, resource); forbid (principal, action, resource)\n\
         when { principal.roles.contains(\"owner\") || principal.platform };",
        // It cannot be evaluated: nobody is let in by mistake.
        "permit (principal, action, resource);\n\
         forbid (principal, action, resource) when { Actor::\"nobody\".platform };",
    ] {
        activate(&owner, shut).await.expect(200);
        owner.get("/users").await.problem(403, "forbidden");
        operator.get("/users").await.expect(200);
        owner.get(API).await.expect(200);
        let versions = owner.get("/policies/versions?layer=management").await.expect(200);
        assert_eq!(versions["items"][0]["active"], true);
        owner.get("/policies/drafts?layer=management").await.expect(200);
        // Back, or forward.
        roll_back(&owner, 1).await.expect(200);
        admin.get("/users").await.expect(200);
        activate(&owner, shut).await.expect(200);
        activate(&owner, OWN).await.expect(200);
        admin.get("/users").await.expect(200);
        activate(&owner, shut).await.expect(200);
        roll_back(&operator, 1).await.expect(200);
        admin.get("/users").await.expect(200);
    }
}

/// The attempts of an administrator who may activate the policies of applications, and of whom the
/// owner's policies allow everything.
async fn only_owners_make_them_hold(server: &Server) {
    tenants(server).await;
    let owner = Api::new(server, "acme", &["owner"]).await;
    let admin = Api::new(server, "acme", &["admin"]).await;
    let all = "permit (principal, action, resource);";
    let lent = "permit (principal, action, resource) when { principal.roles.contains(\"admin\") };";
    for held in [OWN, lent, all] {
        activate(&owner, held).await.expect(200);
        activate(&admin, all).await.problem(403, "forbidden");
        roll_back(&admin, 1).await.problem(403, "forbidden");
        // A draft does not become one of the management API on its way.
        let policies = json!({ "policies": { "own.cedar": all } });
        let made = admin.post("/policies/drafts", &policies).await.expect(201);
        let id = made["id"].as_str().expect("an id");
        let path = format!("/policies/drafts/{id}");
        let moved = admin.patch(&path, "\"v1\"", &json!({ "layer": "management" })).await;
        assert_eq!(moved.problem(400, "invalid-request"), ["layer"]);
        start(&admin, id).await.expect(200);
        let made = admin.post("/policies/drafts", &draft(all)).await.expect(201);
        let path = format!("/policies/drafts/{}", made["id"].as_str().expect("an id"));
        let moved = admin.patch(&path, "\"v1\"", &json!({ "layer": null })).await;
        assert_eq!(moved.problem(400, "invalid-request"), ["layer"]);
        let number = owner.get(API).await.expect(200)["active"].clone();
        let made_up =
            format!("/policies/versions/{number}/activate?organization=x&layer=management");
        let answer = Answer::of(admin.request(Method::POST, &made_up)).await;
        answer.problem(400, "invalid-request");
    }
    let both = json!({ "layer": "management", "organization": format!("org_{:032x}", 1) });
    admin.post("/policies/drafts", &both).await.problem(400, "invalid-request");
    let unknown = json!({ "layer": "guardrails", "policies": {} });
    admin.post("/policies/drafts", &unknown).await.problem(400, "invalid-request");
    // Nobody is an operator by calling itself one, or an owner elsewhere.
    let foreign = server.api_key("globex", &["owner"]).await;
    let foreign = Api { credential: foreign, ..Api::new(server, "acme", &[]).await };
    foreign.get(API).await.problem(401, "unauthenticated");
    for (slug, roles) in [("system", &["owner", "admin"][..]), ("system", &["viewer"])] {
        let key = server.api_key(slug, roles).await;
        let key = Api { credential: key, ..Api::new(server, "acme", &[]).await };
        key.get("/users").await.problem(403, "forbidden");
        roll_back(&key, 1).await.problem(403, "forbidden");
    }
    let named = Api::new(server, "acme", &["operator"]).await;
    activate(&named, all).await.problem(403, "forbidden");
    roll_back(&named, 1).await.problem(403, "forbidden");
}

async fn what_is_wrong_is_told_with_its_place(server: &Server) {
    tenants(server).await;
    let owner = Api::new(server, "acme", &["owner"]).await;
    let support = Api::new(server, "acme", &["support"]).await;
    for (text, place) in [
        ("permit (principal, action == Action::\"users.lst\", resource);", "own.cedar:1:30"),
        (
            "permit (principal, action, resource)\nwhen { principal.role == \"x\" };",
            "own.cedar:2:8",
        ),
        ("permit (principal, action, resource", "own.cedar:1:"),
        ("permit (principal, action, resource is User);", "own.cedar:1:"),
        ("@id(\"guardrail:owners\") permit (principal, action, resource);", "own.cedar:1:1"),
    ] {
        let made = owner.post("/policies/drafts", &draft(text)).await.expect(201);
        let id = made["id"].as_str().expect("an id");
        let validate = owner.request(Method::POST, &format!("/policies/drafts/{id}/validate"));
        let found = Answer::of(validate).await.expect(200);
        let one = &found["findings"][0];
        let told = format!(
            "{}:{}:{}",
            one["document"].as_str().expect("a file"),
            one["line"],
            one["column"]
        );
        assert!(told.starts_with(place), "{text}: {found}");
        if text.contains("is User") {
            assert_eq!(found["valid"], true, "it is never satisfied, which is no error: {found}");
            continue;
        }
        assert_eq!(found["valid"], false, "{found}");
        let places = start(&owner, id).await.problem(422, "invalid-policies");
        assert!(places[0].starts_with(place), "{places:?}");
    }
    let schema = json!({ "layer": "management", "schema": "entity Actor;", "policies": {} });
    let made = owner.post("/policies/drafts", &schema).await.expect(201);
    let places = start(&owner, made["id"].as_str().expect("an id")).await;
    assert_eq!(places.problem(422, "invalid-policies"), ["schema"]);
    assert_eq!(owner.get(API).await.expect(200)["active"], Value::Null);
    support.get("/groups").await.expect(200);
}

async fn other_nodes_and_other_tenants(server: &Server) {
    tenants(server).await;
    let owner = Api::new(server, "acme", &["owner"]).await;
    let support = Api::new(server, "acme", &["support"]).await;
    let theirs = Api::new(server, "globex", &["support"]).await;
    let peer = server.peer().await;
    let at_peer = async |of: &Api<'_>| {
        let path = of.base.replace(&server.base, &peer.base);
        let request = server.http.get(format!("{path}/api/v1/groups"));
        Answer::of(request.bearer_auth(&of.credential)).await.status
    };
    assert_eq!((at_peer(&support).await, at_peer(&theirs).await), (200, 200));
    activate(&owner, OWN).await.expect(200);
    support.get("/groups").await.problem(403, "forbidden");
    soon("the other node knows it", async || at_peer(&support).await == 403).await;
    assert_eq!(at_peer(&theirs).await, 200, "another tenant's are its own");
    theirs.get("/groups").await.expect(200);
    let globex = Api::new(server, "globex", &["owner"]).await;
    assert_eq!(globex.get(API).await.expect(200)["active"], Value::Null);
    globex.get("/policies/versions/1?layer=management").await.problem(404, "not-found");
    roll_back(&globex, 1).await.problem(404, "not-found");
    roll_back(&owner, 1).await.expect(200);
    peer.stop().await;
}
