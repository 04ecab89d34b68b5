//! Two customers, and callers of the management API.

use harness::{Browser, Server};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use url::Url;

pub(crate) const PASSWORD: &str = "lovelace-tested-1843";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:3999/callback";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) fn manifest(slug: &str, audiences: &[&str]) -> String {
    format!(
        r#"tenant: {{ slug: {slug}, name: Tenant {slug}, settings: {{ limits: {{ enabled: false }} }} }}
applications:
  - {{ client_id: {slug}-web, name: Web, type: web, client_secret: the-secret-of-{slug}-0123456789,
      first_party: true, redirect_uris: ["{REDIRECT}"], scopes: [openid, email, offline_access],
      grant_types: [authorization_code, refresh_token], audiences: {audiences:?} }}
users:
  - {{ email: ada@{slug}.example, password: {PASSWORD}, name: Ada }}
"#
    )
}

/// Makes the tenants `acme` and `globex`.
pub(crate) async fn tenants(server: &Server) {
    server.apply(&format!("{}---\n{}", manifest("acme", &[]), manifest("globex", &[]))).await;
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("an answer has an end");
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().expect("ASCII"))
    }

    pub(crate) fn str(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The body, of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Checks that it is this problem in the shape of RFC 9457, and gives the mistakes' paths.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, slug: &str) -> Vec<String> {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(self.str("type").ends_with(&format!("/docs/problems/{slug}")), "{self:?}");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.str("request_id"), self.header("x-request-id"));
        assert!(!self.str("title").is_empty() && !self.str("detail").is_empty());
        assert_eq!(self.header("www-authenticate").starts_with("Bearer"), status == 401);
        let paths = self.body["errors"].as_array().into_iter().flatten();
        paths.map(|e| e["path"].as_str().expect("a path").to_owned()).collect()
    }
}

/// A caller of one tenant's management API.
pub(crate) struct Api<'s> {
    pub(crate) server: &'s Server,
    pub(crate) base: String,
    pub(crate) credential: String,
}

impl<'s> Api<'s> {
    /// With a new key of the tenant.
    pub(crate) async fn new(server: &'s Server, slug: &str, roles: &[&str]) -> Self {
        let credential = server.api_key(slug, roles).await;
        Self { server, base: server.issuer(slug), credential }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.base);
        self.server.http.request(method, url).bearer_auth(&self.credential)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    /// Creates something, and gives its path.
    pub(crate) async fn create(&self, list: &str, body: &Value) -> String {
        let made = self.post(list, body).await.expect(201);
        format!("{list}/{}", made["id"].as_str().expect("an id"))
    }

    /// The members of every item of a list, with this many in a page.
    pub(crate) async fn walk(&self, list: &str, limit: usize, member: &str) -> Vec<Value> {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let sign = if list.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{list}{sign}limit={limit}{cursor}")).await.expect(200);
            let items = page["items"].as_array().expect("a list");
            assert!(items.len() <= limit);
            seen.extend(items.iter().map(|item| item[member].clone()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    }

    pub(crate) async fn patch(&self, path: &str, etag: &str, body: &Value) -> Answer {
        let request = self.request(Method::PATCH, path).header("if-match", etag);
        let request = request.header("content-type", "application/merge-patch+json");
        Answer::of(request.body(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str, etag: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path).header("if-match", etag)).await
    }
}

/// What Ada holds after signing in at a tenant.
pub(crate) struct Holdings {
    pub(crate) cookies: String,
    /// Not exchanged yet.
    pub(crate) code: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) id_token: String,
}

pub(crate) fn authorize_url(server: &Server, slug: &str, client: &str) -> String {
    let pairs = [
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid email offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let url = format!("{}/oauth/authorize", server.issuer(slug));
    Url::parse_with_params(&url, pairs).expect("an address").into()
}

/// Signs Ada in at a tenant.
pub(crate) async fn sign_in(server: &Server, slug: &str) -> Holdings {
    let mut browser = Browser::new(server);
    let url = authorize_url(server, slug, &format!("{slug}-web"));
    let code = |back: &Url| {
        let code = back.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("no code in {back}")).1.into_owned()
    };
    let first = code(&browser.authorize(&url, &format!("ada@{slug}.example"), PASSWORD).await);
    let second = code(&browser.open(&url).await.left());
    let tokens = token(
        server,
        slug,
        &[
            ("grant_type", "authorization_code"),
            ("code", &first),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ],
    )
    .await
    .expect(200);
    let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let cookies: Vec<_> =
        browser.cookies().iter().map(|c| format!("{}={}", c.name, c.value)).collect();
    Holdings {
        cookies: cookies.join("; "),
        code: second,
        access_token: text("access_token"),
        refresh_token: text("refresh_token"),
        id_token: text("id_token"),
    }
}

/// A token request of a tenant's application.
pub(crate) async fn token(server: &Server, slug: &str, form: &[(&str, &str)]) -> Answer {
    let request = server.http.post(format!("{}/oauth/token", server.issuer(slug)));
    let secret = format!("the-secret-of-{slug}-0123456789");
    Answer::of(request.basic_auth(format!("{slug}-web"), Some(secret)).form(form)).await
}

/// A refresh at a tenant.
pub(crate) async fn refresh(server: &Server, slug: &str, token_: &str) -> Answer {
    token(server, slug, &[("grant_type", "refresh_token"), ("refresh_token", token_)]).await
}

/// A machine to register.
pub(crate) fn machine(client_id: &str) -> Value {
    json!({ "client_id": client_id, "name": "A machine", "type": "machine", "scopes": ["a"] })
}
