//! Two tenants with applications of every kind, and what a client does with its provider.

use harness::{Browser, Server, Visit};
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

pub(crate) const ADA: (&str, &str) = ("ada@example.com", "lovelace-tested-1843");
pub(crate) const BOB: (&str, &str) = ("bob@example.com", "builder-tested-1999");
/// Nothing listens there: a browser that is sent there has left.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:3999/callback";
pub(crate) const BYE: &str = "http://127.0.0.1:3999/bye";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const RESOURCE: &str = "https://orders.example";

/// The secret of every application that has one.
pub(crate) fn secret(client: &str) -> String {
    format!("the-secret-of-{client}-0123456789")
}

/// Ada and Bob.
pub(crate) const USERS: &str = r#"
users:
  - email: Ada@example.com
    password: lovelace-tested-1843
    email_verified: true
    name: Ada Lovelace
    claims:
      given_name: Ada
      family_name: Lovelace
      locale: en
      zoneinfo: Europe/London
      phone_number: "+441234567890"
      phone_number_verified: true
      address: { street_address: 12 St James's Square, locality: London, postal_code: "" }
  - { email: bob@example.com, password: builder-tested-1999 }
"#;

/// An application as a line of YAML: its id, its type and further members.
fn application(client: &str, kind: &str, more: &str) -> String {
    let confidential = matches!(kind, "web" | "machine") && !more.contains("private_key_jwt");
    let secret =
        if confidential { format!("client_secret: {}, ", secret(client)) } else { String::new() };
    format!("  - {{ client_id: {client}, name: The {client}, type: {kind}, {secret}{more} }}\n")
}

/// A document of a manifest.
pub(crate) fn tenant(slug: &str, applications: &[(&str, &str, &str)], users: &str) -> String {
    let list: String = applications.iter().map(|(c, k, m)| application(c, k, m)).collect();
    format!(
        "tenant: {{ slug: {slug}, name: Tenant {slug}, settings: {{ limits: {{ enabled: false }} \
         }} }}\napplications:\n{list}{users}"
    )
}

fn manifest() -> String {
    const USER: &str = "redirect_uris: [\"http://127.0.0.1:3999/callback\"], \
         post_logout_redirect_uris: [\"http://127.0.0.1:3999/bye\"], \
         grant_types: [authorization_code, refresh_token], \
         scopes: [openid, profile, email, phone, address, offline_access, notes]";
    let with = |more: &str| format!("{USER}, {more}");
    let (first, none) = (
        with("first_party: true"),
        with("first_party: true, lifetimes: { refresh_token_grace: 0 }"),
    );
    let post = with("first_party: true, token_endpoint_auth_method: client_secret_post");
    let front = "redirect_uris: [\"http://127.0.0.1:3999/callback\"], first_party: true, \
         grant_types: [authorization_code, implicit, refresh_token], \
         response_types: [code, id_token, id_token token, code id_token, code token, \
         code id_token token], scopes: [openid, profile, email, offline_access]";
    let two = "redirect_uris: [\"http://127.0.0.1:3999/callback\", \
         \"http://127.0.0.1:3999/other?x=%2f+1\"], first_party: true, scopes: [openid]";
    let native = "redirect_uris: [\"http://127.0.0.1/callback\", \"com.example.app:/cb\"], \
         first_party: true, scopes: [openid]";
    let resources = with(
        "first_party: true, audiences: [\"https://orders.example\", \
         \"https://bills.example\"]",
    );
    let algs: Vec<String> = ["ES256", "PS256", "EdDSA"]
        .map(|alg| with(&format!("first_party: true, id_token_signed_response_alg: {alg}")))
        .into();
    let pairwise = with("first_party: true, subject_type: pairwise");
    let acme = tenant(
        "acme",
        &[
            ("web", "web", &first),
            ("third", "web", USER),
            ("post", "web", &post),
            ("spa", "spa", &first),
            ("native", "native", native),
            ("front", "web", front),
            ("two", "web", two),
            ("nograce", "web", &none),
            ("resources", "web", &resources),
            ("es256", "web", &algs[0]),
            ("ps256", "web", &algs[1]),
            ("eddsa", "web", &algs[2]),
            ("pairwise", "web", &pairwise),
            (
                "worker",
                "machine",
                "scopes: [orders.read, orders.write], audiences: [\"https://orders.example\"]",
            ),
            ("orders", "machine", "audiences: [\"https://orders.example\"]"),
        ],
        USERS,
    );
    let other = tenant("other", &[("web", "web", &first), ("theirs", "web", &first)], USERS);
    format!("{acme}---\n{other}")
}

/// The tenants `acme` and `other` at a server.
pub(crate) struct Acme<'s> {
    pub(crate) server: &'s Server,
    /// The tenant that requests go to.
    pub(crate) slug: &'static str,
}

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null when the body is not JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("an answer has an end");
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    /// A member that is a string.
    pub(crate) fn str(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().expect("ASCII"))
    }

    /// The body, of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body
    }

    /// Checks that it is this error in the shape of RFC 6749 5.2.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.body["error"].as_str()), (status, Some(error)), "{self:?}");
        let description = self.str("error_description");
        let plain = |c: char| (' '..='~').contains(&c) && c != '"' && c != '\\';
        assert!(description.chars().all(plain), "{description}");
        assert!(self.header("content-type").starts_with("application/json"), "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

impl<'s> Acme<'s> {
    pub(crate) async fn new(server: &'s Server) -> Self {
        server.apply(&manifest()).await;
        Self { server, slug: "acme" }
    }

    /// The same server's other tenant.
    pub(crate) fn other(&self) -> Self {
        Self { server: self.server, slug: "other" }
    }

    pub(crate) fn issuer(&self) -> String {
        self.server.issuer(self.slug)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer())
    }

    /// An authorization request of the code flow with PKCE. What is further given replaces its
    /// parameters; an empty value takes one away.
    pub(crate) fn authorize_url(&self, client: &str, more: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("client_id", client),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in more {
            pairs.retain(|(n, _)| n != name);
            pairs.extend((!value.is_empty()).then_some((*name, *value)));
        }
        let url = Url::parse_with_params(&self.url("/oauth/authorize"), pairs);
        url.expect("an address").into()
    }

    /// POST of a form, as this client; with its secret if it has one.
    pub(crate) async fn post_as(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        let mut request = self.server.http.post(self.url(path));
        if matches!(client, "spa" | "native") {
            form.push(("client_id", client));
        } else {
            request = request.basic_auth(client, Some(secret(client)));
        }
        Answer::of(request.form(&form).send().await.expect("the server answers")).await
    }

    pub(crate) async fn token(&self, client: &str, form: &[(&str, &str)]) -> Answer {
        self.post_as(client, "/oauth/token", form).await
    }

    pub(crate) async fn exchange(&self, client: &str, code: &str) -> Answer {
        self.token(
            client,
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", REDIRECT),
                ("code_verifier", VERIFIER),
            ],
        )
        .await
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Answer {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A code for Ada, who signs in with a new browser.
    pub(crate) async fn code(&self, client: &str, more: &[(&str, &str)]) -> String {
        let back = self.sign_in(&mut Browser::new(self.server), client, more).await;
        given(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
    }

    /// Ada signs in, if she has to, and allows what she is asked for.
    pub(crate) async fn sign_in(
        &self,
        browser: &mut Browser,
        client: &str,
        more: &[(&str, &str)],
    ) -> Url {
        self.sign_in_as(ADA, browser, client, more).await
    }

    pub(crate) async fn sign_in_as(
        &self,
        (email, password): (&str, &str),
        browser: &mut Browser,
        client: &str,
        more: &[(&str, &str)],
    ) -> Url {
        let mut visit = browser.open(&self.authorize_url(client, more)).await;
        for _ in 0..3 {
            visit = match visit {
                Visit::Left(url) => return url,
                Visit::Page(page) if page.has("#sign-in") => {
                    let form = page.form("#sign-in").fill("#email", email);
                    browser.submit(form.fill("#password", password)).await
                }
                Visit::Page(page) if page.has("#allow") => {
                    browser.submit(page.form("#allow")).await
                }
                stuck => panic!("stuck at {stuck:?}"),
            };
        }
        visit.left()
    }

    /// The tokens of a whole code flow of Ada's.
    pub(crate) async fn tokens(&self, client: &str, scope: &str) -> Value {
        let code = self.code(client, &[("scope", scope)]).await;
        self.exchange(client, &code).await.ok()
    }

    /// Whether the client's own token is active.
    pub(crate) async fn is_active(&self, client: &str, token: &Value) -> bool {
        let token = token.as_str().expect("a token");
        let body = self.post_as(client, "/oauth/introspect", &[("token", token)]).await.ok();
        let active = body["active"].as_bool().expect("active is a boolean");
        assert!(active || body.as_object().is_some_and(|b| b.len() == 1), "{body}");
        active
    }

    pub(crate) async fn userinfo(&self, token: &Value) -> Answer {
        let token = token.as_str().expect("a token");
        let request = self.server.http.get(self.url("/oauth/userinfo")).bearer_auth(token);
        Answer::of(request.send().await.expect("the server answers")).await
    }
}

/// A parameter of an authorization response, in the query or in the fragment.
pub(crate) fn given(back: &Url, name: &str) -> Option<String> {
    let fragment = back.fragment().unwrap_or_default().as_bytes();
    let mut pairs = back.query_pairs().chain(url::form_urlencoded::parse(fragment));
    pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// A part of a JWT: 0 is its header, 1 its claims. Nothing is verified.
pub(crate) fn part(token: &Value, n: usize) -> Value {
    use base64::Engine as _;
    let token = token.as_str().expect("a token");
    let text = token.split('.').nth(n).expect("a JWT");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

pub(crate) fn claims(token: &Value) -> Value {
    part(token, 1)
}

/// Changes one character in the middle of the last part: a signature, or a MAC.
pub(crate) fn tampered(token: &str) -> String {
    let at = token.len() - 10;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
