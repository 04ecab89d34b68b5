//! The claims `roles` and `permissions`: whose they are, and for which applications.

use harness::{Browser, Server, both};
use serde_json::{Value, json};

use super::Admin;
use crate::oauth::support::{claims, given, secret};

both!(
    the_roles_of_a_user_are_told_where_they_are_wanted,
    an_application_has_roles_of_its_own,
    what_does_not_fit_is_refused_before_anything_is_used_up,
);

const SCOPE: (&str, &str) = ("scope", "openid offline_access");

/// Applications that want their users' roles, and their own.
async fn applications(admin: &Admin<'_>) {
    let redirect = "redirect_uris: [\"http://127.0.0.1:3999/callback\"], first_party: true, \
         scopes: [openid, email, offline_access]";
    let list = [
        ("roles", "web", "[roles, permissions]", redirect),
        ("front", "web", "[permissions]", redirect),
        ("robot", "machine", "[permissions, roles]", "scopes: [orders.read]"),
    ];
    let mut text = "applications:\n".to_owned();
    for (client, kind, wanted, more) in list {
        let grants = match (client, kind) {
            ("front", _) => {
                "grant_types: [authorization_code, implicit], response_types: [code, code token],"
            }
            (_, "web") => "grant_types: [authorization_code, refresh_token],",
            _ => "",
        };
        text.push_str(&format!(
            "  - {{ client_id: {client}, name: {client}, type: {kind}, \
             client_secret: {}, {grants} access_token_claims: {wanted}, {more} }}\n",
            secret(client)
        ));
    }
    admin.apply("{}", &text).await;
}

/// `roles` and `permissions` of an access token.
fn told(tokens: &Value) -> (Value, Value) {
    let claims = claims(&tokens["access_token"]);
    (claims["roles"].clone(), claims["permissions"].clone())
}

async fn the_roles_of_a_user_are_told_where_they_are_wanted(server: &Server) {
    let admin = Admin::new(server).await;
    applications(&admin).await;
    let (acme, ada) = (&admin.acme, &admin.ada);
    for (role, permissions) in [
        ("viewer", json!(["documents.read"])),
        ("editor", json!(["documents.write", "documents.read"])),
        ("owner", json!(["north.manage"])),
        ("auditor", json!(["audit.read"])),
    ] {
        admin.made("/roles", &json!({ "name": role, "permissions": permissions })).await;
    }
    let [north, south] = [admin.organization("North").await, admin.organization("South").await];
    let group = admin.made("/groups", &json!({ "name": "Editors" })).await;
    for of in [&format!("/organizations/{north}"), &format!("/organizations/{south}")] {
        admin.put(&format!("{of}/members/{ada}")).await;
    }
    admin.put(&format!("/groups/{group}/members/{ada}")).await;
    let given_to = async |body: Value| admin.made("/role-assignments", &body).await;
    let viewer = given_to(json!({ "role": "viewer", "user": ada })).await;
    given_to(json!({ "role": "editor", "group": group })).await;
    let owner = json!({ "role": "owner", "user": ada, "organization": north });
    given_to(owner).await;
    given_to(json!({ "role": "auditor", "group": group, "organization": north })).await;
    // Somebody else's.
    given_to(json!({ "role": "owner", "user": admin.bob })).await;

    let tokens = async |more: &[(&str, &str)]| {
        let code = acme.code("roles", &[&[SCOPE], more].concat()).await;
        acme.exchange("roles", &code).await.ok()
    };
    let everywhere = (json!(["editor", "viewer"]), json!(["documents.read", "documents.write"]));
    assert_eq!(told(&tokens(&[]).await), everywhere);
    assert_eq!(told(&tokens(&[("organization", &south)]).await), everywhere);
    let there = tokens(&[("organization", &north)]).await;
    let all = json!(["audit.read", "documents.read", "documents.write", "north.manage"]);
    assert_eq!(told(&there), (json!(["auditor", "editor", "owner", "viewer"]), all));
    let id = claims(&there["id_token"]);
    assert!(id.get("roles").is_none() && id.get("permissions").is_none(), "{id}");
    let token = there["access_token"].as_str().expect("a token");
    let seen = acme.post_as("roles", "/oauth/introspect", &[("token", token)]).await.ok();
    assert_eq!(seen["roles"], json!(["auditor", "editor", "owner", "viewer"]));

    // A refresh tells how it is now.
    admin.remove(&format!("/role-assignments/{viewer}")).await;
    admin.api.patch("/roles/owner", "\"v1\"", &json!({ "permissions": [] })).await.expect(200);
    let refreshed = |tokens: &Value| {
        let token = tokens["refresh_token"].as_str().expect("a token").to_owned();
        async move { acme.refresh("roles", &token).await.ok() }
    };
    let there = refreshed(&there).await;
    let less = json!(["audit.read", "documents.read", "documents.write"]);
    assert_eq!(told(&there), (json!(["auditor", "editor", "owner"]), less));
    admin.remove(&format!("/groups/{group}/members/{ada}")).await;
    let there = refreshed(&there).await;
    assert_eq!(told(&there), (json!(["owner"]), json!([])));
    assert_eq!(told(&tokens(&[]).await), (json!([]), json!([])));

    // In the front channel, and only what is wanted; and nothing where nothing is.
    let response = [("response_type", "code token"), ("scope", "openid")];
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "front", &response).await;
    let token = json!({ "access_token": given(&back, "access_token").expect("a token") });
    assert_eq!(told(&token), (Value::Null, json!([])));
    assert_eq!(told(&acme.tokens("web", "openid").await), (Value::Null, Value::Null));
}

async fn an_application_has_roles_of_its_own(server: &Server) {
    let admin = Admin::new(server).await;
    applications(&admin).await;
    let own = async |client| {
        told(&admin.acme.token(client, &[("grant_type", "client_credentials")]).await.ok())
    };
    assert_eq!(own("robot").await, (json!([]), json!([])));
    admin.made("/roles", &json!({ "name": "picker", "permissions": ["orders.pick"] })).await;
    let list = admin.api.get("/applications?limit=100").await.expect(200);
    let of = |client: &str| {
        let mut list = list["items"].as_array().expect("a list").iter();
        list.find(|app| app["client_id"] == client).expect("an application")["id"].clone()
    };
    for client in ["robot", "worker"] {
        let body = json!({ "role": "picker", "application": of(client) });
        admin.made("/role-assignments", &body).await;
    }
    assert_eq!(own("robot").await, (json!(["picker"]), json!(["orders.pick"])));
    assert_eq!(own("worker").await, (Value::Null, Value::Null));
    let path = format!("/applications/{}", of("robot").as_str().expect("an id"));
    let robot = admin.api.get(&path).await;
    let (etag, robot) = (robot.header("etag").to_owned(), robot.expect(200));
    assert_eq!(robot["access_token_claims"], json!(["roles", "permissions"]));
    let only = json!({ "access_token_claims": ["roles"] });
    admin.api.patch(&path, &etag, &only).await.expect(200);
    assert_eq!(own("robot").await, (json!(["picker"]), Value::Null));
    let wrong = json!({ "access_token_claims": ["groups"] });
    assert_eq!(admin.api.patch(&path, "*", &wrong).await.status, 400);
}

async fn what_does_not_fit_is_refused_before_anything_is_used_up(server: &Server) {
    let admin = Admin::new(server).await;
    applications(&admin).await;
    let acme = &admin.acme;
    let tokens = acme.tokens("roles", "openid offline_access").await;
    let refresh_token = tokens["refresh_token"].as_str().expect("a token").to_owned();
    let code = acme.code("roles", &[SCOPE]).await;
    let mut given = Vec::new();
    for role in ["a", "b"] {
        let permissions: Vec<String> = (0..101).map(|i| format!("{role}{i}")).collect();
        admin.made("/roles", &json!({ "name": role, "permissions": permissions })).await;
        let body = json!({ "role": role, "user": admin.ada });
        given.push(admin.made("/role-assignments", &body).await);
    }
    for _ in 0..2 {
        acme.exchange("roles", &code).await.refused(400, "invalid_scope");
        acme.refresh("roles", &refresh_token).await.refused(400, "invalid_scope");
    }
    // Longer than the grace of a token that was used up.
    server.advance(std::time::Duration::from_secs(20)).await;
    // Who does not want them is not concerned.
    acme.tokens("web", "openid").await;
    admin.remove(&format!("/role-assignments/{}", given[0])).await;
    for tokens in
        [acme.exchange("roles", &code).await.ok(), acme.refresh("roles", &refresh_token).await.ok()]
    {
        assert_eq!(told(&tokens).1.as_array().expect("a list").len(), 101);
    }
}
