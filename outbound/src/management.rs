//! The management API of a server that the operator names: for the command line.

use std::time::Duration;

use bailiwick_domain::application::is_loopback;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

/// To connect.
const CONNECT: Duration = Duration::from_secs(10);
/// For a whole request: policies are compiled before they are activated.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of an answer.
const MOST: usize = 8 * 1024 * 1024;

/// A tenant's management API. It follows no redirect: the key goes to the named server alone.
#[derive(Debug)]
pub struct Management {
    client: reqwest::Client,
    base: String,
    key: SecretString,
}

/// Why the management API did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManagementError {
    /// The address cannot be that of a tenant.
    #[error("{0} is no address of a tenant: {1}")]
    Address(String, &'static str),
    /// There was no answer, or not one of a management API.
    #[error("{0} did not answer: {1}")]
    Away(String, String),
    /// It refused.
    #[error("the server refuses ({status}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// What it says, with the places of mistakes.
        message: String,
    },
}

impl Management {
    /// The API of the tenant with this issuer, such as `https://id.example.com/t/acme`.
    ///
    /// # Errors
    /// [`ManagementError::Address`] for anything but `https`, or `http` to this machine.
    pub fn new(issuer: &str, key: SecretString) -> Result<Self, ManagementError> {
        let url = tenant(issuer).map_err(|why| ManagementError::Address(issuer.to_owned(), why))?;
        #[expect(clippy::disallowed_methods, reason = "this crate is the one door")]
        let builder = reqwest::Client::builder();
        let mut builder = builder
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT)
            .user_agent("Bailiwick");
        if url.scheme() == "http" {
            // Not encrypted: past no other machine.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|e| ManagementError::Away("the system's TLS".to_owned(), e.to_string()))?;
        let base = format!("{}/api/v1", url.as_str().trim_end_matches('/'));
        Ok(Self { client, base, key })
    }

    /// GETs a resource; the path begins with a slash.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn get(&self, path: &str) -> Result<Value, ManagementError> {
        self.ask(Method::GET, path, None, None).await
    }

    /// POSTs a document; `etag` is the version that is meant.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn post(
        &self,
        path: &str,
        etag: Option<&str>,
        body: &Value,
    ) -> Result<Value, ManagementError> {
        self.ask(Method::POST, path, etag, Some(body)).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        etag: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value, ManagementError> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, &url).bearer_auth(self.key.expose_secret());
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let away = |why: String| ManagementError::Away(url.clone(), why);
        let broken = |e: reqwest::Error| away(causes(&e.without_url()));
        let mut answer = request.send().await.map_err(broken)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST {
                return Err(away(format!("larger than {MOST} bytes")));
            }
        }
        let status = answer.status();
        let json = serde_json::from_slice(&bytes);
        match json {
            Ok(json) if status.is_success() => Ok(json),
            Ok(json) => Err(refused(status.as_u16(), &json)),
            Err(_) => Err(away(format!("status {}, and no JSON", status.as_u16()))),
        }
    }
}

/// The address, if it can be a tenant's.
fn tenant(issuer: &str) -> Result<Url, &'static str> {
    let url = Url::parse(issuer).map_err(|_| "it is no URL")?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err("it must be https, or http to this machine");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the key belongs into the environment, not into the address");
    }
    if url.host().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err("it must be the issuer, such as https://id.example.com/t/acme");
    }
    Ok(url)
}

/// An error with what it comes from: reqwest alone says little.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// A problem (RFC 9457) in one line.
fn refused(status: u16, problem: &Value) -> ManagementError {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut message = text(&problem["detail"]);
    if message.is_empty() {
        message = text(&problem["title"]);
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        let line = format!("\n  {}: {}", text(&error["path"]), text(&error["message"]));
        message.push_str(&line);
    }
    ManagementError::Refused { status, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_go_over_tls_or_stay_on_this_machine() {
        for right in [
            "https://id.example.com/t/acme",
            "https://id.example.com/t/acme/",
            "http://127.0.0.1:8080/t/acme",
            "http://localhost:8080/t/acme",
            "http://[::1]/t/acme",
        ] {
            let made = Management::new(right, "key".into()).expect(right);
            assert!(made.base.ends_with("/t/acme/api/v1"), "{}", made.base);
        }
        for wrong in [
            "http://id.example.com/t/acme",
            "http://127.0.0.1.example.com/t/acme",
            "https://user:key@id.example.com/t/acme",
            "https://id.example.com/t/acme?key=1",
            "file:///t/acme",
            "id.example.com/t/acme",
        ] {
            let refused = Management::new(wrong, "key".into());
            assert!(matches!(refused, Err(ManagementError::Address(..))), "{wrong}");
        }
        let shown = format!("{:?}", Management::new("https://a.example/t/a", "hush".into()));
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn a_refusal_says_where() {
        let problem = json!({ "title": "T", "detail": "D",
            "errors": [{ "path": "a.cedar:1:2", "message": "M" }] });
        let said = refused(422, &problem).to_string();
        assert_eq!(said, "the server refuses (422): D\n  a.cedar:1:2: M");
    }
}
