//! What people do with their accounts, and the mails that they get.

mod changes;
mod codes;
mod factors;
mod languages;
mod mail;
mod passkeys;
mod passwords;
mod portal;
mod recovery;
mod registration;
mod risk;
mod templates;

use std::time::Duration;

use harness::{Browser, Page, Server};
use serde_json::Value;

use crate::oauth::support::{ADA, Acme, BOB, secret};

/// The tenant `acme`, where people may make accounts with addresses of `example.com`.
pub(crate) fn manifest(settings: &str) -> String {
    format!(
        "tenant: {{ slug: acme, name: Tenant acme, settings: {{ {settings} }} }}\n\
         applications:\n  - {{ client_id: web, name: The web, type: web, client_secret: {}, \
         first_party: true, redirect_uris: [\"http://127.0.0.1:3999/callback\"], \
         grant_types: [authorization_code, refresh_token], \
         scopes: [openid, email, profile, offline_access] }}\n\
         users:\n  - {{ email: {}, password: {} }}\n  - {{ email: {}, password: {} }}\n",
        secret("web"),
        ADA.0,
        ADA.1,
        BOB.0,
        BOB.1,
    )
}

const OPEN: &str = "accounts: { registration: open, email_domains: [example.com] }";

pub(crate) async fn acme(server: &Server) -> Acme<'_> {
    server.apply(&manifest(OPEN)).await;
    Acme { server, slug: "acme" }
}

/// The mails that were sent, the newest first.
pub(crate) async fn mails(server: &Server) -> Vec<Value> {
    let answer = server.get("/dev/mail").await;
    answer.json::<Vec<Value>>().await.expect("a list")
}

/// Waits for the `n`-th mail to an address and gives its subject and link.
pub(crate) async fn mail(server: &Server, to: &str, n: usize) -> (String, String) {
    for _ in 0..200 {
        let all = mails(server).await;
        let theirs: Vec<_> = all.iter().filter(|m| m["to"] == to).collect();
        if theirs.len() >= n {
            let text = |name: &str| theirs[0][name].as_str().unwrap_or_default().to_owned();
            assert!(text("text").contains(&text("link")), "{:?}", theirs[0]);
            assert_eq!(theirs.len(), n, "{theirs:?}");
            return (text("subject"), text("link"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail {n} to {to}: {:?}", mails(server).await);
}

/// Waits until the worker has nothing left to do.
pub(crate) async fn settled(server: &Server) {
    for _ in 0..200 {
        if server.number("SELECT COUNT(*) FROM jobs WHERE finished_at IS NULL").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("jobs are left undone");
}

/// Fills in the form for who has forgotten the password.
pub(crate) async fn forgot(acme: &Acme<'_>, browser: &mut Browser, email: &str) -> Page {
    let page = browser.open(&acme.url("/account/forgot")).await.page();
    browser.submit(page.form("#send").fill("#email", email)).await.page()
}
