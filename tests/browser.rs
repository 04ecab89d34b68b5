//! A real browser registers, signs in by every way there is, and looks at every page on the way.
//!
//! Its pictures are in `tests/screenshots/`, a folder for each database.

use std::process::Command;

use harness::clients::{node, root, succeed};
use harness::{Options, Server, Time, both};

both!(Options { time: Time::Real, ..Options::localhost() } => a_person_with_a_real_browser);

const REDIRECT: &str = "http://localhost:3999/callback";

const MANIFEST: &str = r##"
tenant:
  slug: harbour
  name: Harbour & Co
  settings:
    accounts: { registration: open, email_codes: true }
    mfa: { methods: [passkey, totp, sms_code, email_code] }
    limits: { enabled: false }
    theme: { accent: "#0b6e4f" }
applications:
  - client_id: ships
    name: Ship's log
    type: spa
    redirect_uris: [http://localhost:3999/callback]
    scopes: [openid, profile, email, offline_access, cargo]
"##;

async fn a_person_with_a_real_browser(server: &Server) {
    server.apply(MANIFEST).await;
    let issuer = server.issuer("harbour");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "ships"), ("response_type", "code"), ("state", "s")])
        .extend_pairs([("redirect_uri", REDIRECT), ("scope", "openid profile email cargo")])
        .extend_pairs([("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")])
        .extend_pairs([("code_challenge_method", "S256")])
        .finish();
    let database = if server.database.is_some() { "postgres" } else { "sqlite" };
    let mut command: Command = node("pages.mjs");
    command
        .env("BASE", &server.base)
        .env("ISSUER", &issuer)
        .env("AUTHORIZE", format!("{issuer}/oauth/authorize?{query}"))
        .env("REDIRECT", REDIRECT)
        .env("SHOTS", root().join("tests/screenshots").join(database))
        .env("CHROMIUM", chromium());
    let told = succeed(command).await;
    assert!(told.contains("signs in with the passkey alone"), "{told}");
}

/// As Debian and others name it.
fn chromium() -> &'static str {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = known.into_iter().find(|path| std::path::Path::new(path).exists());
    found.expect("a browser is there: run scripts/setup.sh test")
}
