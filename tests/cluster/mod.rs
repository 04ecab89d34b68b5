//! Two nodes of the binary on PostgreSQL and Redis, and what happens to clusters.

mod crashes;
mod decisions;
mod outages;
mod races;

use std::time::Duration;

use harness::{Browser, Cluster};
use serde_json::Value;
use url::Url;

use crate::oauth::support::{ADA, Answer, CHALLENGE, REDIRECT, VERIFIER, given, secret, tenant};

/// Registers tests on a cluster, each an async function without parameters.
macro_rules! on_a_cluster {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn postgres() {
                if harness::Backend::Postgres.is_wanted() {
                    harness::block_on(super::$name());
                }
            }
        }
    )+};
}
pub(crate) use on_a_cluster;

/// One user and applications that ask for no consent: `web`, `nograce`, and a machine, `worker`.
pub(crate) fn manifest() -> String {
    let web = "redirect_uris: [\"http://127.0.0.1:3999/callback\"], first_party: true, \
         grant_types: [authorization_code, refresh_token], scopes: [openid, offline_access]";
    let none = format!("{web}, lifetimes: {{ refresh_token_grace: 0 }}");
    let users = "users:\n  - { email: ada@example.com, password: lovelace-tested-1843 }\n";
    let applications = [("web", "web", web), ("nograce", "web", &none), ("worker", "machine", "")];
    tenant("acme", &applications, users)
}

pub(crate) fn authorize_url(base: &str, client: &str) -> String {
    let pairs = [
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let url = Url::parse_with_params(&format!("{base}/t/acme/oauth/authorize"), pairs);
    url.expect("an address").into()
}

/// A browser in which Ada is signed in.
pub(crate) async fn signed_in(cluster: &Cluster) -> Browser {
    let mut browser = Browser::at(&cluster.base, &cluster.http);
    let url = authorize_url(&cluster.base, "web");
    browser.sign_in(&url, ADA.0, ADA.1).await.left();
    browser
}

/// A code for Ada, who is signed in.
pub(crate) async fn code(cluster: &Cluster, browser: &mut Browser, client: &str) -> String {
    let back = browser.open(&authorize_url(&cluster.base, client)).await.left();
    given(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
}

/// POST of a form to a node, or to the cluster, as a client. Nothing when the connection broke.
pub(crate) async fn try_post(
    cluster: &Cluster,
    base: &str,
    (client, path): (&str, &str),
    form: &[(&str, &str)],
) -> Option<Answer> {
    let url = format!("{base}/t/acme{path}");
    let request = cluster.http.post(url).basic_auth(client, Some(secret(client))).form(form);
    Some(Answer::of(request.send().await.ok()?).await)
}

pub(crate) async fn post(
    cluster: &Cluster,
    base: &str,
    to: (&str, &str),
    form: &[(&str, &str)],
) -> Answer {
    try_post(cluster, base, to, form).await.expect("the node answers")
}

pub(crate) async fn exchange(cluster: &Cluster, base: &str, client: &str, code: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    post(cluster, base, (client, "/oauth/token"), &form).await
}

pub(crate) async fn refresh(cluster: &Cluster, base: &str, client: &str, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    post(cluster, base, (client, "/oauth/token"), &form).await
}

/// Refreshes as a client does that retries while its provider is in trouble.
pub(crate) async fn refresh_at_last(cluster: &Cluster, token: &str) -> Value {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let mut last = None;
    for _ in 0..200 {
        last = try_post(cluster, &cluster.base, ("web", "/oauth/token"), &form).await;
        match &last {
            Some(answer) if answer.status == 200 => return answer.body.clone(),
            Some(answer) if answer.status != 503 => break,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("the token was lost: {last:?}");
}

pub(crate) async fn machine_token(cluster: &Cluster, base: &str) -> Value {
    let form = [("grant_type", "client_credentials")];
    post(cluster, base, ("worker", "/oauth/token"), &form).await.ok()["access_token"].clone()
}

pub(crate) async fn is_active(cluster: &Cluster, base: &str, client: &str, token: &Value) -> bool {
    let form = [("token", token.as_str().expect("a token"))];
    let answer = post(cluster, base, (client, "/oauth/introspect"), &form).await.ok();
    answer["active"].as_bool().expect("active is a boolean")
}

/// Waits until a token is inactive at every node.
pub(crate) async fn dies(cluster: &Cluster, client: &str, token: &Value) {
    for node in &cluster.nodes {
        let mut alive = true;
        for _ in 0..100 {
            alive = is_active(cluster, &node.base, client, token).await;
            if !alive {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(!alive, "a token lives on at {}", node.base);
    }
}

pub(crate) fn text<'v>(tokens: &'v Value, name: &str) -> &'v str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}
