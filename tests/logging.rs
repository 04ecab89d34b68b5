//! What is logged of a full flow: request ids and tenants, and no secret, token or personal data.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use harness::{Browser, Server, both};
use serde_json::Value;

use crate::oauth::support::{ADA, Acme, VERIFIER, given, secret};

both!(a_full_flow_leaves_no_secret_and_nobody_in_the_log);

/// All that this process logs: its other tests add to it.
#[derive(Clone, Copy)]
struct Captured;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn capture() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // More than production logs: what is said of requests and SQL on the way, too.
        let directives = "debug,hyper_util=off,reqwest=off,selectors=off,html5ever=off,h2=off";
        let subscriber = bailiwick::telemetry::subscriber(directives, || Captured);
        let subscriber = subscriber.expect("the directives are right");
        tracing::subscriber::set_global_default(subscriber).expect("nobody else captures");
    });
}

async fn a_full_flow_leaves_no_secret_and_nobody_in_the_log(server: &Server) {
    capture();
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    let mut forbidden: Vec<String> = [ADA.0, ADA.1, "Lovelace", VERIFIER].map(Into::into).into();
    forbidden.extend(["web", "third", "worker"].map(secret));
    let scope = [("scope", "openid profile email phone offline_access")];
    let form = browser.open(&acme.authorize_url("third", &scope)).await.page().form("#sign-in");
    let wrong = form.clone().fill("#email", ADA.0).fill("#password", "guessed-wrong-1");
    forbidden.push("guessed-wrong-1".into());
    browser.submit(wrong).await.page();
    forbidden.extend(["csrf", "request"].map(|f| form.value(f).expect("a value").to_owned()));
    let back = acme.sign_in(&mut browser, "third", &scope).await;
    let code = given(&back, "code").expect("a code");
    let tokens = acme.exchange("third", &code).await.ok();
    let fresh = acme.refresh("third", tokens["refresh_token"].as_str().expect("one")).await.ok();
    let me = acme.userinfo(&fresh["access_token"]).await.ok();
    acme.userinfo(&Value::from("a-token-of-nobody")).await.refused(401, "invalid_token");
    assert!(acme.is_active("third", &fresh["access_token"]).await);
    acme.exchange("third", &code).await.refused(400, "invalid_grant");
    let token = fresh["refresh_token"].as_str().expect("one");
    acme.post_as("third", "/oauth/revoke", &[("token", token)]).await;
    let hint = tokens["id_token"].as_str().expect("one");
    browser.open(&acme.url(&format!("/oauth/logout?id_token_hint={hint}"))).await.page();
    let machine = acme.token("worker", &[("grant_type", "client_credentials")]).await.ok();
    forbidden.push("a-token-of-nobody".into());
    forbidden.push(code);
    forbidden.push(me["sub"].as_str().expect("a sub").to_owned());
    forbidden.push(me["phone_number"].as_str().expect("a number").to_owned());
    forbidden.extend(browser.cookies().iter().map(|c| c.value.clone()));
    for body in [&tokens, &fresh, &machine] {
        for name in ["access_token", "refresh_token", "id_token"] {
            // Neither whole nor a part of it.
            let token = body[name].as_str().unwrap_or_default();
            forbidden.extend(token.split('.').filter(|p| p.len() > 20).map(str::to_owned));
        }
    }
    let log = LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let log = String::from_utf8(log).expect("logs are UTF-8");
    let line_with = |text: &str| log.lines().find(|l| l.contains(text));
    for text in forbidden {
        assert!(line_with(&text).is_none(), "{text:?} is in the log: {:?}", line_with(&text));
    }
    let answered: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .filter(|line: &Value| line["message"] == "answered")
        .collect();
    // Other tests of this process log, too, of tenants of their own.
    let ours = |l: &&Value| l["route"] == "/oauth/token" && l["span"]["tenant"] == "acme";
    let token = answered.iter().find(ours).expect("a line that names the tenant");
    assert_eq!(token["span"]["request_id"].as_str().map(str::len), Some(32));
    assert!(token["status"].is_number() && token["method"] == "POST");
}
