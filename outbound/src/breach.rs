//! Passwords that others have lost: the range interface of Have I Been Pwned, which learns five
//! digits of a hash and never the password.

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bailiwick_domain::breaker::{Breaker, Rule};
use tokio::time::Instant;
use url::Url;

use crate::guard::{Fetcher, Get, OutboundError};

/// Somebody waits for the page.
const TIMEOUT: Duration = Duration::from_secs(2);
/// An answer has about 40 KB.
const MOST_BYTES: usize = 512 * 1024;
/// Hexadecimal digits of the hash that the service learns.
const PREFIX: usize = 5;
const BREAKER: Rule =
    Rule { failures: 3, first: Duration::from_secs(5), longest: Duration::from_secs(60) };

/// Asks a service which passwords are known from breaches.
#[derive(Debug)]
pub struct Breaches {
    fetcher: Fetcher,
    base: String,
    breaker: Breaker,
}

impl Breaches {
    /// Over the service at this address.
    #[must_use]
    pub fn new(fetcher: Fetcher, base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/').to_owned();
        Self { fetcher, base, breaker: Breaker::new(BREAKER) }
    }

    /// Whether a password is in a breach. `random` spreads the next tries of many nodes.
    ///
    /// # Errors
    /// When the service does not say. While it is away, most calls fail without asking it.
    pub async fn hold(&self, password: &str, random: u8) -> Result<bool, OutboundError> {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let (prefix, suffix) = hash.split_at(PREFIX);
        let uri = format!("{}/range/{prefix}", self.base);
        if !self.breaker.admits(Instant::now().into_std()) {
            let why = "away a moment ago".to_owned();
            return Err(OutboundError::Failed(self.base.clone(), why));
        }
        let get = Get {
            uri: &uri,
            // So that the length of the answer does not tell the prefix either.
            headers: &[("accept", "text/plain"), ("add-padding", "true")],
            timeout: TIMEOUT,
            most: MOST_BYTES,
        };
        // What is told of a failure does not hold the digits.
        let failed = |why: &str| OutboundError::Failed(self.base.clone(), why.to_owned());
        let answer = match self.fetcher.get(get).await {
            Ok(body) => std::str::from_utf8(&body)
                .ok()
                .and_then(|text| is_listed(text, suffix))
                .ok_or_else(|| failed("not a list of hashes")),
            Err(OutboundError::Failed(_, why)) => Err(failed(&why)),
            Err(OutboundError::Forbidden(_)) => Err(OutboundError::Forbidden(self.base.clone())),
        };
        match &answer {
            Ok(_) => self.breaker.succeeded(),
            Err(_) => self.breaker.failed(Instant::now().into_std(), random),
        };
        answer
    }
}

/// Whether the list of `SUFFIX:COUNT` has this suffix; padding counts 0. `None` when it is no such
/// list.
fn is_listed(list: &str, suffix: &str) -> Option<bool> {
    let mut listed = false;
    for line in list.lines().filter(|line| !line.is_empty()) {
        let (theirs, count) = line.trim_end().split_once(':')?;
        let count: u64 = count.trim().parse().ok()?;
        listed |= count > 0 && theirs.eq_ignore_ascii_case(suffix);
    }
    Some(listed)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A service that gives this answer to every request, and what it was asked.
    async fn service(answer: String) -> (Breaches, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let base = format!("http://{}/v3/", listener.local_addr().expect("bound"));
        let (put, asked) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (put, answer) = (put.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut request = vec![0; 4_096];
                    let n = socket.read(&mut request).await.unwrap_or_default();
                    let _ = put.send(String::from_utf8_lossy(&request[..n]).into_owned());
                    let _ = socket.write_all(answer.as_bytes()).await;
                });
            }
        });
        let fetcher = Fetcher::new(true).expect("builds");
        (Breaches::new(fetcher, &base.parse().expect("an address")), asked)
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn five_digits_of_a_hash_are_told() {
        // SHA-1 of "password" is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
        let list = "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n\
                    1e4c9b93f3f0682250b6cf8331b7ee68fd8:9545824\r\n\
                    FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:0\r\n";
        let (breaches, mut asked) = service(ok(list)).await;
        assert!(breaches.hold("password", 0).await.expect("answers"));
        let request = asked.recv().await.expect("a request").to_ascii_lowercase();
        assert!(request.starts_with("get /v3/range/5baa6 http/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nadd-padding: true\r\n"), "{request}");
        assert!(!request.contains("1e4c9"), "{request}");
        assert!(!breaches.hold("another", 0).await.expect("answers"));
    }

    #[test]
    fn padding_is_in_no_breach_and_junk_is_no_list() {
        assert_eq!(is_listed("ABC:1\r\nDEF:0", "ABC"), Some(true));
        assert_eq!(is_listed("ABC:1\r\nDEF:0", "DEF"), Some(false));
        assert_eq!(is_listed("", "DEF"), Some(false));
        for junk in ["<html>", "ABC", "ABC:", "ABC:-1", "ABC:many", "ABC:1\n{}"] {
            assert_eq!(is_listed(junk, "ABC"), None, "{junk}");
        }
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_well_is_left_alone() {
        for answer in [
            "HTTP/1.1 503 Away\r\nconnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n"
                .into(),
            ok("<html>Sign in to the network</html>"),
            ok(&"0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n".repeat(20_000)),
            String::new(),
        ] {
            let (breaches, mut asked) = service(answer.clone()).await;
            for _ in 0..6 {
                let failed = breaches.hold("password", 255).await.expect_err(&answer);
                assert!(!failed.to_string().to_ascii_lowercase().contains("5baa6"), "{failed}");
            }
            // After three failures nobody waits for it.
            let requests = std::iter::from_fn(|| asked.try_recv().ok()).count();
            assert_eq!(requests, 3, "{}", answer.get(..40).unwrap_or(&answer));
        }
        let guarded = Fetcher::new(false).expect("builds");
        let local = Breaches::new(guarded, &"http://127.0.0.1:9/".parse().expect("an address"));
        assert!(matches!(local.hold("password", 0).await, Err(OutboundError::Forbidden(_))));
    }
}
