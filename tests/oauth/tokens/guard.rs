//! Tokens guarded by policies: scopes that are left out, tokens that are refused, and what is
//! written down of it.

use harness::{Browser, Server, both};
use serde_json::{Value, json};

use super::Admin;
use crate::oauth::support::{ADA, BOB, claims, given};

both!(
    a_scope_that_is_forbidden_is_left_out,
    a_refresh_asks_again,
    an_application_is_asked_for_too,
    policies_look_at_organizations_and_levels,
    what_fails_denies,
    strict_tenants_guard_their_tokens,
);

const GUARDED: &str = "{ authz: { tokens: guarded } }";
const ALL: (&str, &str) = ("scope", "openid email offline_access notes");

/// A policy that forbids tokens.
fn forbid(id: &str, principal: &str, when: &str) -> String {
    format!(
        "@id(\"{id}\") forbid ({principal}, action == Action::\"token.issue\", resource) \
         when {{ {when} }};\n"
    )
}

impl Admin<'_> {
    /// Makes policies hold, after whatever was held.
    async fn policies(&self, text: &str, schema: Option<&str>) {
        let mut bundle = json!({ "policies": { "a.cedar": text } });
        if let Some(schema) = schema {
            bundle["schema"] = schema.into();
        }
        let draft = self.api.post("/policies/drafts", &bundle).await.expect(201);
        let path = format!("/policies/drafts/{}/activate", draft["id"].as_str().expect("an id"));
        let request = self.api.request(reqwest::Method::POST, &path).json(&json!({}));
        let request = request.header("if-match", "*");
        crate::admin::support::Answer::of(request).await.expect(200);
    }

    /// What the last event of a denial says.
    async fn told(&self) -> Value {
        // On SQLite a text, on PostgreSQL not.
        let sql = "SELECT CAST(data AS TEXT) FROM audit_events WHERE kind = 'token.denied' \
             ORDER BY at DESC, id DESC LIMIT 1";
        let rows = self.acme.server.rows::<(String,)>(sql).await;
        serde_json::from_str(&rows.first().expect("an event").0).expect("JSON")
    }

    async fn denials(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM audit_events WHERE kind = 'token.denied'";
        self.acme.server.number(sql).await
    }
}

async fn a_scope_that_is_forbidden_is_left_out(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    let bob = format!("principal == User::\"{}\"", admin.bob);
    let list = [
        forbid("no-notes", "principal", "context.scope == \"notes\""),
        forbid("no-mail", "principal is User", "context.scope == \"email\""),
        forbid("no-bob", &bob, "true"),
    ];
    admin.policies(&list.concat(), None).await;
    // Nobody asks, unless the tenant wants it.
    let open = acme.tokens("web", ALL.1).await;
    assert_eq!(open["scope"], "email notes offline_access openid");
    admin.apply(GUARDED, "").await;
    let less = acme.tokens("web", ALL.1).await;
    assert_eq!(less["scope"], "offline_access openid");
    assert_eq!(claims(&less["access_token"])["scope"], "offline_access openid");
    assert!(less["refresh_token"].is_string() && less["id_token"].is_string());
    let told = admin.told().await;
    let denied = json!([
        { "scope": "email", "policies": ["no-mail"], "failed": false },
        { "scope": "notes", "policies": ["no-notes"], "failed": false },
    ]);
    assert_eq!((&told["denied"], &told["issued"]), (&denied, &json!(true)));
    assert_eq!(
        (&told["client_id"], &told["grant_type"]),
        (&json!("web"), &json!("authorization_code"))
    );
    // A claim that was asked for by its name is no way around it.
    let wish = ("claims", r#"{"userinfo": {"email": null}}"#);
    let code = acme.code("web", &[("scope", "openid"), wish]).await;
    let token = acme.exchange("web", &code).await.ok()["access_token"].clone();
    assert!(acme.userinfo(&token).await.ok().get("email").is_none());
    // Whoever may get nothing is refused, and so is who asks for nothing else.
    for (who, scope) in [(BOB, "openid"), (ADA, "notes")] {
        let mut browser = Browser::new(server);
        let back = acme.sign_in_as(who, &mut browser, "web", &[("scope", scope)]).await;
        assert_eq!(given(&back, "error").as_deref(), Some("access_denied"), "{back}");
        assert_eq!(admin.told().await["issued"], false);
    }
    // In the front channel too.
    let front = [("response_type", "id_token token"), ("scope", "openid email")];
    let back = acme.sign_in(&mut Browser::new(server), "front", &front).await;
    assert_eq!(given(&back, "scope").as_deref(), Some("openid"), "{back}");
    let token = json!(given(&back, "access_token").expect("a token"));
    assert_eq!(claims(&token)["scope"], "openid");
    assert_eq!(admin.told().await["grant_type"], "implicit");
    let back = acme.sign_in_as(BOB, &mut Browser::new(server), "front", &front).await;
    assert_eq!(given(&back, "error").as_deref(), Some("access_denied"), "{back}");
    // Nobody is billed for that, and it is in no log of decisions.
    server.advance(std::time::Duration::from_secs(5)).await;
    let billed = "SELECT COUNT(*) FROM receipts WHERE dimension = 'decision.made'";
    assert_eq!(server.number(billed).await, 0);
}

async fn a_refresh_asks_again(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    admin.apply(GUARDED, "").await;
    let mut tokens = acme.tokens("web", ALL.1).await;
    assert_eq!(admin.denials().await, 0);
    let refresh = async |tokens: &Value| {
        acme.refresh("web", tokens["refresh_token"].as_str().expect("a token")).await
    };
    let ada = format!("principal == User::\"{}\"", admin.ada);
    admin.policies(&forbid("no-notes", &ada, "context.scope == \"notes\""), None).await;
    tokens = refresh(&tokens).await.ok();
    assert_eq!(tokens["scope"], "email offline_access openid");
    assert_eq!(admin.told().await["grant_type"], "refresh_token");
    // Without being signed in, or being so for long, nothing is refreshed; nothing is used up.
    for scope in ["openid", "offline_access"] {
        let when =
            format!("context.grant_type == \"refresh_token\" && context.scope == \"{scope}\"");
        admin.policies(&forbid("no", &ada, &when), None).await;
        for _ in 0..2 {
            refresh(&tokens).await.refused(400, "invalid_scope");
        }
    }
    // Not even when the grace of a token that was used up would be over.
    server.advance(std::time::Duration::from_secs(20)).await;
    let narrow = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().expect("a token")),
        ("scope", "notes"),
    ];
    admin.policies(&forbid("no-notes", &ada, "context.scope == \"notes\""), None).await;
    acme.token("web", &narrow).await.refused(400, "invalid_scope");
    admin.policies("", None).await;
    let again = refresh(&tokens).await.ok();
    assert_eq!(again["scope"], "email notes offline_access openid");
    // A token that was used before is reuse all the same.
    server.advance(std::time::Duration::from_secs(30)).await;
    admin.policies(&forbid("no", &ada, "true"), None).await;
    refresh(&tokens).await.refused(400, "invalid_grant");
    admin.policies("", None).await;
    refresh(&again).await.refused(400, "invalid_grant");
}

async fn an_application_is_asked_for_too(server: &Server) {
    let admin = Admin::new(server).await;
    admin.apply(GUARDED, "").await;
    let ask = async |client, scope: &str| {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend((!scope.is_empty()).then_some(("scope", scope)));
        admin.acme.token(client, &form).await
    };
    assert_eq!(ask("worker", "").await.ok()["scope"], "orders.read orders.write");
    let read_only = "context.scope == \"orders.write\" && \
         context.grant_type == \"client_credentials\" && principal == resource && \
         principal.client_id == \"worker\"";
    admin.policies(&forbid("read-only", "principal is Application", read_only), None).await;
    assert_eq!(ask("worker", "").await.ok()["scope"], "orders.read");
    let denied = json!([{ "scope": "orders.write", "policies": ["read-only"], "failed": false }]);
    assert_eq!(admin.told().await["denied"], denied);
    ask("worker", "orders.write").await.refused(400, "invalid_scope");
    // Even who asks for no scope asks for a token.
    assert!(ask("orders", "").await.ok().get("scope").is_none());
    admin.policies(&forbid("none", "principal", "true"), None).await;
    ask("orders", "").await.refused(400, "invalid_scope");
    assert_eq!(admin.told().await["denied"][0]["scope"], "");
}

async fn policies_look_at_organizations_and_levels(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    let mut ids = Vec::new();
    for plan in ["gold", "free"] {
        let new = json!({ "name": plan, "attributes": { "plan": plan } });
        let id = admin.made("/organizations", &new).await;
        admin.put(&format!("/organizations/{id}/members/{}", admin.ada)).await;
        ids.push(id);
    }
    let text = "@id(\"gold\") forbid (principal, action == Action::\"token.issue\", resource) \
         when { context.scope == \"notes\" } unless { context has organization && \
         context.organization.attributes.plan == \"gold\" };\n\
         @id(\"sure\") forbid (principal, action == Action::\"token.issue\", resource) \
         when { context.scope == \"email\" } unless { context has acr && context.acr == \"2\" };";
    admin.policies(text, None).await;
    admin.apply(GUARDED, "").await;
    for (organization, scope) in [(&*ids[0], "notes openid"), (&*ids[1], "openid"), ("", "openid")]
    {
        let more = [("scope", "openid email notes"), ("organization", organization)];
        let code = acme.code("web", &more).await;
        assert_eq!(acme.exchange("web", &code).await.ok()["scope"], scope, "{organization}");
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM grants WHERE revoked_at IS NULL").await, 3);
}

async fn what_fails_denies(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    admin.apply(GUARDED, "").await;
    let failing = forbid("failing", "principal", "context.nothing == 1");
    admin.policies(&failing, None).await;
    let back = acme.sign_in(&mut Browser::new(server), "web", &[]).await;
    assert_eq!(given(&back, "error").as_deref(), Some("access_denied"), "{back}");
    let denied = json!([{ "scope": "openid", "policies": ["failing"], "failed": true }]);
    assert_eq!(admin.told().await["denied"], denied);
    // What only permits may fail.
    admin.policies(&failing.replace("forbid", "permit"), None).await;
    acme.tokens("web", "openid").await;
}

async fn strict_tenants_guard_their_tokens(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    admin.apply("{ authz: { mode: strict, tokens: guarded } }", "").await;
    // Nothing is written about tokens, and nothing has to be.
    assert_eq!(acme.tokens("web", "openid notes").await["scope"], "notes openid");
    let schema = "entity Document = { open: Bool };";
    let unscoped = "permit (principal, action, resource) when { resource.open };\n";
    admin.policies(unscoped, Some(schema)).await;
    assert_eq!(acme.tokens("web", "openid notes").await["scope"], "notes openid");
    let when = "context.scope == \"notes\" && !(context has organization) && principal.active && \
         resource.client_id == \"web\"";
    admin.policies(&forbid("no-notes", "principal is User", when), Some(schema)).await;
    assert_eq!(acme.tokens("web", "openid notes").await["scope"], "openid");
    let wrong = forbid("wrong", "principal", "context.scopes == \"notes\"");
    let bundle = json!({ "schema": schema, "policies": { "a.cedar": wrong } });
    let draft = admin.api.post("/policies/drafts", &bundle).await.expect(201);
    let path = format!("/policies/drafts/{}/validate", draft["id"].as_str().expect("an id"));
    let found = admin.api.post(&path, &json!({})).await.text;
    assert!(found.contains("`scopes`"), "{found}");
}
