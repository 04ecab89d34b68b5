//! Every operation of the OpenAPI document is tried with what another tenant owns: it is answered
//! exactly as what does not exist, and nothing of that tenant changes.

use std::collections::BTreeMap;

use harness::{Server, both};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::admin::support::{
    Answer, Api, Holdings, REDIRECT, VERIFIER, authorize_url, machine, refresh, sign_in, tenants,
};
use crate::oauth::support::claims;
use crate::routes::{Operation, operations};

both!(nothing_of_another_tenant_is_there);

/// What globex owns, or something of the same shape that nobody owns.
struct Things {
    held: Holdings,
    key: String,
    cursor: String,
    application: String,
    user: String,
    signing_key: String,
    group: String,
    organization: String,
    role: String,
    assignment: String,
    entity: String,
    draft: String,
    replay: String,
    client: &'static str,
    secret: &'static str,
}

impl Things {
    async fn of_globex(server: &Server) -> Self {
        let api = Api::new(server, "globex", &["admin"]).await;
        let application = api.post("/applications", &machine("worker")).await.expect(201);
        let user = api.post("/users", &json!({})).await.expect(201);
        let page = api.get("/users?limit=1").await;
        let keys = api.get("/signing-keys").await.expect(200);
        let id = |thing: &Value| thing["id"].as_str().expect("an id").to_owned();
        let user = id(&user);
        let group = id(&api.post("/groups", &json!({ "name": "Theirs" })).await.expect(201));
        let organization = json!({ "name": "Theirs" });
        let organization = id(&api.post("/organizations", &organization).await.expect(201));
        api.post("/roles", &json!({ "name": "role-of-globex" })).await.expect(201);
        let held = json!({ "role": "role-of-globex", "user": user });
        let assignment = id(&api.post("/role-assignments", &held).await.expect(201));
        let of = [format!("/groups/{group}"), format!("/organizations/{organization}")];
        for of in of {
            let member = api.request(Method::PUT, &format!("{of}/members/{user}"));
            Answer::of(member).await.expect(204);
        }
        let entity = json!({ "put": [{ "type": "Doc", "id": "entity-of-globex" }] });
        api.post("/entities/bulk", &entity).await.expect(200);
        let policies =
            json!({ "policies": { "a.cedar": "permit (principal, action, resource);" } });
        let held = api.post("/policies/drafts", &policies).await.expect(201);
        let path = format!("/policies/drafts/{}/activate", id(&held));
        let activate = api.request(Method::POST, &path).header("if-match", "*").json(&json!({}));
        Answer::of(activate).await.expect(200);
        let draft = id(&api.post("/policies/drafts", &policies).await.expect(201));
        let path = format!("/policies/drafts/{draft}/replay");
        let replay = id(&api.post(&path, &json!({})).await.expect(202));
        Self {
            draft,
            replay,
            held: sign_in(server, "globex").await,
            cursor: page.str("next_cursor").to_owned(),
            application: id(&application),
            user,
            group,
            organization,
            role: "role-of-globex".into(),
            assignment,
            entity: "entity-of-globex".into(),
            signing_key: keys["items"][0]["kid"].as_str().expect("a kid").to_owned(),
            key: api.credential,
            client: "globex-web",
            secret: "the-secret-of-globex-0123456789",
        }
    }

    /// The same, owned by nobody.
    fn of_nobody(like: &Self) -> Self {
        // Other characters in the middle: still well-formed, of the same length.
        let other = |text: &str| {
            let at = text.len() / 2;
            let put = if &text[at..=at] == "0" { "1" } else { "0" };
            format!("{}{put}{}", &text[..at], &text[at + 1..])
        };
        Self {
            held: Holdings {
                cookies: String::new(),
                code: other(&like.held.code),
                access_token: other(&like.held.access_token),
                refresh_token: other(&like.held.refresh_token),
                id_token: other(&like.held.id_token),
            },
            key: other(&like.key),
            cursor: other(&like.cursor),
            application: other(&like.application),
            user: other(&like.user),
            signing_key: other(&like.signing_key),
            group: other(&like.group),
            organization: other(&like.organization),
            role: "role-of-nobody".into(),
            assignment: other(&like.assignment),
            entity: "entity-of-nobody".into(),
            draft: other(&like.draft),
            replay: other(&like.replay),
            client: "globex-not",
            secret: "the-secret-of-nobody-0123456789",
        }
    }
}

/// The ways to try an operation of acme with these things: every operation has some.
fn attempts(
    server: &Server,
    operation: &Operation,
    with: &Things,
    own: &Own<'_>,
) -> Vec<RequestBuilder> {
    let base = server.issuer("acme");
    let method = Method::from_bytes(operation.method.as_bytes()).expect("a method");
    let path = operation.path.replace(
        "{id}",
        match operation.path.split('/').nth(3) {
            Some("users") => &with.user,
            Some("signing-keys") => &with.signing_key,
            Some("groups") => &with.group,
            Some("organizations") => &with.organization,
            Some("role-assignments") => &with.assignment,
            Some("entities") => &with.entity,
            Some("policies") if operation.path.contains("/replays/") => &with.replay,
            Some("policies") => &with.draft,
            _ => &with.application,
        },
    );
    let path = path.replace("{user}", &with.user).replace("{name}", &with.role);
    // A version of theirs, and none of ours.
    let path = path.replace("{type}", "Doc").replace("{number}", "1");
    let url = if path.starts_with("/health") { server.url(&path) } else { format!("{base}{path}") };
    let request = || server.http.request(method.clone(), &url);
    let cookies = || request().header("cookie", &with.held.cookies);
    let as_acme = || request().basic_auth("acme-web", Some("the-secret-of-acme-0123456789"));
    let as_them = || request().basic_auth(with.client, Some(with.secret));
    let held = &with.held;
    match operation.id.as_str() {
        "openid_configuration"
        | "oauth_authorization_server"
        | "authzen_configuration"
        | "jwks"
        | "tenant_home"
        | "oauth_check_session"
        | "health_live"
        | "health_ready" => vec![cookies().bearer_auth(&held.access_token)],
        "oauth_authorize" => {
            let theirs = authorize_url(server, "acme", with.client);
            let own = format!("{}&prompt=none", authorize_url(server, "acme", "acme-web"));
            let hint = format!("{own}&id_token_hint={}", held.id_token);
            let get = |url: String| server.http.get(url).header("cookie", &held.cookies);
            vec![get(theirs), get(own), get(hint)]
        }
        "oauth_authorize_post" => {
            let form =
                [("client_id", with.client), ("redirect_uri", REDIRECT), ("response_type", "code")];
            vec![cookies().form(&form)]
        }
        "oauth_token" => {
            let code = [
                ("grant_type", "authorization_code"),
                ("code", held.code.as_str()),
                ("redirect_uri", REDIRECT),
                ("code_verifier", VERIFIER),
            ];
            let refresh = [("grant_type", "refresh_token"), ("refresh_token", &held.refresh_token)];
            let machine = [("grant_type", "client_credentials")];
            vec![
                as_acme().form(&code),
                as_acme().form(&refresh),
                as_them().form(&code),
                as_them().form(&refresh),
                as_them().form(&machine),
            ]
        }
        "oauth_introspect" | "oauth_revoke" => [&held.access_token, &held.refresh_token]
            .into_iter()
            .flat_map(|token| {
                let form = [("token", token.as_str())];
                [as_acme().form(&form), as_them().form(&form)]
            })
            .collect(),
        "oauth_userinfo" | "oauth_userinfo_post" => {
            vec![request().bearer_auth(&held.access_token), request().bearer_auth(&held.id_token)]
        }
        "oauth_logout" => vec![cookies().query(&[("id_token_hint", held.id_token.as_str())])],
        "oauth_logout_post" => vec![cookies().form(&[("id_token_hint", held.id_token.as_str())])],
        id if id.starts_with("account") => {
            let form = [("csrf", held.code.as_str()), ("token", held.code.as_str())];
            if operation.method == "POST" {
                vec![cookies().form(&form)]
            } else {
                vec![cookies().query(&form)]
            }
        }
        id if id.starts_with("login") => {
            let form = [("csrf", held.code.as_str()), ("session", held.code.as_str())];
            if operation.method == "POST" { vec![cookies().form(&form)] } else { vec![cookies()] }
        }
        id if operation.path.starts_with("/api/") => {
            let body = |request: RequestBuilder| match operation.method.as_str() {
                "POST" => request.json(&json!({ "name": 1 })),
                // It would be made.
                "PUT" if id == "entities_put" => request.json(&json!({ "attrs": 1 })),
                "PATCH" | "DELETE" => request
                    .header("if-match", "*")
                    .header("content-type", "application/merge-patch+json")
                    .body(r#"{"name":"Taken over"}"#),
                _ => request,
            };
            // Their key and token at our API, and their ids with our key.
            let mut all =
                vec![request().bearer_auth(&with.key), request().bearer_auth(&held.access_token)];
            if operation.path.contains('{') {
                all.push(request().bearer_auth(&own.api.credential));
            }
            if id.ends_with("_list") {
                let cursor = [("cursor", with.cursor.as_str())];
                all.push(request().bearer_auth(&own.api.credential).query(&cursor));
            }
            all.into_iter().map(body).chain(named(id, with, own)).collect()
        }
        id if id.starts_with("access") || id.starts_with("authz") => {
            // About their things, as an application of ours; and as theirs.
            let user = json!({ "type": "User", "id": with.user });
            let resource = json!({ "type": "Doc", "id": with.entity });
            let organization = json!({ "type": "Organization", "id": with.organization });
            let body = |resource: &Value| {
                json!({
                    "subject": user, "principal": user, "action": { "name": "read" },
                    "resource": resource, "context": { "for": organization },
                    "resources": [resource, organization],
                })
            };
            let asker = || request().basic_auth("asker", Some(&own.asker));
            vec![
                asker().json(&body(&resource)),
                asker().json(&body(&organization)),
                as_them().json(&body(&resource)),
                request().bearer_auth(&held.access_token).json(&body(&resource)),
            ]
        }
        id => panic!("{id} has no attempt with another tenant's things: write one"),
    }
}

/// What names their things elsewhere than in the path.
fn named(id: &str, with: &Things, own: &Own<'_>) -> Vec<RequestBuilder> {
    let member =
        |of: &str| vec![own.api.request(Method::PUT, &format!("{of}/members/{}", with.user))];
    let post = |path: &str, body: Value| own.api.request(Method::POST, path).json(&body);
    let role = |body: Value| post("/role-assignments", body);
    let of_theirs = [("organization", with.organization.as_str())];
    let get = |path: &str| vec![own.api.request(Method::GET, path).query(&of_theirs)];
    match id {
        "policies_get" => get("/policies"),
        "policy_drafts_list" => get("/policies/drafts"),
        "policy_drafts_create" => {
            vec![post("/policies/drafts", json!({ "organization": with.organization }))]
        }
        "policy_versions_list" => get("/policies/versions"),
        "policy_versions_get" => get("/policies/versions/1"),
        "policy_versions_diff" => get("/policies/versions/1/diff"),
        "policy_versions_activate" => {
            let path = "/policies/versions/1/activate";
            vec![own.api.request(Method::POST, path).query(&of_theirs)]
        }
        "groups_members_add" => member(&own.group),
        "organizations_members_add" => member(&own.organization),
        "role_assignments_list" => [
            ("user", &with.user),
            ("group", &with.group),
            ("application", &with.application),
            ("organization", &with.organization),
            ("role", &with.role),
        ]
        .into_iter()
        .map(|filter| own.api.request(Method::GET, "/role-assignments").query(&[filter]))
        .collect(),
        "role_assignments_create" => vec![
            role(json!({ "role": "own", "user": with.user })),
            role(json!({ "role": "own", "group": with.group })),
            role(json!({ "role": "own", "application": with.application })),
            role(json!({ "role": with.role, "user": own.user })),
            role(json!({ "role": "own", "user": own.user, "organization": with.organization })),
        ],
        "entities_bulk" => {
            let body = json!({ "delete": [{ "type": "Doc", "id": with.entity }] });
            vec![post("/entities/bulk", body)]
        }
        _ => Vec::new(),
    }
}

/// What acme owns.
struct Own<'s> {
    api: Api<'s>,
    user: String,
    /// The secret of the application that asks for decisions.
    asker: String,
    /// The paths of these two.
    group: String,
    organization: String,
}

impl<'s> Own<'s> {
    async fn new(server: &'s Server) -> Self {
        let api = Api::new(server, "acme", &["owner"]).await;
        let id = |thing: Value| thing["id"].as_str().expect("an id").to_owned();
        let named = json!({ "name": "own" });
        api.post("/roles", &named).await.expect(201);
        let asker = json!({ "client_id": "asker", "name": "Asker", "type": "machine",
            "scopes": ["authz"] });
        let asker = api.post("/applications", &asker).await.expect(201);
        Self {
            asker: asker["client_secret"].as_str().expect("a secret").to_owned(),
            user: id(api.post("/users", &json!({})).await.expect(201)),
            group: format!("/groups/{}", id(api.post("/groups", &named).await.expect(201))),
            organization: format!(
                "/organizations/{}",
                id(api.post("/organizations", &named).await.expect(201))
            ),
            api,
        }
    }
}

/// Whether an answer of ours tells nothing of anybody, and has done nothing.
fn is_empty(answer: &Answer) -> bool {
    let nothing = json!({ "written": 0, "deleted": 0 });
    answer.status == 200 && (answer.body == json!({ "items": [] }) || answer.body == nothing)
}

async fn nothing_of_another_tenant_is_there(server: &Server) {
    tenants(server).await;
    let own = Own::new(server).await;
    let theirs = Things::of_globex(server).await;
    let nobodys = Things::of_nobody(&theirs);
    let before = rows_of_globex(server).await;
    for operation in operations() {
        let foreign = attempts(server, &operation, &theirs, &own);
        let missing = attempts(server, &operation, &nobodys, &own);
        for (n, (foreign, missing)) in foreign.into_iter().zip(missing).enumerate() {
            let (foreign, missing) = (Answer::of(foreign).await, Answer::of(missing).await);
            let row = format!("{} {} #{n}: {foreign:?}", operation.method, operation.path);
            assert_eq!(comparable(&foreign, &theirs), comparable(&missing, &nobodys), "{row}");
            if operation.path.starts_with("/api/") {
                let refused = matches!(foreign.status, 400 | 401 | 404);
                assert!(refused || is_empty(&foreign), "{row}");
            }
            let told =
                foreign.text.contains("ada@globex") || foreign.text.contains("Tenant globex");
            assert!(!told, "{row}");
        }
    }
    assert_eq!(before, rows_of_globex(server).await);
    // And what globex holds still works there.
    let userinfo = server.http.get(format!("{}/oauth/userinfo", server.issuer("globex")));
    Answer::of(userinfo.bearer_auth(&theirs.held.access_token)).await.expect(200);
    refresh(server, "globex", &theirs.held.refresh_token).await.expect(200);
}

/// What an answer tells: all but what is random in every answer, and what the caller itself sent.
fn comparable(answer: &Answer, sent: &Things) -> (u16, String, String) {
    let (mut text, mut location) = (answer.text.clone(), answer.header("location").to_owned());
    if answer.header("content-type") == "application/jwt" {
        let told = claims(&json!(text));
        text = json!([told["policies"], told["schema"], told["entities"]]).to_string();
    }
    let random = [answer.header("x-request-id"), sent.client];
    let nonce = answer.header("content-security-policy").split("'nonce-").nth(1);
    let nonce = nonce.and_then(|rest| rest.split('\'').next());
    for part in random.into_iter().chain(nonce).filter(|part| !part.is_empty()) {
        text = text.replace(part, "*");
        location = location.replace(part, "*");
    }
    // Sealed values of forms and the addresses that carry them, and the names of decisions.
    let plain = |text: &str| {
        let long = |word: &&str| word.len() >= 40 || word.starts_with("dec_");
        let words: Vec<&str> = text.split(['"', '=', '&', ' ', '\n', '?']).collect();
        words.into_iter().map(|w| if long(&w) { "*" } else { w }).collect::<Vec<_>>().join(" ")
    };
    (answer.status, plain(&text), plain(&location))
}

/// How many rows of globex each table has, with the changes that can be seen in them.
async fn rows_of_globex(server: &Server) -> BTreeMap<String, i64> {
    const GLOBEX: &str = "tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'globex')";
    let mut counts = BTreeMap::new();
    // Addresses are the platform's; refusals and receipts are counted a little later.
    let skip = ["schema_state", "addresses", "refusals", "receipts", "usage_hourly"];
    for table in server.row_counts().await.into_keys().filter(|t| !skip.contains(&t.as_str())) {
        let count = server.number(&format!("SELECT COUNT(*) FROM {table} WHERE {GLOBEX}")).await;
        counts.insert(table, count);
    }
    for (table, changed) in [
        ("users", "version > 1 OR deleted_at IS NOT NULL"),
        ("applications", "version > 1 OR deleted_at IS NOT NULL"),
        ("signing_keys", "signs_until IS NOT NULL"),
        ("groups", "version > 1"),
        ("roles", "version > 1"),
        ("organizations", "version > 1 OR deleted_at IS NOT NULL"),
        ("objects", "version > 1"),
        ("sessions", "ended_at IS NOT NULL"),
        ("grants", "revoked_at IS NOT NULL"),
        ("codes", "used_at IS NOT NULL"),
        ("refresh_families", "generation > 0 OR revoked_at IS NOT NULL"),
    ] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {GLOBEX} AND ({changed})");
        counts.insert(format!("{table} changed"), server.number(&sql).await);
    }
    counts
}
