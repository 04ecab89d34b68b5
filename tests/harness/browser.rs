//! A person's browser in miniature: cookies, redirects and forms, no scripts.

use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method};
use url::Url;

use crate::page::{Form, Page};
use crate::server::Server;

/// A browser with cookies of its own.
#[derive(Clone)]
pub struct Browser {
    http: Client,
    home: url::Origin,
    cookies: Vec<Cookie>,
}

/// A cookie as the browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Sent to this path and below it.
    pub path: String,
    /// Its attributes as they came, lower-cased: `httponly`, `samesite=lax`, ...
    pub attributes: Vec<String>,
}

/// Where a visit ends.
#[derive(Clone, Debug)]
pub enum Visit {
    /// At a page of the provider.
    Page(Page),
    /// At an address that is not the provider's, which nobody has to listen at.
    Left(Url),
}

impl Visit {
    /// The page.
    ///
    /// # Panics
    /// When the browser was sent elsewhere.
    pub fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Left(url) => panic!("expected a page, but was sent to {url}"),
        }
    }

    /// The address outside of the provider.
    ///
    /// # Panics
    /// When the browser is still at the provider.
    pub fn left(self) -> Url {
        match self {
            Self::Left(url) => url,
            Self::Page(page) => {
                panic!(
                    "expected to be sent away from {}, got {}:\n{}",
                    page.url, page.status, page.html
                )
            }
        }
    }
}

impl Browser {
    /// A new browser, which knows where the provider ends.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self::at(&server.base, &server.http)
    }

    /// A new browser for the provider at an address.
    #[must_use]
    pub fn at(base: &str, http: &Client) -> Self {
        let base = Url::parse(base).expect("the provider's address is one");
        Self { http: http.clone(), home: base.origin(), cookies: Vec::new() }
    }

    /// Opens an address and follows redirects until they end or leave the provider.
    pub async fn open(&mut self, url: &str) -> Visit {
        let url = Url::parse(url).unwrap_or_else(|e| panic!("{url} is no address: {e}"));
        self.travel(Method::GET, url, None, None).await
    }

    /// Sends a form.
    pub async fn submit(&mut self, form: Form) -> Visit {
        let fields = || {
            let mut out = url::form_urlencoded::Serializer::new(String::new());
            out.extend_pairs(&form.fields).finish()
        };
        let mut action = form.action.clone();
        if form.method == "post" {
            self.travel(Method::POST, action, Some(fields()), Some(&form.page)).await
        } else {
            action.set_query(Some(&fields()));
            self.travel(Method::GET, action, None, None).await
        }
    }

    /// Opens an address that leads to the sign-in page, and signs in there.
    pub async fn sign_in(&mut self, url: &str, email: &str, password: &str) -> Visit {
        let form = self.open(url).await.page().form("#sign-in");
        self.submit(form.fill("#email", email).fill("#password", password)).await
    }

    /// As [`Browser::sign_in`], then allows what the application asks for, if it asks: the address
    /// that the application is called back at.
    pub async fn authorize(&mut self, url: &str, email: &str, password: &str) -> Url {
        match self.sign_in(url, email, password).await {
            Visit::Page(page) if page.has("#allow") => {
                self.submit(page.form("#allow")).await.left()
            }
            visit => visit.left(),
        }
    }

    /// The cookies that it has.
    #[must_use]
    pub fn cookies(&self) -> &[Cookie] {
        &self.cookies
    }

    /// Forgets every cookie.
    pub fn clear_cookies(&mut self) {
        self.cookies.clear();
    }

    async fn travel(
        &mut self,
        mut method: Method,
        mut url: Url,
        mut body: Option<String>,
        from: Option<&Url>,
    ) -> Visit {
        for _ in 0..10 {
            if url.origin() != self.home {
                return Visit::Left(url);
            }
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(cookies) = self.cookies_for(url.path()) {
                request = request.header(COOKIE, cookies);
            }
            if let Some(body) = &body {
                request = request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body.clone());
                if let Some(from) = from {
                    request = request.header(ORIGIN, from.origin().ascii_serialization());
                }
            }
            let answer = request.send().await.expect("the server answers");
            self.keep(answer.headers(), url.path());
            let status = answer.status().as_u16();
            let location = answer.headers().get(LOCATION).filter(|_| (300..400).contains(&status));
            let Some(location) = location else {
                let headers = answer.headers().clone();
                let html = answer.text().await.expect("the answer has an end");
                return Visit::Page(Page { url, status, headers, html });
            };
            let location = location.to_str().expect("an address is ASCII");
            url = url.join(location).unwrap_or_else(|e| panic!("redirect to {location}: {e}"));
            if !matches!(status, 307 | 308) {
                method = Method::GET;
                body = None;
            }
        }
        panic!("too many redirects at {url}")
    }

    fn cookies_for(&self, path: &str) -> Option<String> {
        let matching: Vec<_> = self
            .cookies
            .iter()
            .filter(|c| covers(&c.path, path))
            .map(|c| format!("{}={}", c.name, c.value))
            .collect();
        (!matching.is_empty()).then(|| matching.join("; "))
    }

    fn keep(&mut self, headers: &HeaderMap, request_path: &str) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("a cookie is ASCII");
            let (cookie, gone) = parse_cookie(line, request_path);
            let same = |c: &Cookie| (&c.name, &c.path) == (&cookie.name, &cookie.path);
            match self.cookies.iter().position(same) {
                Some(at) if gone => drop(self.cookies.remove(at)),
                // Keeps its place (RFC 6265 section 5.3).
                Some(at) => self.cookies[at] = cookie,
                None if gone => {}
                None => self.cookies.push(cookie),
            }
        }
    }
}

/// A `Set-Cookie` line (RFC 6265 section 5.2), and whether it removes the cookie.
fn parse_cookie(line: &str, request_path: &str) -> (Cookie, bool) {
    let mut parts = line.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default();
    let (name, value) = pair.split_once('=').unwrap_or_else(|| panic!("not a cookie: {line}"));
    let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
    let attribute = |name: &str| {
        let value = |a: &String| a.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
        attributes.iter().find_map(value)
    };
    let own = request_path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let default = if own.is_empty() { "/" } else { own };
    // Not from the lower-cased copy: paths have capitals.
    let path = line
        .split(';')
        .find_map(|p| {
            p.trim().get(..5).filter(|p| p.eq_ignore_ascii_case("path=")).and(p.trim().get(5..))
        })
        .filter(|p| p.starts_with('/'))
        .unwrap_or(default);
    if name.starts_with("__Host-") {
        let host_only = attributes.iter().any(|a| a == "secure")
            && path == "/"
            && attribute("domain").is_none();
        assert!(host_only, "a browser refuses this cookie: {line}");
    }
    let gone = attribute("max-age").is_some_and(|age| age == "0" || age.starts_with('-'));
    let cookie = Cookie { name: name.into(), value: value.into(), path: path.into(), attributes };
    (cookie, gone)
}

/// Whether a cookie of this path is sent to a request's path (RFC 6265 section 5.1.4).
fn covers(cookie: &str, request: &str) -> bool {
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}
