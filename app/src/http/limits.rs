//! The one place where requests are counted, and where limits are told in header fields.
//!
//! A request is counted against its address before anybody proved who is asking ([`Cx::admit`]),
//! and against the application afterwards instead ([`Cx::proven`]). What is told follows
//! draft-ietf-httpapi-ratelimit-headers-10.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use bailiwick_actors::limits::{
    Attempt, ClientAttempt, Limited, Network, Quota, Scope, Ticket, Try,
};
use bailiwick_domain::ApplicationId;
use uuid::Uuid;

use crate::cx::Cx;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl Cx {
    /// Counts the request against its address for that application, or for none that is known.
    ///
    /// # Errors
    /// When there were too many.
    pub fn admit(&self, app: Option<ApplicationId>) -> Result<Ticket, Limited> {
        let limits = self.platform().limits();
        let admitted = limits.admit(&self.view, Network::of(self.from), app, self.now);
        admitted.inspect_err(|limited| self.limited(limited, app))
    }

    /// Counts the request against whoever proved to be asking: an application, or an API key.
    ///
    /// # Errors
    /// When there were too many.
    pub fn proven(&self, ticket: Ticket, who: Uuid) -> Result<Option<Quota>, Limited> {
        let limits = self.platform().limits();
        let counted = limits.proven(&self.view, ticket, who, self.now);
        counted.inspect_err(|limited| self.limited(limited, None))
    }

    /// Counts an attempt to authenticate as an application, before it is made.
    ///
    /// # Errors
    /// When too many have failed.
    pub fn client_attempt(&self, app: Option<ApplicationId>) -> Result<ClientAttempt, Limited> {
        let limits = self.platform().limits();
        let attempt = limits.client_attempt(&self.view, Network::of(self.from), app, self.now);
        attempt.inspect_err(|limited| self.limited(limited, app))
    }

    /// Counts a person's attempt, such as at a `password`, before it is made.
    ///
    /// # Errors
    /// When too many have failed.
    pub async fn attempt(
        &self,
        factor: &'static str,
        identifier: &str,
    ) -> Result<Attempt<'_>, Limited> {
        let what = Try { factor, identifier, from: Network::of(self.from) };
        let attempt = self.platform().limits().attempt(&self.view, what, self.now).await;
        attempt.inspect_err(|limited| self.limited(limited, None))
    }

    fn limited(&self, limited: &Limited, app: Option<ApplicationId>) {
        let kind = match limited.scope {
            Scope::Address => "limited.address",
            Scope::Client => "limited.client",
            Scope::Tenant => "limited.tenant",
            Scope::Global => "limited.global",
            Scope::SignIn => "limited.sign_in",
            Scope::ClientAuth => "limited.client_auth",
        };
        self.refused(kind, app);
    }
}

/// Whether the platform is at its end, and not whoever asks: 503 then, and not 429.
#[must_use]
pub fn is_ours(limited: &Limited) -> bool {
    limited.scope == Scope::Global
}

/// Says when to come again, and which limit it was.
pub fn refuse(headers: &mut HeaderMap, limited: &Limited) {
    headers.insert(header::RETRY_AFTER, HeaderValue::from(limited.retry_after));
    if let Some(quota) = &limited.quota {
        tell(headers, quota);
    }
}

/// Says what is left of a limit.
pub fn tell(headers: &mut HeaderMap, quota: &Quota) {
    let name = quota.scope.name();
    let policy = format!("\"{name}\";q={};w={}", quota.number, quota.window);
    let left = format!("\"{name}\";r={};t={}", quota.remaining, quota.reset);
    for (field, value) in [(RATELIMIT_POLICY, policy), (RATELIMIT, left)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(field, value);
        }
    }
}
