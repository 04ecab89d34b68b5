//! A client that cannot be pointed at our own network (server-side request forgery).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bailiwick_domain::Kind;
use bailiwick_domain::application::is_loopback;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Why another server did not help.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is not one that we send requests to.
    #[error("the address {0} is not allowed")]
    Forbidden(String),
    /// The server did not answer as expected.
    #[error("{0} did not answer as expected: {1}")]
    Failed(String, String),
}

impl OutboundError {
    /// The kind that callers map.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Invalid,
            Self::Failed(..) => Kind::Unavailable,
        }
    }
}

/// A document to fetch.
pub(crate) struct Get<'a> {
    pub(crate) uri: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// For all of it.
    pub(crate) timeout: Duration,
    /// The most bytes of it.
    pub(crate) most: usize,
}

/// Fetches documents and delivers messages. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    development: bool,
}

impl Fetcher {
    /// A fetcher; in development mode it may also reach loopback, over http.
    ///
    /// # Errors
    /// When the TLS roots of the system cannot be read.
    pub fn new(development: bool) -> Result<Self, OutboundError> {
        #[expect(clippy::disallowed_methods, reason = "this crate is the one door")]
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .no_proxy()
            .user_agent("Bailiwick")
            .dns_resolver(PublicOnly { development })
            .build()
            .map_err(|e| OutboundError::Failed("TLS".into(), e.to_string()))?;
        Ok(Self { client, development })
    }

    /// GETs a JSON document of at most `most` bytes.
    ///
    /// # Errors
    /// [`OutboundError::Forbidden`] for addresses of our own network, [`OutboundError::Failed`]
    /// for everything else.
    pub async fn json(&self, uri: &str, most: usize) -> Result<serde_json::Value, OutboundError> {
        let headers = &[("accept", "application/json")];
        let body = self.get(Get { uri, headers, timeout: TIMEOUT, most }).await?;
        let failed = |_| OutboundError::Failed(uri.to_owned(), "not JSON".into());
        serde_json::from_slice(&body).map_err(failed)
    }

    /// GETs a document.
    ///
    /// # Errors
    /// As [`Fetcher::json`].
    pub(crate) async fn get(&self, get: Get<'_>) -> Result<Vec<u8>, OutboundError> {
        let url = Url::parse(get.uri).map_err(|_| OutboundError::Forbidden(get.uri.into()))?;
        self.check(&url)?;
        let failed = |why: String| OutboundError::Failed(get.uri.to_owned(), why);
        let broken = |e: reqwest::Error| failed(e.without_url().to_string());
        let mut request = self.client.get(url).timeout(get.timeout);
        for (name, value) in get.headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send().await.map_err(broken)?;
        if !answer.status().is_success() {
            return Err(failed(format!("status {}", answer.status().as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > get.most {
                return Err(failed(format!("larger than {} bytes", get.most)));
            }
        }
        Ok(body)
    }

    /// POSTs a form; the result is the status of the answer, whose body is not read.
    ///
    /// # Errors
    /// As [`Self::json`], but every status is an answer.
    pub(crate) async fn post_form(&self, uri: &str, form: String) -> Result<u16, OutboundError> {
        let url = Url::parse(uri).map_err(|_| OutboundError::Forbidden(uri.into()))?;
        self.check(&url)?;
        let request = self.client.post(url).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let failed = |e: reqwest::Error| e.without_url().to_string();
        let answer = request.send().await.map_err(failed);
        let answer = answer.map_err(|why| OutboundError::Failed(uri.to_owned(), why))?;
        Ok(answer.status().as_u16())
    }

    /// POSTs a JSON document; the result is the status of the answer, whose body is not read.
    ///
    /// # Errors
    /// As [`Self::post_form`].
    pub(crate) async fn post_json(
        &self,
        uri: &str,
        bearer: Option<&str>,
        body: &serde_json::Value,
    ) -> Result<u16, OutboundError> {
        let url = Url::parse(uri).map_err(|_| OutboundError::Forbidden(uri.into()))?;
        self.check(&url)?;
        let mut request = self.client.post(url).body(body.to_string());
        request = request.header("content-type", "application/json");
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let failed = |e: reqwest::Error| e.without_url().to_string();
        let answer = request.send().await.map_err(failed);
        let answer = answer.map_err(|why| OutboundError::Failed(uri.to_owned(), why))?;
        Ok(answer.status().as_u16())
    }

    fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let loopback = self.development && is_loopback(url);
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::from(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::from(ip)),
            Some(Host::Domain(_)) => None, // The resolver checks what it resolves to.
            None => return Err(OutboundError::Forbidden(url.to_string())),
        };
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        if scheme && literal.is_none_or(|ip| is_allowed(ip, self.development)) {
            Ok(())
        } else {
            Err(OutboundError::Forbidden(url.to_string()))
        }
    }
}

struct PublicOnly {
    development: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let development = self.development;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|a| is_allowed(a.ip(), development)).collect();
            if allowed.is_empty() {
                return Err(OutboundError::Forbidden(name.as_str().to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is a public one; in development also loopback.
fn is_allowed(ip: IpAddr, development: bool) -> bool {
    match ip.to_canonical() {
        ip if ip.is_loopback() => development,
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b); // RFC 6598
            let benchmark = a == 198 && (b == 18 || b == 19); // RFC 2544
            let protocol = a == 192 && b == 0 && ip.octets()[2] == 0; // RFC 6890
            !(a == 0
                || a >= 240
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_documentation()
                || shared
                || benchmark
                || protocol)
        }
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Global unicast is 2000::/3; in it 6to4, Teredo and NAT64 would carry an IPv4 address past us.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let documentation = a == 0x2001 && b == 0xdb8;
    let teredo = a == 0x2001 && b == 0;
    (a & 0xe000) == 0x2000 && a != 0x2002 && !documentation && !teredo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses() {
        let allowed = |ip: &str, dev| is_allowed(ip.parse().expect("ip"), dev);
        assert!(allowed("93.184.216.34", false) && allowed("2606:2800:220:1::1", false));
        for ip in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ] {
            assert!(!allowed(ip, false), "{ip}");
        }
        assert!(allowed("127.0.0.1", true) && !allowed("10.0.0.1", true));
    }

    #[tokio::test]
    async fn forged_addresses_are_refused_before_connecting() {
        let fetcher = Fetcher::new(false).expect("builds");
        for uri in [
            "http://example.com/jwks",
            "https://127.0.0.1/jwks",
            "https://[::ffff:169.254.169.254]/",
            "https://localhost/jwks",
            "file:///etc/passwd",
            "https://2130706433/",
        ] {
            let answer = fetcher.json(uri, 1_000).await;
            let refused = match &answer {
                Err(OutboundError::Forbidden(_)) => true,
                Err(OutboundError::Failed(..)) => uri.contains("localhost"),
                Ok(_) => false,
            };
            assert!(refused, "{uri}: {answer:?}");
        }
    }
}
