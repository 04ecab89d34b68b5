//! How applications are told that a session has ended: a signed token (Back-Channel Logout 1.0), or
//! an address that a frame opens (Front-Channel Logout 1.0).

use bailiwick_domain::{ApplicationSpec, SessionId};
use serde_json::json;

use crate::authorize::response::with_query;
use crate::jose::{JoseError, SigningKey, Typ};

/// The event that a logout token is about (Back-Channel Logout 1.0 2.4).
pub const BACKCHANNEL_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Seconds: "it is RECOMMENDED that [...] expiration times [...] be short, preferably two minutes"
/// (Back-Channel Logout 1.0 4).
const LIFETIME: i64 = 120;

/// What a logout token is made of (Back-Channel Logout 1.0 2.4).
#[derive(Clone, Copy, Debug)]
pub struct LogoutToken<'a> {
    /// The issuer of the tenant.
    pub iss: &'a str,
    /// The application: `aud`.
    pub client_id: &'a str,
    /// The user as the application sees it.
    pub sub: &'a str,
    /// The session that has ended.
    pub sid: SessionId,
    /// When it is issued, in whole seconds since the Unix epoch. It is good for two minutes.
    pub iat: i64,
    /// Unique in the tenant.
    pub jti: &'a str,
}

impl LogoutToken<'_> {
    /// Signs it: `typ` is `logout+jwt`, and there is no `nonce`, so that nothing takes it for an ID
    /// token.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        let claims = json!({
            "iss": self.iss,
            "sub": self.sub,
            "aud": self.client_id,
            "iat": self.iat,
            "exp": self.iat + LIFETIME,
            "jti": self.jti,
            "sid": self.sid,
            "events": { BACKCHANNEL_EVENT: {} },
        });
        key.sign(Typ::LogoutToken, &claims)
    }
}

/// What a frame opens to sign the user out of an application, if it is registered for that: with
/// `iss` and `sid` when the application needs them (Front-Channel Logout 1.0 3).
#[must_use]
pub fn frontchannel_uri(app: &ApplicationSpec, issuer: &str, sid: SessionId) -> Option<String> {
    let uri = app.frontchannel_logout_uri.as_deref()?;
    Some(if app.frontchannel_logout_session_required {
        with_query(uri, &[("iss", issuer.to_owned()), ("sid", sid.to_string())])
    } else {
        uri.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use bailiwick_domain::Timestamp;
    use bailiwick_domain::application::SigningAlg;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::jose::{KeyRow, KeySet, KeyTimes, verify_compact};
    use crate::tokens::{TokenRefusal, verify_access_token, verify_id_token_hint};

    const ISSUER: &str = "https://id.example/t/acme";
    const NOW: Timestamp = Timestamp::from_secs(1_000);
    const SID: SessionId = SessionId(Uuid::from_u128(7));

    #[test]
    fn a_logout_token_says_what_it_must_and_nothing_that_it_must_not() {
        for alg in SigningAlg::ALL {
            let made = SigningKey::generate(alg).expect("generates");
            let keys = KeySet::new(vec![KeyRow {
                kid: "k".into(),
                alg,
                public_jwk: made.public_jwk,
                pkcs8: made.pkcs8,
                times: KeyTimes { signs_from: Timestamp::EPOCH, signs_until: None, gone_at: None },
            }]);
            let token = LogoutToken {
                iss: ISSUER,
                client_id: "app",
                sub: "ada",
                sid: SID,
                iat: 1_000,
                jti: "j",
            };
            let token = token.sign(keys.signing_key(alg, NOW).expect("a key")).expect("signs");
            let verified = verify_compact(&token, |h| keys.verifying(h.kid.as_deref()?, NOW));
            let verified = verified.expect("verifies");
            assert_eq!(verified.header().typ.as_deref(), Some("logout+jwt"));
            let expected = json!({
                "iss": ISSUER, "aud": "app", "sub": "ada", "iat": 1_000, "exp": 1_120, "jti": "j",
                "sid": SID,
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            });
            assert_eq!(verified.claims::<Value>().expect("claims"), expected);
            // It is good for nothing else (Back-Channel Logout 1.0 2.4 and 4).
            let hint = verify_id_token_hint(&keys, ISSUER, &token, NOW);
            assert_eq!(hint.map(drop), Err(TokenRefusal::WrongType));
            let access = verify_access_token(&keys, ISSUER, &token, NOW);
            assert_eq!(access.map(drop), Err(TokenRefusal::WrongType));
        }
    }

    #[test]
    fn frames_open_what_is_registered() {
        let app = |uri: Option<&str>, required: bool| -> ApplicationSpec {
            serde_json::from_value(json!({"client_id": "app", "name": "A", "type": "web",
                "frontchannel_logout_uri": uri, "frontchannel_logout_session_required": required}))
            .expect("shape")
        };
        let out = "https://a.example/out?x=%2F";
        let open = |app: &ApplicationSpec| frontchannel_uri(app, ISSUER, SID);
        assert_eq!(open(&app(None, true)), None);
        assert_eq!(open(&app(Some(out), false)).as_deref(), Some(out));
        let with = format!("{out}&iss=https%3A%2F%2Fid.example%2Ft%2Facme&sid={SID}");
        assert_eq!(open(&app(Some(out), true)), Some(with));
    }
}
