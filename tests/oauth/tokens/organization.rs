//! The parameter `organization`: who may use it, and how long it is kept.

use harness::{Browser, Server, both};
use serde_json::{Value, json};

use super::Admin;
use crate::admin::support::Api;
use crate::oauth::support::{ADA, BOB, claims, given};

both!(
    an_organization_is_kept_as_long_as_its_member,
    whoever_is_no_member_is_turned_away,
    a_code_and_a_grace_end_with_the_membership,
);

const SCOPE: (&str, &str) = ("scope", "openid offline_access notes");

/// The organizations that an answer's access token and ID token name.
fn named(tokens: &Value) -> [Value; 2] {
    ["access_token", "id_token"].map(|token| claims(&tokens[token])["org_id"].clone())
}

async fn an_organization_is_kept_as_long_as_its_member(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    let north = admin.organization("North").await;
    let member = format!("/organizations/{north}/members/{}", admin.ada);
    admin.put(&member).await;
    let chosen = ("organization", north.as_str());
    let mut browser = Browser::new(server);
    let back = acme.sign_in(&mut browser, "web", &[SCOPE, chosen]).await;
    let tokens = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    assert_eq!(named(&tokens), [json!(north), json!(north)]);
    let token = tokens["access_token"].as_str().expect("a token");
    let seen = acme.post_as("web", "/oauth/introspect", &[("token", token)]).await.ok();
    assert_eq!(seen["org_id"], json!(north));
    // In the same session, silently; with another choice, and with none.
    let silent = |more| acme.authorize_url("web", &[SCOPE, ("prompt", "none"), more]);
    let back = browser.open(&silent(chosen)).await.left();
    let again = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    assert_eq!(named(&again), [json!(north), json!(north)]);
    let back = browser.open(&silent(("organization", ""))).await.left();
    let without = acme.exchange("web", &given(&back, "code").expect("a code")).await.ok();
    assert_eq!(named(&without), [Value::Null, Value::Null]);
    // Refreshes keep it.
    let refresh = async |tokens: &Value| {
        acme.refresh("web", tokens["refresh_token"].as_str().expect("a token")).await
    };
    let mut tokens = refresh(&tokens).await.ok();
    assert_eq!(named(&tokens), [json!(north), json!(north)]);
    // Until the person leaves; what is for no organization goes on.
    admin.remove(&member).await;
    for _ in 0..2 {
        refresh(&tokens).await.refused(400, "invalid_grant");
    }
    assert!(!acme.is_active("web", &tokens["refresh_token"]).await);
    assert_eq!(named(&refresh(&without).await.ok()), [Value::Null, Value::Null]);
    // That used nothing up, and was no reuse.
    admin.put(&member).await;
    tokens = refresh(&tokens).await.ok();
    assert_eq!(named(&tokens), [json!(north), json!(north)]);
    let path = format!("/organizations/{north}");
    let etag = admin.api.get(&path).await.header("etag").to_owned();
    assert_eq!(admin.api.delete(&path, &etag).await.status, 204);
    refresh(&tokens).await.refused(400, "invalid_grant");
}

async fn whoever_is_no_member_is_turned_away(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    tenants_of_others(server).await;
    let north = admin.organization("North").await;
    admin.put(&format!("/organizations/{north}/members/{}", admin.ada)).await;
    let theirs = Api::new(server, "globex", &["admin"]).await;
    let theirs = theirs.post("/organizations", &json!({ "name": "Theirs" })).await.expect(201);
    let theirs = theirs["id"].as_str().expect("an id");
    let unknown = format!("org_{:032x}", 7);
    let before = server.number("SELECT COUNT(*) FROM grants").await;
    let mut told = Vec::new();
    for client in ["web", "third"] {
        for (who, id) in [(BOB, &*north), (ADA, theirs), (ADA, &*unknown)] {
            let mut browser = Browser::new(server);
            let chosen = ("organization", id);
            let back = acme.sign_in_as(who, &mut browser, client, &[chosen]).await;
            assert_eq!(given(&back, "error").as_deref(), Some("access_denied"), "{back}");
            assert_eq!(given(&back, "state").as_deref(), Some("the state"));
            assert_eq!(given(&back, "code"), None);
            told.push(given(&back, "error_description"));
            let silent = acme.authorize_url(client, &[chosen, ("prompt", "none")]);
            let back = browser.open(&silent).await.left();
            assert_eq!(given(&back, "error").as_deref(), Some("access_denied"), "{back}");
            told.push(given(&back, "error_description"));
        }
    }
    told.dedup();
    assert_eq!(told, [Some("the user is not a member of the organization".to_owned())]);
    assert_eq!(server.number("SELECT COUNT(*) FROM grants").await, before);
    assert_eq!(server.number("SELECT COUNT(*) FROM consents").await, 0, "nobody was asked");
    // What is no id of an organization is a mistake of the client.
    for wrong in ["North", "org_1", &format!("org_{:032x}", 0)] {
        let url = acme.authorize_url("web", &[("organization", wrong)]);
        let back = Browser::new(server).open(&url).await.left();
        assert_eq!(given(&back, "error").as_deref(), Some("invalid_request"), "{wrong}");
    }
}

/// Another customer.
async fn tenants_of_others(server: &Server) {
    server.apply("tenant: { slug: globex, name: Globex }\n").await;
}

async fn a_code_and_a_grace_end_with_the_membership(server: &Server) {
    let admin = Admin::new(server).await;
    let acme = &admin.acme;
    let north = admin.organization("North").await;
    let member = format!("/organizations/{north}/members/{}", admin.ada);
    admin.put(&member).await;
    let chosen = [SCOPE, ("organization", north.as_str())];
    let code = acme.code("web", &chosen).await;
    let other = acme.code("web", &chosen).await;
    let tokens = acme.exchange("web", &other).await.ok();
    let first = tokens["refresh_token"].as_str().expect("a token");
    acme.refresh("web", first).await.ok();
    // Within the grace the same successor would come again.
    acme.refresh("web", first).await.ok();
    admin.remove(&member).await;
    acme.refresh("web", first).await.refused(400, "invalid_grant");
    acme.exchange("web", &code).await.refused(400, "invalid_grant");
    admin.put(&member).await;
    acme.refresh("web", first).await.ok();
    acme.exchange("web", &code).await.ok();
}
