//! Signed snapshots: what is in them, and for whom.

use std::collections::BTreeSet;

use harness::{Server, both};
use serde_json::{Value, json};

use super::support::{Pdp, SECRET};
use crate::admin::support::Answer;
use crate::feed::soon;
use crate::oauth::support::{claims, part};

both!(
    a_snapshot_holds_what_decisions_look_at,
    organizations_come_with_their_policies,
    it_is_refused_when_it_should_be,
);

const SNAPSHOT: &str = "/authz/snapshot";

/// The token of an answer.
fn token(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/jwt");
    assert_eq!(answer.header("cache-control"), "no-store");
    json!(answer.text)
}

fn uids(claims: &Value) -> Vec<String> {
    let entities = claims["entities"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    entities.map(|e| format!("{} {}", text(&e["uid"]["type"]), text(&e["uid"]["id"]))).collect()
}

async fn a_snapshot_holds_what_decisions_look_at(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{ snapshot_seconds: 60 }").await;
    let policies = r#"
        @id("near") permit (principal, action == Action::"read", resource)
        when { resource.folder.owner == principal || principal in Club::"open" };
        @id("shared") permit (principal == ?principal, action, resource);
    "#;
    let link = json!({ "id": "shared.eve", "template": "shared",
        "principal": { "type": "person", "id": "eve" } });
    pdp.activate(&json!({ "policies": { "a.cedar": policies }, "links": [link] })).await;
    let reference = |kind: &str, id: &str| json!({ "type": kind, "id": id });
    pdp.put(&json!([
        { "type": "person", "id": "ann", "parents": [reference("Club", "small")] },
        { "type": "person", "id": "bob" },
        { "type": "Club", "id": "small", "parents": [reference("Club", "open")] },
        { "type": "box", "id": "1", "attrs": { "owner": reference("person", "bob") } },
        { "type": "paper", "id": "1", "attrs": { "folder": reference("box", "1") } },
        { "type": "paper", "id": "2", "attrs": { "folder": reference("box", "2") } },
    ]))
    .await;
    let body = json!({ "principal": reference("person", "ann"),
        "resources": [reference("paper", "1"), reference("paper", "none")] });
    let token = token(&pdp.ask(SNAPSHOT, &body).await);
    let (header, claims) = (part(&token, 0), claims(&token));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("authz-snapshot+jwt"), &json!("ES256")));
    assert_eq!(claims["iss"], server.issuer("acme"));
    assert_eq!((&claims["aud"], &claims["mode"]), (&json!("asker"), &json!("permissive")));
    assert_eq!(claims["principal"], reference("person", "ann"));
    let lives = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
    assert_eq!(lives, Some(60));
    assert!(claims["jti"].as_str().is_some_and(|id| id.starts_with("dec_")));
    let decided = json!({ "principal": reference("person", "ann"), "action": "read",
        "resource": reference("paper", "1") });
    let decided = pdp.ask("/authz/decide", &decided).await.expect(200);
    assert_eq!(claims["snapshot_version"], decided["snapshot_version"]);
    assert_eq!(claims["schema"], Value::Null);
    assert_eq!(uids(&claims), ["Club small", "box 1", "paper 1", "person ann"]);
    let ids: BTreeSet<_> = claims["policies"]["staticPolicies"]
        .as_object()
        .expect("policies")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(ids, BTreeSet::from(["guardrail:inactive-user", "near", "shared.eve"]));
    // It is no access token.
    let info = server.http.get(format!("{}/oauth/userinfo", pdp.base));
    let info = info.bearer_auth(token.as_str().expect("a token")).send().await.expect("answers");
    assert_eq!(info.status(), 401);
    // Two decisions are counted: the one above, and the snapshot.
    soon("both are counted", async || {
        let counted = "SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM receipts WHERE \
                       dimension = 'decision.made'";
        server.number(counted).await == 2
    })
    .await;
}

async fn organizations_come_with_their_policies(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let theirs = pdp.api.create("/organizations", &json!({ "name": "Theirs" })).await;
    let theirs = theirs.rsplit('/').next().expect("an id").to_owned();
    let user = pdp.api.create("/users", &json!({})).await;
    let user = user.rsplit('/').next().expect("an id").to_owned();
    pdp.api.put(&format!("/organizations/{theirs}/members/{user}"), &json!({})).await.expect(204);
    let any = "@id(\"any\") permit (principal, action, resource);";
    pdp.activate(&json!({ "policies": { "a.cedar": any } })).await;
    let stop = "@id(\"any\") forbid (principal, action == Action::\"stop\", resource);";
    pdp.activate(&json!({ "organization": theirs, "policies": { "o.cedar": stop } })).await;
    let ids = async |body: Value| {
        let claims = claims(&token(&pdp.ask(SNAPSHOT, &body).await));
        let all = claims["policies"]["staticPolicies"].as_object().expect("policies").clone();
        all.into_iter().map(|(id, _)| id).collect::<BTreeSet<String>>()
    };
    let without = BTreeSet::from(["any".to_owned(), "guardrail:inactive-user".to_owned()]);
    let mut with = without.clone();
    with.insert(format!("{theirs}:any"));
    // As its principal's, or as that of a resource.
    assert_eq!(ids(json!({ "principal": { "type": "User", "id": user } })).await, with);
    let nobody = json!({ "type": "person", "id": "nobody" });
    let place = json!({ "type": "Organization", "id": theirs });
    assert_eq!(ids(json!({ "principal": nobody, "resources": [place] })).await, with);
    assert_eq!(ids(json!({ "principal": nobody })).await, without);
}

async fn it_is_refused_when_it_should_be(server: &Server) {
    let pdp = Pdp::new(server, "acme", "{}").await;
    let ann = json!({ "type": "person", "id": "ann" });
    let url = format!("{}{SNAPSHOT}", pdp.base);
    let by = async |who: &str| {
        let request = server.http.post(&url).basic_auth(who, Some(SECRET));
        Answer::of(request.json(&json!({ "principal": ann }))).await
    };
    by("other").await.problem(403, "forbidden");
    assert_eq!(by("nobody").await.status, 401);
    let many = vec![ann.clone(); 101];
    for (body, paths) in [
        (json!({}), vec!["principal.type"]),
        (json!({ "principal": { "type": "a b", "id": "1" } }), vec!["principal"]),
        (json!({ "principal": ann, "resources": many }), vec!["resources"]),
        (
            json!({ "principal": ann, "resources": [ann, { "type": "x" }, { "id": "x" }] }),
            vec!["resources[1].id", "resources[2].type"],
        ),
    ] {
        assert_eq!(pdp.ask(SNAPSHOT, &body).await.problem(400, "invalid-request"), paths, "{body}");
    }
    // In JSON a policy is many times longer than its text.
    let numbers = vec!["1"; 25_000].join(",");
    let policy =
        format!("permit (principal, action, resource) when {{ [{numbers}].contains(2) }};");
    let files = (0..8).map(|n| (format!("{n}.cedar"), json!(policy)));
    let files: serde_json::Map<String, Value> = files.collect();
    pdp.activate(&json!({ "policies": files })).await;
    let refused = pdp.ask(SNAPSHOT, &json!({ "principal": ann })).await;
    assert!(refused.text.contains("2097152"), "{}", refused.text);
    assert_eq!(refused.problem(400, "invalid-request"), ["resources"]);
}
