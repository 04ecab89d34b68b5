//! Other people's OpenID Connect clients log in, refresh, call userinfo, introspect, revoke and
//! log out, and verify every token by discovery alone.

mod openidconnect;

use std::process::Command;

use harness::clients::{node, python, succeed};
use harness::{Options, Server, both};

both!(Options::real_time() =>
    node_web,
    node_public,
    python_web,
    python_public,
    rust_web,
    rust_public,
);

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "lovelace-tested-1843";
/// Nothing listens there: the drivers read the address that they are sent to.
const REDIRECT_URI: &str = "http://127.0.0.1:3999/callback";
const POST_LOGOUT_URI: &str = "http://127.0.0.1:3999/bye";
/// RFC 6749 2.3.1 has clients form-encode both before Basic: these change when they do not.
const CLIENT_ID: &str = "web.app~1";
const SECRET: &str = "s3cret+with/slashes=and:colons%20";

const MANIFEST: &str = r#"
tenant: { slug: clients, name: Clients, settings: { limits: { enabled: false } } }
applications:
  - client_id: web.app~1
    name: Web
    type: web
    client_secret: "s3cret+with/slashes=and:colons%20"
    redirect_uris: [http://127.0.0.1:3999/callback]
    post_logout_redirect_uris: [http://127.0.0.1:3999/bye]
    grant_types: [authorization_code, refresh_token]
    scopes: [openid, profile, email, offline_access]
  - client_id: public
    name: Public
    type: spa
    redirect_uris: [http://127.0.0.1:3999/callback]
    post_logout_redirect_uris: [http://127.0.0.1:3999/bye]
    grant_types: [authorization_code, refresh_token]
    scopes: [openid, profile, email, offline_access]
    first_party: true
users:
  - { email: ada@example.com, password: lovelace-tested-1843, email_verified: true, name: Ada }
"#;

/// The application that a client acts as.
#[derive(Clone, Copy)]
struct Role {
    client_id: &'static str,
    secret: Option<&'static str>,
}

const WEB: Role = Role { client_id: CLIENT_ID, secret: Some(SECRET) };
const PUBLIC: Role = Role { client_id: "public", secret: None };

async fn node_web(server: &Server) {
    script(server, node("client.mjs"), WEB).await;
}

async fn node_public(server: &Server) {
    script(server, node("client.mjs"), PUBLIC).await;
}

async fn python_web(server: &Server) {
    script(server, python("client.py"), WEB).await;
}

async fn python_public(server: &Server) {
    script(server, python("client.py"), PUBLIC).await;
}

async fn rust_web(server: &Server) {
    server.apply(MANIFEST).await;
    openidconnect::act(server, WEB).await;
}

async fn rust_public(server: &Server) {
    server.apply(MANIFEST).await;
    openidconnect::act(server, PUBLIC).await;
}

async fn script(server: &Server, mut command: Command, role: Role) {
    server.apply(MANIFEST).await;
    command
        .env("ISSUER", server.issuer("clients"))
        .env("CLIENT_ID", role.client_id)
        .env("CLIENT_SECRET", role.secret.unwrap_or_default())
        .env("EMAIL", EMAIL)
        .env("PASSWORD", PASSWORD)
        .env("REDIRECT_URI", REDIRECT_URI)
        .env("POST_LOGOUT_URI", POST_LOGOUT_URI);
    let printed = succeed(command).await;
    assert!(printed.ends_with("logged out\n"), "{printed}");
}
