//! The management API: what it does, and how it refuses.

mod entities;
mod groups;
mod management;
mod organizations;
mod roles;
pub(crate) mod support;

use harness::{Server, both};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Answer, Api, PASSWORD, machine, manifest, refresh, sign_in, tenants};

both!(
    an_application_lives_and_ends,
    a_user_lives_and_ends,
    a_user_who_may_not_go_on_loses_everything,
    lists_are_walked_by_cursors,
    a_request_is_done_once,
    bad_input_is_told_and_nothing_is_written,
    changes_are_audited_with_their_actor,
    a_token_of_the_system_tenant_works_for_its_organization,
);

async fn an_application_lives_and_ends(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let made = api.post("/applications", &machine("worker")).await;
    assert_eq!((made.header("etag"), made.header("cache-control")), ("\"v1\"", "no-store"));
    let location = made.header("location").to_owned();
    let body = made.expect(201);
    let path = format!("/applications/{}", body["id"].as_str().expect("an id"));
    assert_eq!(location, format!("{}/api/v1{path}", api.base));
    let secret = body["client_secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("bws_") && secret.len() == 47, "{secret}");

    // The secret works at once, and is not shown again.
    let ask = || {
        let request = server.http.post(format!("{}/oauth/token", api.base));
        let form = [("grant_type", "client_credentials")];
        Answer::of(request.basic_auth("worker", Some(&secret)).form(&form))
    };
    ask().await.expect(200);
    let read = api.get(&path).await;
    assert_eq!(read.header("etag"), "\"v1\"");
    let mut shown = body.clone();
    shown.as_object_mut().expect("an object").remove("client_secret");
    assert_eq!(read.expect(200), shown);
    let unchanged = api.request(Method::GET, &path).header("if-none-match", "\"v1\"");
    let unchanged = Answer::of(unchanged).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));

    let changed =
        api.patch(&path, "\"v1\"", &json!({ "name": "Renamed", "audiences": null })).await;
    assert_eq!(changed.header("etag"), "\"v2\"");
    let changed = changed.expect(200);
    assert_eq!((&changed["name"], &changed["scopes"]), (&json!("Renamed"), &json!(["a"])));
    api.patch(&path, "\"v1\"", &json!({ "name": "Late" })).await.problem(412, "version-mismatch");
    let blind = api.request(Method::PATCH, &path).body("{}");
    Answer::of(blind).await.problem(428, "version-required");
    let wrong = api.patch(&path, "\"v2\"", &json!({ "lifetimes": { "code": 0 } })).await;
    assert_eq!(wrong.problem(400, "invalid-request"), ["lifetimes.code"]);
    let taken = api.patch(&path, "\"v2\"", &json!({ "client_id": "acme-web" })).await;
    assert_eq!(taken.problem(409, "already-exists"), ["client_id"]);

    api.delete(&path, "\"v1\"").await.problem(412, "version-mismatch");
    api.delete(&path, "\"v2\"").await.expect(204);
    api.get(&path).await.problem(404, "not-found");
    assert_eq!(ask().await.status, 401);
}

async fn a_user_lives_and_ends(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["owner"]).await;
    let new = json!({ "email": "Bob@Example.com", "email_verified": true, "name": "Bob",
        "claims": { "given_name": "Bob", "address": { "locality": "London" } }, "password": PASSWORD });
    let made = api.post("/users", &new).await.expect(201);
    assert!(!made.to_string().contains(PASSWORD));
    assert_eq!((&made["email"], &made["active"]), (&json!("Bob@Example.com"), &json!(true)));
    let path = format!("/users/{}", made["id"].as_str().expect("an id"));
    assert_eq!(api.get(&path).await.expect(200), made);
    let again = api.post("/users", &json!({ "email": "bob@example.COM" })).await;
    assert_eq!(again.problem(409, "already-exists"), ["email"]);

    let patch =
        json!({ "name": null, "claims": { "given_name": null, "address": { "country": "UK" } } });
    let after = api.patch(&path, "\"v1\"", &patch).await.expect(200);
    assert_eq!(after["claims"], json!({ "address": { "locality": "London", "country": "UK" } }));
    assert_eq!((after.get("name"), &after["email_verified"]), (None, &json!(true)));
    // A new address is not verified unless somebody says so.
    let after = api.patch(&path, "\"v2\"", &json!({ "email": "b@example.com" })).await.expect(200);
    assert_eq!(
        (&after["email"], &after["email_verified"]),
        (&json!("b@example.com"), &json!(false))
    );
    let taken = api.patch(&path, "\"v3\"", &json!({ "email": "ada@acme.example" })).await;
    assert_eq!(taken.problem(409, "already-exists"), ["email"]);
    api.delete(&path, "\"v3\"").await.expect(204);
    api.get(&path).await.problem(404, "not-found");
    api.delete(&path, "*").await.problem(404, "not-found");
    // The address is free again.
    api.post("/users", &json!({ "email": "b@example.com" })).await.expect(201);
}

async fn a_user_who_may_not_go_on_loses_everything(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let list = api.get("/users").await.expect(200);
    let path = format!("/users/{}", list["items"][0]["id"].as_str().expect("an id"));
    let userinfo = |token: String| {
        Answer::of(server.http.get(format!("{}/oauth/userinfo", api.base)).bearer_auth(token))
    };
    let change = async |patch: Value| {
        let now = api.get(&path).await;
        api.patch(&path, now.header("etag"), &patch).await.expect(200)
    };
    for patch in [json!({ "password": "another-tested-1844" }), json!({ "active": false })] {
        let held = sign_in(server, "acme").await;
        change(json!({ "name": "Still here" })).await;
        userinfo(held.access_token.clone()).await.expect(200);
        change(patch.clone()).await;
        assert_eq!(userinfo(held.access_token).await.status, 401, "{patch}");
        let refused = refresh(server, "acme", &held.refresh_token).await;
        assert_eq!(refused.str("error"), "invalid_grant", "{patch}");
        let code = [
            ("grant_type", "authorization_code"),
            ("code", held.code.as_str()),
            ("redirect_uri", support::REDIRECT),
            ("code_verifier", support::VERIFIER),
        ];
        let refused = support::token(server, "acme", &code).await;
        assert_eq!(refused.str("error"), "invalid_grant", "{patch}");
        // What the next round signs in with.
        change(json!({ "password": PASSWORD })).await;
    }
    let sessions = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.number(sessions).await, 0);
}

async fn lists_are_walked_by_cursors(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["viewer"]).await;
    let admin = Api::new(server, "acme", &["admin"]).await;
    let mut wanted: Vec<Value> = vec![json!("ada@acme.example")];
    for n in 0..11 {
        let email = json!(format!("u{n}@acme.example"));
        admin.post("/users", &json!({ "email": email })).await.expect(201);
        wanted.push(email);
    }
    for limit in [1, 4, 12, 200] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = api.get(&format!("/users?limit={limit}{cursor}")).await.expect(200);
            let items = page["items"].as_array().expect("a list").clone();
            assert!(items.len() <= limit && !items.is_empty());
            seen.extend(items.into_iter().map(|u| u["email"].clone()));
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((seen, pages), (wanted.clone(), wanted.len().div_ceil(limit)), "{limit}");
    }
    let first = api.get("/users?limit=1").await.expect(200);
    let cursor = first["next_cursor"].as_str().expect("there are more");
    // Sealed: for this list of this tenant only.
    let other = api.get(&format!("/applications?cursor={cursor}")).await;
    assert_eq!(other.problem(400, "invalid-request"), ["cursor"]);
    for (query, path) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("cursor=AAAA", "cursor"),
        ("cursor=%00", "cursor"),
        ("limit=1&limit=2", "query"),
        ("page=2", "query"),
    ] {
        let refused = api.get(&format!("/users?{query}")).await;
        assert_eq!(refused.problem(400, "invalid-request"), [path], "{query}");
    }
}

async fn a_request_is_done_once(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let send = |api: &Api<'_>, path: &str, key: &str, body: Value| {
        Answer::of(api.request(Method::POST, path).header("idempotency-key", key).json(&body))
    };
    let first = send(&api, "/applications", "k1", machine("once")).await;
    let again = send(&api, "/applications", "k1", machine("once")).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.text, again.text, "with the same secret");
    for name in ["etag", "location"] {
        assert_eq!(first.header(name), again.header(name));
    }
    let secret = first.str("client_secret");
    let kept = server.rows::<(Vec<u8>,)>("SELECT body FROM idempotency_keys").await;
    assert!(!kept.is_empty());
    assert!(kept.iter().all(|(b,)| !b.windows(secret.len()).any(|w| w == secret.as_bytes())));
    let other = send(&api, "/applications", "k1", machine("other")).await;
    other.problem(422, "idempotency-key-reused");
    let elsewhere = send(&api, "/users", "k1", machine("once")).await;
    elsewhere.problem(400, "invalid-request");
    send(&api, "/users", "k1", json!({})).await.problem(422, "idempotency-key-reused");
    // Another caller's key of the same name is another key.
    let second = Api::new(server, "acme", &["admin"]).await;
    send(&second, "/applications", "k1", machine("theirs")).await.expect(201);
    // What did nothing may be tried again with the same key.
    let taken = send(&api, "/users", "k2", json!({ "email": "ada@acme.example" })).await;
    taken.problem(409, "already-exists");
    send(&api, "/users", "k2", json!({ "email": "new@acme.example" })).await.expect(201);
    let long = "x".repeat(256);
    let refused = send(&api, "/users", &long, json!({})).await;
    assert_eq!(refused.problem(400, "invalid-request"), ["Idempotency-Key"]);
    server.advance(std::time::Duration::from_secs(86_401)).await;
    let expired = send(&api, "/applications", "k1", machine("once")).await;
    expired.problem(409, "already-exists");
}

async fn bad_input_is_told_and_nothing_is_written(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let before = server.row_counts().await;
    let user = |body: &str| {
        let request =
            api.request(Method::POST, "/users").header("content-type", "application/json");
        Answer::of(request.body(body.to_owned()))
    };
    let long = "x".repeat(3_000);
    for (body, path) in [
        (r#"{"name":"a","name":"b"}"#.to_owned(), "name"),
        (r#"{"claims":{"a":{"b":1,"b":2}}}"#.to_owned(), "claims.a.b"),
        (r#"{"name":5}"#.to_owned(), "name"),
        (r#"{"claims":[]}"#.to_owned(), "claims"),
        (r#"{"active":"yes"}"#.to_owned(), "active"),
        (r#"{"nmae":"x"}"#.to_owned(), "nmae"),
        (r#"{"name":"a\u0000b"}"#.to_owned(), "name"),
        (r#"{"email":"nobody"}"#.to_owned(), "email"),
        (r#"{"email_verified":true}"#.to_owned(), "email_verified"),
        (r#"{"claims":{"sub":"me"}}"#.to_owned(), "claims"),
        (r#"{"password":"short"}"#.to_owned(), "password"),
        (r#"{"password_hash":"plain"}"#.to_owned(), "password_hash"),
        (r#"{"active":false}"#.to_owned(), "active"),
        (format!(r#"{{"name":"{long}"}}"#), "name"),
        (format!(r#"{{"password":"{long}"}}"#), "password"),
        (format!(r#"{{"email":"{long}@x.example"}}"#), "email"),
        ("[]".to_owned(), ""),
        ("null".to_owned(), ""),
        ("{".to_owned(), ""),
        (String::new(), ""),
        ("[".repeat(10_000), ""),
    ] {
        let refused = user(&body).await;
        let shown: String = body.chars().take(40).collect();
        let paths = refused.problem(400, "invalid-request");
        // Nothing can be said about the place in a heap of brackets.
        assert!(body.starts_with("[[") || paths == [path], "{shown} {refused:?}");
    }
    let app = json!({ "client_id": "a b", "name": "", "type": "web", "redirect_uris": ["x"] });
    let refused = api.post("/applications", &app).await;
    assert_eq!(refused.problem(400, "invalid-request"), ["client_id", "name", "redirect_uris[0]"]);
    user(&format!("\"{}\"", "x".repeat(1_000_000))).await.problem(413, "too-large");
    let text = api.request(Method::POST, "/users").header("content-type", "text/plain").body("{}");
    Answer::of(text).await.problem(415, "unsupported-media-type");
    let latin = api.request(Method::POST, "/users").header("content-type", "application/json");
    Answer::of(latin.body(vec![b'"', 0xff, b'"'])).await.problem(400, "invalid-request");
    for id in ["usr_x", "app_000000000000000000000000000000ab", "%00", "..%2f", &long] {
        api.get(&format!("/users/{id}")).await.problem(404, "not-found");
    }
    api.get("/nothing").await.problem(404, "not-found");
    let mut after = server.row_counts().await;
    // Refusals are counted, now or a little later.
    after.insert("refusals".into(), before["refusals"]);
    assert_eq!(before, after);
}

async fn changes_are_audited_with_their_actor(server: &Server) {
    tenants(server).await;
    let api = Api::new(server, "system", &["operator"]).await;
    let api = Api { base: server.issuer("acme"), ..api };
    let app = api.post("/applications", &machine("worker")).await.expect(201);
    let user = api.post("/users", &json!({})).await.expect(201);
    for (kind, thing) in [("applications", app), ("users", user)] {
        let path = format!("/{kind}/{}", thing["id"].as_str().expect("an id"));
        api.patch(&path, "\"v1\"", &json!({ "name": "N" })).await.expect(200);
        api.delete(&path, "\"v2\"").await.expect(204);
    }
    let events = server
        .rows::<(String,)>(
            "SELECT kind FROM audit_events WHERE actor_kind = 'api_key' \
             AND actor_tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'system') \
             AND tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'acme') \
             AND target_id IS NOT NULL ORDER BY at, id",
        )
        .await;
    let kinds: Vec<&str> = events.iter().map(|(kind,)| kind.as_str()).collect();
    let wanted = [
        "application.created",
        "user.created",
        "application.updated",
        "application.deleted",
        "user.updated",
        "user.deleted",
    ];
    assert_eq!(kinds, wanted);
}

async fn a_token_of_the_system_tenant_works_for_its_organization(server: &Server) {
    tenants(server).await;
    server.apply(&manifest("system", &[&format!("{}/api", server.base)])).await;
    let key = Api::new(server, "acme", &["viewer"]).await;
    let tenant = key.get("/tenant").await.expect(200);
    let organization = tenant["organization_id"].as_str().expect("every customer has one");
    let become_member = "INSERT INTO members \
         (tenant_id, organization_id, user_id, role, created_at) \
         SELECT u.tenant_id, c.organization_id, u.id, 'viewer', 0 FROM users u, tenants c \
         WHERE u.tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'system') \
         AND c.slug = 'acme' RETURNING created_at";
    let at = |slug: &str, token: &str| Api {
        server,
        base: server.issuer(slug),
        credential: token.to_owned(),
    };
    let held = sign_in(server, "system").await;
    at("acme", &held.access_token).get("/tenant").await.problem(401, "unauthenticated");

    // The sign-in pages do not ask for an organization: so it is put into what is remembered.
    let set = match server.database {
        None => format!("json_set(details, '$.organization', '{organization}')"),
        Some(_) => format!("jsonb_set(details, '{{organization}}', '\"{organization}\"')"),
    };
    let sql = format!("UPDATE refresh_families SET details = {set} RETURNING created_at");
    assert_eq!(server.rows::<(i64,)>(&sql).await.len(), 1);
    let tokens = refresh(server, "system", &held.refresh_token).await.expect(200);
    let token = tokens["access_token"].as_str().expect("a token");
    let acme = at("acme", token);
    acme.get("/tenant").await.problem(401, "unauthenticated");
    assert_eq!(server.rows::<(i64,)>(become_member).await.len(), 1);
    assert_eq!(acme.get("/tenant").await.expect(200), tenant);
    acme.post("/users", &json!({})).await.problem(403, "forbidden");
    for elsewhere in ["globex", "system"] {
        at(elsewhere, token).get("/tenant").await.problem(401, "unauthenticated");
    }
    let promote = "UPDATE members SET role = 'admin' RETURNING created_at";
    assert_eq!(server.rows::<(i64,)>(promote).await.len(), 1);
    acme.post("/users", &json!({})).await.expect(201);
    // Its audit names the user, of its own tenant.
    let by_user = "SELECT COUNT(*) FROM audit_events WHERE kind = 'user.created' \
         AND actor_kind = 'user' AND actor_tenant_id <> tenant_id";
    assert_eq!(server.number(by_user).await, 1);
    let revoked = [("token", held.refresh_token.as_str())];
    let request = server.http.post(format!("{}/oauth/revoke", server.issuer("system")));
    let request = request.basic_auth("system-web", Some("the-secret-of-system-0123456789"));
    Answer::of(request.form(&revoked)).await.expect(200);
    acme.get("/tenant").await.problem(401, "unauthenticated");
}
