//! A tenant with policies, an application that asks, and an administrator.

use harness::Server;
use serde_json::{Value, json};

use crate::admin::support::{Answer, Api};

pub(crate) const SECRET: &str = "the-secret-of-the-asker-0123456789";

/// The policies of the certification scenario, C.1: eight decisions.
pub(crate) const FIXTURE: &str = r#"
@id("everybody.reads")
permit (principal is user, action == Action::"read", resource is record);

@id("alice.writes")
permit (principal == user::"alice", action == Action::"write", resource is record)
unless { resource has status && resource.status == "archived" };

@id("admins.write.archived")
permit (principal is user, action == Action::"write", resource is record)
when { principal has role && principal.role == "admin" && resource has status && resource.status == "archived" };

@id("alice.deletes.softly")
permit (principal == user::"alice", action == Action::"delete", resource is record)
when { context has action && context.action has soft && context.action.soft };
"#;

/// A tenant whose decisions are asked for.
pub(crate) struct Pdp<'s> {
    pub(crate) server: &'s Server,
    pub(crate) api: Api<'s>,
    pub(crate) base: String,
}

impl<'s> Pdp<'s> {
    /// A tenant of this slug with these settings of `authz`.
    pub(crate) async fn new(server: &'s Server, slug: &str, authz: &str) -> Self {
        server
            .apply(&format!(
                "tenant: {{ slug: {slug}, name: Tenant {slug}, \
                   settings: {{ limits: {{ enabled: false }}, authz: {authz} }} }}\n\
                 applications:\n\
                 \x20 - {{ client_id: asker, name: Asker, type: machine, client_secret: {SECRET}, scopes: [authz, other] }}\n\
                 \x20 - {{ client_id: other, name: Other, type: machine, client_secret: {SECRET}, scopes: [other] }}\n"
            ))
            .await;
        let api = Api::new(server, slug, &["admin"]).await;
        Self { server, api, base: server.issuer(slug) }
    }

    /// With the policies and entities of the certification scenario.
    pub(crate) async fn certified(server: &'s Server, slug: &str) -> Self {
        let pdp = Self::new(server, slug, "{}").await;
        pdp.activate(&json!({ "policies": { "fixture.cedar": FIXTURE } })).await;
        pdp.put(&json!([
            { "type": "user", "id": "alice" },
            { "type": "user", "id": "bob", "attrs": { "role": "admin" } },
            { "type": "record", "id": "record-1", "attrs": { "status": "active" } },
            { "type": "record", "id": "record-2", "attrs": { "status": "archived" } },
        ]))
        .await;
        pdp
    }

    /// Makes policies hold; gives the number of their version.
    pub(crate) async fn activate(&self, bundle: &Value) -> i64 {
        let draft = self.api.post("/policies/drafts", bundle).await.expect(201);
        let id = draft["id"].as_str().expect("an id");
        let done = self.start(id, "\"v1\"").await.expect(200);
        done["number"].as_i64().expect("a number")
    }

    /// Asks for a draft to be activated.
    pub(crate) async fn start(&self, draft: &str, etag: &str) -> Answer {
        let path = format!("/policies/drafts/{draft}/activate");
        let request = self.api.request(reqwest::Method::POST, &path).json(&json!({}));
        Answer::of(request.header("if-match", etag)).await
    }

    /// Stores entities.
    pub(crate) async fn put(&self, entities: &Value) {
        self.api.post("/entities/bulk", &json!({ "put": entities })).await.expect(200);
    }

    /// Asks, as an application that may.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Answer {
        let request = self.server.http.post(format!("{}{path}", self.base));
        Answer::of(request.basic_auth("asker", Some(SECRET)).json(body)).await
    }
}
