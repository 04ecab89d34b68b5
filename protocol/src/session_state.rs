//! `session_state` (OpenID Connect Session Management 1.0 3.2): what an application asks the
//! provider's frame about, to learn whether the user's sessions in the browser have changed.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

/// The hash of the application, the origin that it is used at, and the state of the browser, with
/// its salt. `None` when the redirect URI has no origin: no page of the application can ask then.
///
/// `salt` is new for every answer; none of the parameters may hold a space or, in the salt, a dot.
#[must_use]
pub fn session_state(
    client_id: &str,
    redirect_uri: &str,
    browser_state: &str,
    salt: &str,
) -> Option<String> {
    let origin = Url::parse(redirect_uri).ok()?.origin();
    if !origin.is_tuple() {
        return None;
    }
    let text = format!("{client_id} {} {browser_state} {salt}", origin.ascii_serialization());
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    Some(format!("{}.{salt}", URL_SAFE_NO_PAD.encode(hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_the_frame_computes() {
        let state = |client, uri, browser| session_state(client, uri, browser, "salt");
        let uri = "https://A.example:443/cb?x=1";
        // printf 'app https://a.example state salt' | sha256sum, in base64url
        let expected = "_8YZz8cKzDMWalEB2DKCodRSVlH8QHW-VeO1hZSIJIM.salt";
        assert_eq!(state("app", uri, "state").as_deref(), Some(expected));
        for other in [
            state("other", uri, "state"),
            state("app", "https://a.example:8443/cb", "state"),
            state("app", "http://a.example/cb", "state"),
            state("app", uri, "changed"),
        ] {
            assert_ne!(other.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_has_no_origin_has_no_state() {
        for uri in ["com.example.app:/cb", "not a uri"] {
            assert_eq!(session_state("app", uri, "state", "salt"), None, "{uri}");
        }
    }
}
