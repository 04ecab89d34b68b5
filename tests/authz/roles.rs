//! Roles without a word of Cedar: in the whole tenant, in organizations, by groups; and the
//! policies of an organization, which reach nothing else.

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::Pdp;

both!(roles_work_at_once, policies_of_an_organization_stay_in_it);

/// Creates something; gives its id, or its name.
pub(super) async fn created(pdp: &Pdp<'_>, path: &str, body: &Value) -> String {
    let made = pdp.api.post(path, body).await.expect(201);
    made["id"].as_str().or(made["name"].as_str()).expect("an id").to_owned()
}

fn ask(user: &str, action: &str, organization: Option<&str>) -> Value {
    let mut resource = json!({ "type": "Document", "id": "7" });
    if let Some(id) = organization {
        resource["properties"] = json!({ "organization": { "type": "Organization", "id": id } });
    }
    json!({ "principal": { "type": "User", "id": user }, "action": action, "resource": resource })
}

async fn roles_work_at_once(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let user = created(&pdp, "/users", &json!({ "name": "Ada" })).await;
    let group = created(&pdp, "/groups", &json!({ "name": "Writers" })).await;
    let north = created(&pdp, "/organizations", &json!({ "name": "North" })).await;
    let south = created(&pdp, "/organizations", &json!({ "name": "South" })).await;
    let may = async |action: &str, organization: Option<&str>| {
        let answer = pdp.ask("/authz/decide", &ask(&user, action, organization)).await.expect(200);
        answer["decision"] == "allow"
    };
    assert!(!may("documents.read", None).await);
    let editor = json!({ "name": "editor", "permissions": ["documents.read", "documents.edit"] });
    created(&pdp, "/roles", &editor).await;
    let viewer = json!({ "name": "viewer", "permissions": ["documents.read"] });
    created(&pdp, "/roles", &viewer).await;
    let given = json!({ "role": "viewer", "user": user });
    created(&pdp, "/role-assignments", &given).await;
    assert!(may("documents.read", None).await && !may("documents.edit", None).await);
    // By a group.
    created(&pdp, "/role-assignments", &json!({ "role": "editor", "group": group })).await;
    assert!(!may("documents.edit", None).await);
    let member = format!("/groups/{group}/members/{user}");
    let put = pdp.api.request(reqwest::Method::PUT, &member).send().await.expect("answered");
    assert!(put.status().is_success(), "{}", put.status());
    assert!(may("documents.edit", None).await);
    let out = pdp.api.request(reqwest::Method::DELETE, &member).send().await.expect("answered");
    assert!(out.status().is_success());
    assert!(!may("documents.edit", None).await);
    // In one organization, and in no other.
    let member = format!("/organizations/{north}/members/{user}");
    let put = pdp.api.request(reqwest::Method::PUT, &member).json(&json!({}));
    let put = put.send().await.expect("answered");
    assert!(put.status().is_success(), "{}", put.text().await.expect("a text"));
    let given = json!({ "role": "editor", "user": user, "organization": north });
    created(&pdp, "/role-assignments", &given).await;
    assert!(may("documents.edit", Some(&north)).await);
    assert!(!may("documents.edit", Some(&south)).await && !may("documents.edit", None).await);
    // What a role allows changes at once.
    let less = json!({ "permissions": ["documents.list"] });
    pdp.api.patch("/roles/viewer", "\"v1\"", &less).await.expect(200);
    assert!(!may("documents.read", None).await && may("documents.list", None).await);
    let answer = pdp.ask("/authz/decide", &ask(&user, "documents.list", None)).await.expect(200);
    let policy = &answer["policies"][0];
    assert_eq!((&policy["id"], &policy["layer"]), (&json!("role:viewer"), &json!("roles")));
}

async fn policies_of_an_organization_stay_in_it(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let north = created(&pdp, "/organizations", &json!({ "name": "North" })).await;
    let south = created(&pdp, "/organizations", &json!({ "name": "South" })).await;
    pdp.put(&json!([
        { "type": "Document", "id": "n", "parents": [{ "type": "Organization", "id": north }] },
        { "type": "Document", "id": "s", "parents": [{ "type": "Organization", "id": south }] },
    ]))
    .await;
    let may = async |document: &str| {
        let body = json!({
            "principal": { "type": "robot", "id": "r" },
            "action": "read",
            "resource": { "type": "Document", "id": document },
        });
        let answer = pdp.ask("/authz/decide", &body).await.expect(200);
        (answer["decision"] == "allow", answer["policies"][0]["layer"].clone())
    };
    assert!(!may("n").await.0);
    // Everything, as far as they can reach.
    let all = json!({ "organization": north,
        "policies": { "a.cedar": "@id(\"all\") permit (principal, action, resource);" } });
    pdp.activate(&all).await;
    assert_eq!(may("n").await, (true, json!("organization")));
    assert!(!may("s").await.0);
    // What the tenant forbids, an organization cannot allow.
    let stop = "@id(\"stop\") forbid (principal is robot, action, resource);";
    pdp.activate(&json!({ "policies": { "a.cedar": stop } })).await;
    assert_eq!(may("n").await, (false, json!("tenant")));
    let missing = json!({ "organization": format!("org_{:032x}", 7), "policies": {} });
    pdp.api.post("/policies/drafts", &missing).await.problem(400, "invalid-request");
}
