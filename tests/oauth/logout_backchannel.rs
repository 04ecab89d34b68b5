//! OpenID Connect Back-Channel Logout 1.0: a real receiver gets a token and verifies it.

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::env::Clock as _;
use bailiwick_protocol::jose::{VerifyingKey, verify_compact};
use harness::receiver::{Receiver, Request};
use harness::{Browser, Server, both};
use serde_json::{Value, json};
use url::Url;

use super::support::{ADA, Acme, BOB, REDIRECT, USERS, claims, given, tenant};
use crate::account::{forgot, mail, settled};
use crate::admin::support::Api;

both!(
    every_application_of_the_session_is_told_and_no_other,
    every_way_of_ending_a_session_tells,
    one_that_is_away_is_told_later,
    a_refusal_is_final_and_an_absence_not_forever,
    a_slow_one_holds_up_no_other,
);

/// An application that is told at a path of its own name.
fn listens(receiver: &Receiver, client: &str, more: &str) -> String {
    let uri = receiver.url(&format!("/{client}?x=1"));
    format!(
        "redirect_uris: [\"{REDIRECT}\"], first_party: true, scopes: [openid, offline_access], \
         grant_types: [authorization_code, refresh_token], backchannel_logout_uri: \"{uri}\"{more}"
    )
}

/// The tenant `acme` with an application that is told by this receiver.
async fn with_one<'s>(server: &'s Server, receiver: &Receiver) -> Acme<'s> {
    let one = listens(receiver, "one", "");
    server.apply(&tenant("acme", &[("one", "web", &one)], USERS)).await;
    Acme { server, slug: "acme" }
}

/// Signs in to an application and gives its ID token.
async fn id_token(acme: &Acme<'_>, browser: &mut Browser, client: &str) -> Value {
    let back = acme.sign_in(browser, client, &[]).await;
    acme.exchange(client, &given(&back, "code").expect("a code")).await.ok()["id_token"].clone()
}

/// The application sends the browser to the logout endpoint.
async fn log_out(acme: &Acme<'_>, browser: &mut Browser, id_token: &Value) {
    let hint = [("id_token_hint", id_token.as_str().expect("a token"))];
    let url = Url::parse_with_params(&acme.url("/oauth/logout"), hint).expect("an address");
    assert!(browser.open(url.as_str()).await.page().has("#signed-out"));
}

/// The claims of a logout token, verified as an application does (Back-Channel Logout 1.0 2.6).
async fn verified(acme: &Acme<'_>, request: &Request, alg: SigningAlg) -> Value {
    assert!(request.head.contains("content-type: application/x-www-form-urlencoded"));
    let token = request.body.strip_prefix("logout_token=").expect("a form");
    let keys: Value = acme
        .server
        .http
        .get(acme.url("/.well-known/jwks.json"))
        .send()
        .await
        .expect("the server answers")
        .json()
        .await
        .expect("a key set");
    let keys: BTreeMap<&str, VerifyingKey> = keys["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .filter(|key| key["alg"] == alg.name())
        .map(|key| {
            let parsed = VerifyingKey::from_jwk(alg, key).expect("a key");
            (key["kid"].as_str().expect("a kid"), parsed)
        })
        .collect();
    let verified = verify_compact(token, |header| keys.get(header.kid.as_deref()?));
    let verified = verified.expect("signed by the tenant");
    assert_eq!(verified.header().typ.as_deref(), Some("logout+jwt"));
    verified.claims().expect("claims")
}

async fn every_application_of_the_session_is_told_and_no_other(server: &Server) {
    let receiver = Receiver::start().await;
    let pairwise = listens(&receiver, "pair", ", subject_type: pairwise");
    let es = listens(&receiver, "es", ", id_token_signed_response_alg: ES256");
    let one = listens(&receiver, "one", "");
    let (never, elsewhere) = (listens(&receiver, "never", ""), listens(&receiver, "else", ""));
    let silent = format!("redirect_uris: [\"{REDIRECT}\"], first_party: true, scopes: [openid]");
    let applications = [
        ("one", "web", one.as_str()),
        ("pair", "web", &pairwise),
        ("es", "web", &es),
        ("never", "web", &never),
        ("else", "web", &elsewhere),
        ("silent", "web", &silent),
    ];
    let theirs = listens(&receiver, "theirs", "");
    let theirs = tenant("other", &[("theirs", "web", &theirs)], USERS);
    server.apply(&format!("{}---\n{theirs}", tenant("acme", &applications, USERS))).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    let mut tokens = BTreeMap::new();
    for client in ["one", "pair", "es", "silent"] {
        tokens.insert(client, id_token(&acme, &mut browser, client).await);
    }
    // Again in the same session: still told once.
    id_token(&acme, &mut browser, "one").await;
    let mut other = Browser::new(server);
    let kept = id_token(&acme, &mut other, "else").await;
    id_token(&acme.other(), &mut browser, "theirs").await;

    log_out(&acme, &mut browser, &tokens["silent"]).await;
    settled(server).await;
    let requests = receiver.all();
    let mut lines: Vec<_> = requests.iter().map(|r| r.line.as_str()).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["POST /es?x=1", "POST /one?x=1", "POST /pair?x=1"]);
    let mut jtis = Vec::new();
    for (client, alg) in
        [("one", SigningAlg::RS256), ("pair", SigningAlg::RS256), ("es", SigningAlg::ES256)]
    {
        let request = requests.iter().find(|r| r.line.contains(&format!("/{client}?")));
        let mut told = verified(&acme, request.expect("it was told"), alg).await;
        let known = claims(&tokens[client]);
        let now = server.clock.now().as_secs();
        assert_eq!((told["iat"].as_i64(), told["exp"].as_i64()), (Some(now), Some(now + 120)));
        let told = told.as_object_mut().expect("claims");
        jtis.extend(told.remove("jti"));
        told.retain(|name, _| !["iat", "exp"].contains(&name.as_str()));
        // What the ID token said, and no nonce.
        let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        let expected = json!({
            "iss": acme.issuer(), "aud": client, "sub": known["sub"], "sid": known["sid"],
            "events": event,
        });
        assert_eq!(json!(told), expected);
    }
    jtis.dedup();
    assert_eq!(jtis.len(), 3, "each has its own jti");
    let [one, pair] = ["one", "pair"].map(|client| claims(&tokens[client])["sub"].clone());
    assert_ne!(one, pair);
    // The other session goes on, until it ends too.
    log_out(&acme, &mut other, &kept).await;
    let last = receiver.wait_for(4).await.pop().expect("the last");
    let told = verified(&acme, &last, SigningAlg::RS256).await;
    assert_eq!((&told["aud"], &told["sid"]), (&"else".into(), &claims(&kept)["sid"]));
}

async fn every_way_of_ending_a_session_tells(server: &Server) {
    let receiver = Receiver::start().await;
    let one = listens(&receiver, "one", "");
    let manifest = tenant("acme", &[("one", "web", &one)], USERS);
    let few = "settings: { sessions: { max_per_user: 1 }, ";
    server.apply(&manifest.replacen("settings: { ", few, 1)).await;
    let acme = Acme { server, slug: "acme" };
    let api = Api::new(server, "acme", &["admin"]).await;
    let users = api.get("/users").await.expect(200);
    let user = |email: &str| {
        let mut all = users["items"].as_array().expect("users").iter();
        let found =
            all.find(|u| u["email"].as_str().is_some_and(|e| e.eq_ignore_ascii_case(email)));
        format!("/users/{}", found.expect("the user")["id"].as_str().expect("an id"))
    };
    let mut told = 0;
    for way in ["page", "too many", "mail", "password", "deactivated", "deleted"] {
        let (email, password) = if way == "deleted" { BOB } else { ADA };
        let password = if way == "password" { "a-new-password-2026" } else { password };
        let mut browser = Browser::new(server);
        let back = acme.sign_in_as((email, password), &mut browser, "one", &[]).await;
        let tokens = acme.exchange("one", &given(&back, "code").expect("a code")).await.ok();
        let etag = async |path: &str| api.get(path).await.header("etag").to_owned();
        let change = async |body: Value| {
            let path = user(email);
            api.patch(&path, &etag(&path).await, &body).await.expect(200);
        };
        match way {
            "page" => {
                let page = browser.open(&acme.url("/oauth/logout")).await.page();
                assert!(browser.submit(page.form("#sign-out")).await.page().has("#signed-out"));
            }
            "too many" => {
                acme.sign_in(&mut Browser::new(server), "one", &[]).await;
            }
            "mail" => {
                forgot(&acme, &mut Browser::new(server), ADA.0).await;
                let (_, link) = mail(server, "Ada@example.com", 1).await;
                let page = browser.open(&link).await.page();
                let form = page.form("#save").fill("#password", "a-new-password-2026");
                assert_eq!(browser.submit(form).await.page().status, 200);
            }
            "password" => change(json!({ "password": ADA.1 })).await,
            "deactivated" => change(json!({ "active": false })).await,
            // Erased at once, and told all the same.
            _ => {
                let path = user(email);
                assert_eq!(api.delete(&path, &etag(&path).await).await.status, 204);
            }
        }
        settled(server).await;
        let requests = receiver.all();
        let mut sids = Vec::new();
        for request in &requests[told..] {
            let told = verified(&acme, request, SigningAlg::RS256).await;
            assert_eq!(told["sub"], claims(&tokens["id_token"])["sub"]);
            sids.push(told["sid"].clone());
        }
        assert!(sids.contains(&claims(&tokens["id_token"])["sid"]), "{way}: {sids:?}");
        told = requests.len();
    }
}

async fn one_that_is_away_is_told_later(server: &Server) {
    let port = harness::free_port();
    let receiver = Receiver::at(port).await;
    let acme = with_one(server, &receiver).await;
    drop(receiver);
    let mut browser = Browser::new(server);
    let token = id_token(&acme, &mut browser, "one").await;
    log_out(&acme, &mut browser, &token).await;
    let failed = "SELECT COUNT(*) FROM jobs WHERE last_error IS NOT NULL";
    while server.number(failed).await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let receiver = Receiver::at(port).await;
    receiver.answer(Some(503));
    server.advance(Duration::from_secs(5)).await;
    let first = receiver.wait_for(1).await.remove(0);
    while server.number("SELECT MAX(attempts) FROM jobs WHERE locked_until IS NULL").await < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    receiver.answer(Some(204));
    server.advance(Duration::from_secs(600)).await;
    let second = receiver.wait_for(2).await.remove(1);
    settled(server).await;
    let (first, second) = (
        verified(&acme, &first, SigningAlg::RS256).await,
        verified(&acme, &second, SigningAlg::RS256).await,
    );
    // Signed when it is sent: the first one has expired by now.
    assert_eq!(second["iat"].as_i64(), first["iat"].as_i64().map(|at| at + 600));
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(first["sid"], second["sid"]);
    assert_eq!(server.number(FAILED).await, 0);
}

const FAILED: &str = "SELECT COUNT(*) FROM audit_events WHERE kind = 'logout.failed'";

async fn a_refusal_is_final_and_an_absence_not_forever(server: &Server) {
    let receiver = Receiver::start().await;
    let acme = with_one(server, &receiver).await;
    let mut browser = Browser::new(server);
    receiver.answer(Some(400));
    let token = id_token(&acme, &mut browser, "one").await;
    log_out(&acme, &mut browser, &token).await;
    settled(server).await;
    assert_eq!((receiver.all().len(), server.number(FAILED).await), (1, 1));
    server.advance(Duration::from_secs(10_000)).await;
    receiver.answer(Some(500));
    let token = id_token(&acme, &mut browser, "one").await;
    log_out(&acme, &mut browser, &token).await;
    for attempt in 1..=12 {
        receiver.wait_for(1 + attempt).await;
        let noted = format!(
            "SELECT COUNT(*) FROM jobs WHERE kind = 'logout.backchannel' \
             AND attempts = {attempt} AND locked_until IS NULL"
        );
        // The refused one has one attempt, too.
        while server.number(&noted).await <= i64::from(attempt == 1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.advance(Duration::from_secs(5_000)).await;
    }
    settled(server).await;
    assert_eq!((receiver.all().len(), server.number(FAILED).await), (13, 2));
    let reasons = "SELECT COUNT(*) FROM audit_events WHERE target_kind = 'application' \
         AND CAST(data AS TEXT) LIKE '%unavailable%'";
    assert_eq!(server.number(reasons).await, 1);
}

async fn a_slow_one_holds_up_no_other(server: &Server) {
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    let (first, second) = (listens(&slow, "slow", ""), listens(&quick, "quick", ""));
    let applications = [("slow", "web", first.as_str()), ("quick", "web", &second)];
    server.apply(&tenant("acme", &applications, USERS)).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    id_token(&acme, &mut browser, "slow").await;
    let token = id_token(&acme, &mut browser, "quick").await;
    slow.answer(None);
    log_out(&acme, &mut browser, &token).await;
    // The slow one answers only once the quick one, which comes after it, was told.
    slow.wait_for(1).await;
    quick.wait_for(1).await;
    slow.answer(Some(200));
    settled(server).await;
    assert_eq!((slow.all().len(), quick.all().len()), (1, 1), "nobody was told twice");
}
