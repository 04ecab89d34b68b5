//! Access tokens whose signature was found right: an API asks about the same token again and again,
//! and checking a signature takes longer than all the rest.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bailiwick_actors::TenantView;
use bailiwick_domain::Timestamp;
use bailiwick_protocol::jose::Compact;
use bailiwick_protocol::tokens::{AccessTokenClaims, TokenRefusal, verify_access_token};
use moka::sync::Cache;

/// Tokens that are remembered: about a kilobyte each.
const MOST: u64 = 20_000;
/// How long one is remembered: the usual life of a token.
const LONGEST: Duration = Duration::from_secs(600);

/// What is remembered is the verdict on a signature, which never changes. Whether the key is still
/// published, the token expired or anything revoked is asked every time.
#[derive(Clone)]
pub struct VerifiedTokens(Cache<[u8; 32], Arc<Verified>>);

struct Verified {
    kid: String,
    claims: Arc<AccessTokenClaims>,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(LONGEST).build())
    }
}

impl VerifiedTokens {
    /// As [`verify_access_token`] with the keys and the issuer of a tenant.
    ///
    /// # Errors
    /// Why the token is refused.
    pub fn verify(
        &self,
        view: &TenantView,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<AccessTokenClaims>, TokenRefusal> {
        // The whole token and its tenant: neither another signature nor another tenant finds it.
        let mut hash = Context::new(&SHA256);
        hash.update(view.tenant.id.0.as_bytes());
        hash.update(token.as_bytes());
        let key: [u8; 32] = hash.finish().as_ref().try_into().unwrap_or_default();
        if let Some(found) = self.0.get(&key)
            && now.as_secs() < found.claims.exp
            && view.keys.verifying(&found.kid, now).is_some()
        {
            return Ok(Arc::clone(&found.claims));
        }
        let claims = verify_access_token(&view.keys, &view.tenant.issuer, token, now)?;
        let claims = Arc::new(claims);
        let kid = Compact::split(token).ok().and_then(|token| token.header.kid);
        if let Some(kid) = kid {
            self.0.insert(key, Arc::new(Verified { kid, claims: Arc::clone(&claims) }));
        }
        Ok(claims)
    }
}
