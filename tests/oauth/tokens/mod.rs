//! What tokens say of organizations and roles, and the policies that guard them.

mod guard;
mod organization;
mod roles;

use harness::Server;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::Acme;
use crate::admin::support::{Answer, Api};

/// The administrator of a tenant whose people sign in.
struct Admin<'s> {
    acme: Acme<'s>,
    api: Api<'s>,
    ada: String,
    bob: String,
}

impl<'s> Admin<'s> {
    async fn new(server: &'s Server) -> Self {
        let acme = Acme::new(server).await;
        let api = Api::new(server, "acme", &["admin"]).await;
        let users = api.get("/users").await.expect(200);
        let user = |email: &str| {
            let of = |user: &&Value| user["email"].as_str().is_some_and(|e| e.contains(email));
            let user = users["items"].as_array().expect("a list").iter().find(of);
            user.expect("a user")["id"].as_str().expect("an id").to_owned()
        };
        Self { acme, ada: user("da@example.com"), bob: user("bob@example.com"), api }
    }

    /// Creates something, and gives its id.
    async fn made(&self, list: &str, body: &Value) -> String {
        let made = self.api.post(list, body).await.expect(201);
        made["id"].as_str().or(made["name"].as_str()).expect("an id").to_owned()
    }

    /// Creates an organization.
    async fn organization(&self, name: &str) -> String {
        self.made("/organizations", &json!({ "name": name })).await
    }

    async fn put(&self, path: &str) {
        Answer::of(self.api.request(Method::PUT, path)).await.expect(204);
    }

    async fn remove(&self, path: &str) {
        let request = self.api.request(Method::DELETE, path).header("if-match", "*");
        Answer::of(request).await.expect(204);
    }

    /// Adds to the tenant's manifest: lines below `tenant: { slug: acme, .. }`.
    async fn apply(&self, settings: &str, applications: &str) {
        let head = format!("tenant: {{ slug: acme, name: Tenant acme, settings: {settings} }}\n");
        let text = format!("{head}{applications}");
        let done = self.acme.server.apply(&text).await;
        assert_ne!(done["changes"], 0, "{done}");
        assert_eq!(self.acme.server.apply(&text).await["changes"], 0, "again: nothing to do");
    }
}
