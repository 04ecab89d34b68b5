//! Signing keys: a rotation that no client notices, by plan and on demand, and an emergency.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bailiwick_domain::Timestamp;
use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::env::Clock as _;
use bailiwick_protocol::jose::{VerifyingKey, verify_compact};
use harness::{Browser, Options, Server, both, clients};
use serde_json::{Value, json};

use crate::admin::support::Api;
use crate::feed::soon;
use crate::oauth::support::{Acme, Answer, claims, given, part};

both!(
    nobody_notices_a_scheduled_rotation,
    two_nodes_that_rotate_at_once_make_one_successor,
    an_administrator_rotates,
    a_revoked_key_is_nothing_on_any_node,
    the_setting_is_what_keys_are_planned_by,
);
both!(Options::real_time() => the_command_line_works_beside_the_server);

const DAY: Duration = Duration::from_secs(86_400);
/// What the JWKS may be kept for, and how long before it signs a key is published.
const MAX_AGE: Duration = Duration::from_secs(600);
/// What a rotation at once waits, so that every node knows the new key.
const KNOWN_EVERYWHERE: Duration = Duration::from_secs(5);
const AHEAD: Duration = Duration::from_secs(900);
/// A token that lives as long as any may.
const LONG: &str = "tenant: { slug: acme, name: Acme }\napplications:\n  - { client_id: long, name: \
     Long, type: machine, client_secret: the-secret-of-long-0123456789, lifetimes: { access_token: \
     86400 } }";
/// The clients of `Acme` whose ID tokens are signed with these.
const SIGNED: [(&str, &str); 3] = [("web", "RS256"), ("es256", "ES256"), ("eddsa", "EdDSA")];

fn rotating_every(days: u32) -> String {
    let keys = format!("{{ rotation_days: {days} }}");
    format!("tenant: {{ slug: acme, name: Acme, settings: {{ keys: {keys} }} }}")
}

async fn jwks(server: &Server, base: &str) -> Value {
    let url = format!("{base}/t/acme/.well-known/jwks.json");
    let answer = Answer::of(server.http.get(url).send().await.expect("the server answers")).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=600");
    answer.ok()
}

fn kids(jwks: &Value) -> BTreeSet<String> {
    let keys = jwks["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

fn kid(token: &Value) -> String {
    part(token, 0)["kid"].as_str().expect("every token has one").to_owned()
}

/// What a resource server does with a JWKS that it has kept.
fn verifies(jwks: &Value, token: &Value) -> bool {
    let kid = kid(token);
    let Some(jwk) = jwks["keys"].as_array().expect("a list").iter().find(|k| k["kid"] == *kid)
    else {
        return false;
    };
    let alg = SigningAlg::parse(jwk["alg"].as_str().expect("an alg")).expect("a known one");
    let key = VerifyingKey::from_jwk(alg, jwk).expect("a key");
    verify_compact(token.as_str().expect("a token"), |_| Some(&key)).is_ok()
}

/// The keys of a state by algorithm, each algorithm once.
async fn of_state(api: &Api<'_>, state: &str) -> BTreeMap<String, Value> {
    let list = api.get("/signing-keys").await.expect(200);
    let keys = list["items"].as_array().expect("a list").iter().filter(|k| k["state"] == state);
    let by_alg = |k: &Value| (k["alg"].as_str().expect("an alg").to_owned(), k.clone());
    let found: Vec<_> = keys.map(by_alg).collect();
    let map: BTreeMap<_, _> = found.iter().cloned().collect();
    assert_eq!(map.len(), found.len(), "one key of each algorithm is {state}: {list}");
    map
}

fn kids_of(keys: &BTreeMap<String, Value>) -> BTreeSet<String> {
    keys.values().map(|k| k["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// A signed-in client that gets new tokens now and then.
struct Client {
    id: &'static str,
    alg: &'static str,
    refresh_token: Value,
}

impl Client {
    async fn all(acme: &Acme<'_>) -> Vec<Self> {
        let mut list = Vec::new();
        for (id, alg) in SIGNED {
            let tokens = acme.tokens(id, "openid offline_access").await;
            list.push(Self { id, alg, refresh_token: tokens["refresh_token"].clone() });
        }
        list
    }

    async fn tokens(&mut self, acme: &Acme<'_>) -> Value {
        let old = self.refresh_token.as_str().expect("a token");
        let tokens = acme.refresh(self.id, old).await.ok();
        self.refresh_token = tokens["refresh_token"].clone();
        tokens
    }
}

async fn long_token(acme: &Acme<'_>) -> Value {
    let form = [("grant_type", "client_credentials")];
    acme.token("long", &form).await.ok()["access_token"].clone()
}

async fn nobody_notices_a_scheduled_rotation(server: &Server) {
    let acme = Acme::new(server).await;
    server.apply(LONG).await;
    let api = Api::new(server, "acme", &["viewer"]).await;
    // Planned together, they come due together.
    server.apply(&rotating_every(80)).await;
    let due = format!("SELECT MIN(rotate_at) FROM signing_keys WHERE {OF_ACME}");
    let due = Timestamp(server.number(&due).await);
    server.advance(due.since(server.clock.now()) - Duration::from_secs(30)).await;
    let mut clients = Client::all(&acme).await;
    // The worst moment: just before the successors are published.
    let kept = jwks(server, &server.base).await;
    assert!(of_state(&api, "next").await.is_empty());
    server.advance(Duration::from_secs(91)).await;
    soon("a successor for every algorithm", async || of_state(&api, "next").await.len() == 4).await;
    let (old, next) = (of_state(&api, "active").await, of_state(&api, "next").await);
    let both: BTreeSet<_> = kids_of(&old).union(&kids_of(&next)).cloned().collect();
    assert_eq!(kids(&jwks(server, &server.base).await), both, "published before it is used");
    for (alg, key) in &old {
        assert_eq!(key["signs_until"], next[alg]["signs_from"], "one after the other: {alg}");
        assert_eq!(key.get("rotate_at"), None);
        assert!(next[alg]["rotate_at"].is_string());
    }

    // As long as the client may keep its JWKS, every token verifies with it.
    for wait in [Duration::ZERO, MAX_AGE - Duration::from_secs(5)] {
        server.advance(wait).await;
        for client in &mut clients {
            let tokens = client.tokens(&acme).await;
            assert!(verifies(&kept, &tokens["id_token"]), "{} after {wait:?}", client.alg);
            assert!(verifies(&kept, &tokens["access_token"]), "{} after {wait:?}", client.alg);
        }
    }
    // It fetches again, and until that runs out both kinds of tokens verify.
    server.advance(Duration::from_secs(5)).await;
    let kept = jwks(server, &server.base).await;
    server.advance(AHEAD - MAX_AGE - Duration::from_secs(30)).await;
    let last = clients[0].tokens(&acme).await;
    assert_eq!(kid(&last["id_token"]), old["RS256"]["kid"], "not yet");
    let signed_by_old = long_token(&acme).await;
    server.advance(Duration::from_secs(60)).await;
    for client in &mut clients {
        let tokens = client.tokens(&acme).await;
        assert_eq!(kid(&tokens["id_token"]), next[client.alg]["kid"], "{}", client.alg);
        assert_eq!(kid(&tokens["access_token"]), next["ES256"]["kid"]);
        for token in [&tokens["id_token"], &tokens["access_token"], &last["id_token"]] {
            assert!(verifies(&kept, token), "{}", client.alg);
        }
        assert_eq!(acme.userinfo(&tokens["access_token"]).await.status, 200);
    }
    assert_eq!(of_state(&api, "active").await.len(), 4);
    assert_eq!(kids_of(&of_state(&api, "retired").await), kids_of(&old));

    // What the old keys signed lives to its end, and then they go.
    assert_eq!(kid(&signed_by_old), old["ES256"]["kid"]);
    let exp = claims(&signed_by_old)["exp"].as_i64().expect("a time");
    let left = exp - claims(&long_token(&acme).await)["iat"].as_i64().expect("a time");
    let left = Duration::from_secs(left.try_into().expect("it is alive"));
    server.advance(left - Duration::from_secs(2)).await;
    assert!(acme.is_active("long", &signed_by_old).await);
    assert!(verifies(&jwks(server, &server.base).await, &signed_by_old));
    server.advance(Duration::from_secs(3)).await;
    assert!(!acme.is_active("long", &signed_by_old).await);
    server.advance(Duration::from_secs(3_700)).await;
    assert_eq!(kids(&jwks(server, &server.base).await), kids_of(&next));
    soon("the end of the old keys", async || rows(server).await == 4).await;
    assert!(of_state(&api, "retired").await.is_empty() && of_state(&api, "gone").await.is_empty());
    let again = clients[1].tokens(&acme).await;
    assert_eq!(acme.userinfo(&again["access_token"]).await.status, 200);
}

const OF_ACME: &str = "tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'acme')";

/// How many signing keys are stored.
async fn rows(server: &Server) -> i64 {
    server.number(&format!("SELECT COUNT(*) FROM signing_keys WHERE {OF_ACME}")).await
}

async fn two_nodes_that_rotate_at_once_make_one_successor(server: &Server) {
    let _acme = Acme::new(server).await;
    let here = Api::new(server, "acme", &["admin"]).await;
    let peer = server.peer().await;
    let there =
        Api { server, base: format!("{}/t/acme", peer.base), credential: here.credential.clone() };
    there.get("/signing-keys").await.expect(200);
    // Both workers, and administrators at both nodes.
    server.advance(DAY * 90).await;
    let mut named = BTreeSet::new();
    let (all, rsa, ed) = (json!({}), json!({ "alg": "RS256" }), json!({ "alg": "EdDSA" }));
    let asked = tokio::join!(
        here.post("/signing-keys/rotate", &all),
        there.post("/signing-keys/rotate", &all),
        here.post("/signing-keys/rotate", &rsa),
        there.post("/signing-keys/rotate", &ed),
    );
    for answer in [asked.0, asked.1, asked.2, asked.3] {
        let keys = answer.expect(200);
        let keys = keys["items"].as_array().expect("a list").clone();
        named.extend(keys.iter().map(|k| k["kid"].as_str().expect("a kid").to_owned()));
    }
    assert_eq!(named.len(), 4, "of each algorithm one: {named:?}");
    for api in [&here, &there] {
        assert_eq!(kids_of(&of_state(api, "next").await), named);
    }
    let next = async || kids(&jwks(server, &peer.base).await).is_superset(&named);
    soon("the successors at the other node", next).await;
    // The time of every worker has come and gone.
    server.advance(Duration::from_secs(61)).await;
    let now = server.clock.now().0;
    let due = format!("SELECT COUNT(*) FROM signing_keys WHERE rotate_at <= {now}");
    soon("nothing is due", async || server.number(&due).await == 0).await;
    assert_eq!(rows(server).await, 8);
    // Two at once that both make a key: the one ends the other, whichever is first.
    let now = json!({ "alg": "ES256", "immediate": true });
    let open = format!(
        "SELECT COUNT(*) FROM signing_keys WHERE {OF_ACME} AND alg = 'ES256' \
         AND signs_until IS NULL"
    );
    for round in 0..8 {
        let (one, other) = tokio::join!(
            here.post("/signing-keys/rotate", &now),
            there.post("/signing-keys/rotate", &now),
        );
        one.expect(200);
        other.expect(200);
        assert_eq!(server.number(&open).await, 1, "round {round}");
        server.advance(KNOWN_EVERYWHERE).await;
    }
    peer.stop().await;
}

async fn an_administrator_rotates(server: &Server) {
    let acme = Acme::new(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let rotate = async |body: Value| api.post("/signing-keys/rotate", &body).await;
    let first = of_state(&api, "active").await;
    let before = acme.tokens("eddsa", "openid offline_access").await;
    let planned = rotate(json!({ "alg": "EdDSA" })).await.expect(200);
    let key = &planned["items"][0];
    assert_eq!((&key["alg"], &key["state"]), (&json!("EdDSA"), &json!("next")));
    assert_eq!(rotate(json!({ "alg": "EdDSA" })).await.expect(200), planned, "the same again");
    let still = acme.tokens("eddsa", "openid").await;
    assert_eq!(kid(&still["id_token"]), first["EdDSA"]["kid"]);

    // At once: the one that waits is brought forward, others are made.
    let now = rotate(json!({ "immediate": true })).await.expect(200);
    let now: BTreeMap<&str, &Value> = now["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|k| (k["alg"].as_str().expect("an alg"), &k["kid"]))
        .collect();
    assert_eq!((now.len(), now["EdDSA"]), (4, &key["kid"]));
    server.advance(KNOWN_EVERYWHERE).await;
    for (client, alg) in SIGNED {
        let tokens = acme.tokens(client, "openid").await;
        assert_eq!(kid(&tokens["id_token"]), *now[alg], "{alg}");
        assert_eq!(kid(&tokens["access_token"]), *now["ES256"]);
        let published = jwks(server, &server.base).await;
        assert!(verifies(&published, &tokens["id_token"]));
        assert!(verifies(&published, &tokens["access_token"]));
    }
    assert_eq!(kids_of(&of_state(&api, "retired").await), kids_of(&first));
    assert!(acme.is_active("eddsa", &before["access_token"]).await, "of a retired key");
    assert_eq!(acme.userinfo(&before["access_token"]).await.status, 200);

    for (body, path) in [
        (json!({ "alg": "HS256" }), "alg"),
        (json!({ "now": true }), "now"),
        (json!({ "immediate": "yes" }), "immediate"),
        (json!([]), ""),
    ] {
        assert_eq!(rotate(body.clone()).await.problem(400, "invalid-request"), [path], "{body}");
    }
    let other = Api::new(server, "other", &["admin"]).await;
    let none = other.post("/signing-keys/rotate", &json!({ "alg": "PS256" })).await;
    assert_eq!(none.problem(400, "invalid-request"), ["alg"]);
    let events = |kind: &str| {
        format!(
            "SELECT COUNT(*) FROM audit_events WHERE {OF_ACME} AND kind = 'signing_key.{kind}' \
             AND actor_kind = 'api_key'"
        )
    };
    // EdDSA twice: planned, and brought forward.
    assert_eq!(server.number(&events("created")).await, 4);
    assert_eq!(server.number(&events("rotated")).await, 5);
}

async fn a_revoked_key_is_nothing_on_any_node(server: &Server) {
    let acme = Acme::new(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    let peer = server.peer().await;
    let active_there = async |token: &Value| {
        let request = server.http.post(format!("{}/t/acme/oauth/introspect", peer.base));
        let request = request.basic_auth("web", Some(crate::oauth::support::secret("web")));
        let form = [("token", token.as_str().expect("a token"))];
        let answer = Answer::of(request.form(&form).send().await.expect("the peer answers")).await;
        answer.ok()["active"] == true
    };
    let mut clients = Client::all(&acme).await;
    let mut browser = Browser::new(server);
    let code = given(&acme.sign_in(&mut browser, "web", &[]).await, "code").expect("a code");
    let tokens = acme.exchange("web", &code).await.ok();
    let token = &tokens["access_token"];
    let hinted = async |browser: &mut Browser, hint: &Value| {
        let hint = hint.as_str().expect("a token");
        let more = [("id_token_hint", hint), ("prompt", "none")];
        let back = browser.open(&acme.authorize_url("web", &more)).await.left();
        given(&back, "error")
    };
    assert!(acme.is_active("web", token).await && active_there(token).await);
    assert_eq!(hinted(&mut browser, &tokens["id_token"]).await, None);
    let keys = of_state(&api, "active").await;
    for alg in ["ES256", "RS256", "EdDSA"] {
        let old = keys[alg]["kid"].as_str().expect("a kid");
        let path = format!("/signing-keys/{old}/revoke");
        let done = api.post(&path, &json!({})).await.expect(200);
        let new = done["items"][0]["kid"].as_str().expect("a kid").to_owned();
        assert_eq!(
            (&done["items"][0]["state"], &done["items"][0]["alg"]),
            (&"active".into(), &alg.into())
        );
        // Here before the answer, there when the feed was read.
        let published = kids(&jwks(server, &server.base).await);
        assert!(published.contains(&new) && !published.contains(old), "{alg}");
        soon("the revocation at the peer", async || {
            let there = kids(&jwks(server, &peer.base).await);
            there.contains(&new) && !there.contains(old)
        })
        .await;
        let stored = format!("SELECT COUNT(*) FROM signing_keys WHERE {OF_ACME}");
        assert_eq!(server.number(&stored).await, 4, "erased");
        api.post(&path, &json!({})).await.problem(404, "not-found");
        if alg == "ES256" {
            assert!(!acme.is_active("web", token).await && !active_there(token).await);
            acme.userinfo(token).await.refused(401, "invalid_token");
            // Those of other keys are as they were.
            assert_eq!(hinted(&mut browser, &tokens["id_token"]).await, None);
        }
        // Whoever was signed in goes on, with tokens of the new key.
        let client = clients.iter_mut().find(|c| c.alg == alg).expect("one of each");
        let fresh = client.tokens(&acme).await;
        assert_eq!(kid(&fresh["id_token"]), new);
        assert!(verifies(&jwks(server, &peer.base).await, &fresh["id_token"]));
        assert_eq!(acme.userinfo(&fresh["access_token"]).await.status, 200);
    }
    let refused = hinted(&mut browser, &tokens["id_token"]).await;
    assert_eq!(refused.as_deref(), Some("invalid_request"));
    // A successor that waits, and a key that signs no more.
    let next = api.post("/signing-keys/rotate", &json!({ "alg": "ES256" })).await.expect(200);
    let next = next["items"][0]["kid"].as_str().expect("a kid").to_owned();
    let done = api.post(&format!("/signing-keys/{next}/revoke"), &json!({})).await.expect(200);
    assert_eq!(done["items"], json!([]));
    let active = of_state(&api, "active").await;
    assert!(
        active["ES256"]["rotate_at"].is_string() && active["ES256"].get("signs_until").is_none()
    );
    let revoked = format!(
        "SELECT COUNT(*) FROM audit_events WHERE {OF_ACME} AND kind = 'signing_key.revoked' \
         AND target_id IS NOT NULL"
    );
    assert_eq!(server.number(&revoked).await, 4);
    let theirs = Api::new(server, "other", &["owner"]).await;
    let kid = active["ES256"]["kid"].as_str().expect("a kid");
    let foreign = theirs.post(&format!("/signing-keys/{kid}/revoke"), &json!({})).await;
    foreign.problem(404, "not-found");
    peer.stop().await;
}

async fn the_setting_is_what_keys_are_planned_by(server: &Server) {
    let acme = Acme::new(server).await;
    let api = Api::new(server, "acme", &["viewer"]).await;
    let micros = "SELECT MAX(rotate_at - signs_from) FROM signing_keys WHERE rotate_at IS NOT NULL";
    let days = |n: i64| n * 86_400_000_000;
    let longest = server.number(micros).await;
    assert!(longest <= days(90) && longest >= days(80), "{longest}");
    server.apply(&rotating_every(0)).await;
    assert!(of_state(&api, "active").await.values().all(|k| k.get("rotate_at").is_none()));
    // Keys that are made from now on, too.
    let admin = Api::new(server, "acme", &["admin"]).await;
    admin.post("/signing-keys/rotate", &json!({ "immediate": true })).await.expect(200);
    server.advance(KNOWN_EVERYWHERE).await;
    let planned =
        format!("SELECT COUNT(*) FROM signing_keys WHERE {OF_ACME} AND rotate_at IS NOT NULL");
    assert_eq!(server.number(&planned).await, 0);
    server.apply(&rotating_every(1)).await;
    assert_eq!(server.number(&planned).await, 4);
    let before = of_state(&api, "active").await;
    server.advance(DAY).await;
    soon("the daily rotation", async || of_state(&api, "next").await.len() == 4).await;
    server.advance(AHEAD).await;
    let tokens = acme.tokens("es256", "openid").await;
    assert_ne!(kid(&tokens["id_token"]), before["ES256"]["kid"]);
    assert!(verifies(&jwks(server, &server.base).await, &tokens["id_token"]));
}

async fn the_command_line_works_beside_the_server(server: &Server) {
    let acme = Acme::new(server).await;
    let run = async |arguments: &[&str]| {
        let mut command = clients::bailiwick();
        command.args(["keys"]).args(arguments).args(["--tenant", "acme"]).envs(server.config());
        clients::succeed(command).await
    };
    let as_json = async |arguments: &[&str]| {
        let all = [arguments, &["--output", "json"]].concat();
        serde_json::from_str::<Value>(&run(&all).await).expect("JSON")
    };
    let listed = as_json(&["list"]).await;
    assert_eq!(
        (&listed["tenant"], listed["keys"].as_array().map(Vec::len)),
        (&"acme".into(), Some(4))
    );
    let before = acme.tokens("web", "openid").await;
    let made = as_json(&["rotate", "--alg", "ES256", "--now"]).await;
    let new = made["keys"][0]["kid"].clone();
    // The command line goes by the system's clock, which nobody moves.
    tokio::time::sleep(KNOWN_EVERYWHERE).await;
    soon("a token of the new key", async || {
        let form = [("grant_type", "client_credentials")];
        let token = acme.token("worker", &form).await.ok();
        kid(&token["access_token"]) == new
    })
    .await;
    assert!(acme.is_active("web", &before["access_token"]).await);
    let old = kid(&before["access_token"]);
    let text = run(&["list"]).await;
    assert!(text.lines().any(|l| l.starts_with(&old) && l.contains("retired")), "{text}");
    let text = run(&["revoke", "--kid", &old]).await;
    assert!(text.contains("nothing takes its place"), "{text}");
    soon("the revocation", async || !acme.is_active("web", &before["access_token"]).await).await;
    let text = run(&["rotate"]).await;
    assert_eq!(text.lines().filter(|l| l.contains("  next ")).count(), 4, "{text}");
    let audited = "SELECT COUNT(*) FROM audit_events WHERE actor_kind = 'operator' \
         AND kind LIKE 'signing_key.%'";
    assert_eq!(server.number(audited).await, 2 + 1 + 8);
}
