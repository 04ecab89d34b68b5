//! Text messages, through the operator's provider: one POST of JSON, which a provider's own interface
//! is put behind.

use std::fmt;
use std::time::Duration;

use bailiwick_domain::breaker::{Breaker, Rule};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use url::Url;

use crate::guard::{Fetcher, OutboundError};
use crate::mail::MailError;

const BREAKER: Rule =
    Rule { failures: 3, first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// How text messages leave.
pub struct Texter {
    fetcher: Fetcher,
    url: Url,
    token: Option<SecretString>,
    breaker: Breaker,
}

impl fmt::Debug for Texter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texter")
    }
}

impl Texter {
    /// To the provider at this address; `token` is sent as a bearer token.
    #[must_use]
    pub fn new(fetcher: Fetcher, url: Url, token: Option<SecretString>) -> Self {
        Self { fetcher, url, token, breaker: Breaker::new(BREAKER) }
    }

    /// Sends `text` to a number in E.164, as `{"to": "+4915112345678", "text": "..."}`. Any 2xx
    /// says that it is sent, 400, 404 and 422 that it never will be.
    ///
    /// # Errors
    /// [`MailError`]. While the provider is away, most calls fail without asking it.
    pub async fn send(&self, to: &str, text: &str, random: u8) -> Result<(), MailError> {
        if !self.breaker.admits(Instant::now().into_std()) {
            return Err(MailError::Unavailable("the provider was away a moment ago".into()));
        }
        let body = serde_json::json!({ "to": to, "text": text });
        let token = self.token.as_ref().map(|t| t.expose_secret());
        let answer = self.fetcher.post_json(self.url.as_str(), token, &body).await;
        let done = match answer {
            Ok(200..300) => Ok(()),
            Ok(status @ (400 | 404 | 422)) => Err(MailError::Refused(format!("status {status}"))),
            Ok(status) => Err(MailError::Unavailable(format!("status {status}"))),
            Err(OutboundError::Failed(_, why)) => Err(MailError::Unavailable(why)),
            Err(e @ OutboundError::Forbidden(_)) => Err(MailError::Refused(e.to_string())),
        };
        if matches!(done, Err(MailError::Unavailable(_))) {
            self.breaker.failed(Instant::now().into_std(), random);
        } else {
            self.breaker.succeeded();
        }
        done
    }
}
