//! A tenant with limits of its own, and callers from addresses of their own.

use std::time::Duration;

use harness::{Browser, Server};
use reqwest::{Client, Response};

use crate::admin::support::Answer;

pub(crate) const PASSWORD: &str = "lovelace-tested-1843";
const REDIRECT: &str = "http://127.0.0.1:3999/callback";

/// A tenant with these limits, such as `client_per_minute: 10`.
pub(crate) fn manifest(slug: &str, limits: &str) -> String {
    let machine = |id: &str| {
        format!("{{ client_id: {id}, name: {id}, type: machine, client_secret: {} }}", secret(id))
    };
    format!(
        r#"tenant: {{ slug: {slug}, name: Tenant {slug}, settings: {{ limits: {{ {limits} }} }} }}
applications:
  - {}
  - {}
  - {{ client_id: spa, name: Spa, type: spa, redirect_uris: ["{REDIRECT}"], scopes: [openid],
      first_party: true }}
users:
  - {{ email: ada@example.com, password: {PASSWORD} }}
"#,
        machine("worker"),
        machine("other"),
    )
}

pub(crate) fn secret(client: &str) -> String {
    format!("the-secret-of-{client}-0123456789")
}

/// Somebody at an address, who speaks to one node.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    /// The issuer of the tenant, at that node.
    base: String,
    from: String,
    /// Waits when it is told to wait for a second.
    patient: bool,
}

impl Caller {
    pub(crate) fn new(server: &Server, base: &str, slug: &str, from: &str) -> Self {
        let (http, base) = (server.http.clone(), format!("{base}/t/{slug}"));
        Self { http, base, from: from.to_owned(), patient: false }
    }

    /// The same, who waits or does not while a node asks for its next slice.
    pub(crate) fn patient(&self, patient: bool) -> Self {
        Self { patient, ..self.clone() }
    }

    pub(crate) fn at(&self, from: &str) -> Self {
        Self { from: from.to_owned(), ..self.clone() }
    }

    fn sent(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header("x-forwarded-for", &self.from)
    }

    /// A token of the application itself.
    pub(crate) async fn token(&self, client: &str) -> Answer {
        self.token_with(client, &secret(client)).await
    }

    pub(crate) async fn token_with(&self, client: &str, secret: &str) -> Answer {
        let request = self.http.post(format!("{}/oauth/token", self.base));
        let request = request.basic_auth(client, Some(secret));
        Answer::of(self.sent(request.form(&[("grant_type", "client_credentials")]))).await
    }

    /// How many of so many token requests are answered with a token.
    pub(crate) async fn tokens(&self, client: &str, times: usize) -> usize {
        let mut allowed = 0;
        for _ in 0..times {
            let mut answer = self.token(client).await;
            // On several nodes: the next slice is not there yet.
            for _ in 0..500 {
                if answer.status != 429 || answer.header("retry-after") != "1" || !self.patient {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                answer = self.token(client).await;
            }
            assert!(matches!(answer.status, 200 | 429), "{answer:?}");
            allowed += usize::from(answer.status == 200);
        }
        allowed
    }

    /// An authorization request for the page.
    pub(crate) async fn authorize(&self) -> Response {
        let request = self.http.get(authorize_url(&self.base));
        self.sent(request).send().await.expect("the server answers")
    }

    /// How many of so many authorization requests are let in.
    pub(crate) async fn authorizations(&self, times: usize) -> usize {
        let mut allowed = 0;
        for _ in 0..times {
            allowed += usize::from(self.authorize().await.status() != 429);
        }
        allowed
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let request = self.http.get(format!("{}/oauth/userinfo", self.base)).bearer_auth(token);
        Answer::of(self.sent(request)).await
    }

    pub(crate) async fn users(&self, key: &str) -> Answer {
        let request = self.http.get(format!("{}/api/v1/users", self.base)).bearer_auth(key);
        Answer::of(self.sent(request)).await
    }
}

fn authorize_url(issuer: &str) -> String {
    let query = [
        "client_id=spa",
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A3999%2Fcallback",
        "response_type=code",
        "scope=openid",
        "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method=S256",
    ];
    format!("{issuer}/oauth/authorize?{}", query.join("&"))
}

/// The sign-in form of one browser, which may be sent as often as one likes.
pub(crate) struct SignIn {
    http: Client,
    path: String,
    fields: Vec<(String, String)>,
    cookies: String,
    base: String,
}

impl SignIn {
    pub(crate) async fn open(server: &Server, slug: &str) -> Self {
        let mut browser = Browser::new(server);
        let page = browser.open(&authorize_url(&server.issuer(slug))).await.page();
        let form = page.form("#sign-in");
        let cookies: Vec<_> =
            browser.cookies().iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        Self {
            http: server.http.clone(),
            path: form.action.path().to_owned(),
            fields: form.fields,
            cookies: cookies.join("; "),
            base: server.base.clone(),
        }
    }

    /// Sends it from an address: 303 when it signs in.
    pub(crate) async fn send(&self, from: &str, email: &str, password: &str) -> Answer {
        self.send_to(&self.base, from, (email, password)).await
    }

    pub(crate) async fn send_to(
        &self,
        base: &str,
        from: &str,
        (email, password): (&str, &str),
    ) -> Answer {
        let mut fields = self.fields.clone();
        fields.retain(|(name, _)| name != "email" && name != "password");
        fields.push(("email".into(), email.into()));
        fields.push(("password".into(), password.into()));
        let request = self.http.post(format!("{base}{}", self.path));
        let request = request.header("cookie", &self.cookies).header("x-forwarded-for", from);
        Answer::of(request.form(&fields)).await
    }

    /// The statuses of so many tries in turn with a wrong password.
    pub(crate) async fn wrong(&self, from: &str, email: &str, times: usize) -> Vec<u16> {
        let mut out = Vec::new();
        for _ in 0..times {
            out.push(self.send(from, email, "a wrong password").await.status);
        }
        out
    }
}
