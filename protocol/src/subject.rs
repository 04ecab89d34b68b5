//! Subject identifiers (Core 8): the same for every application, or one for every sector.

use bailiwick_domain::ApplicationSpec;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::{Host, Url};

/// The sector of an application: applications of one sector see the same pairwise `sub`.
///
/// It is the host that all `https` redirect URIs share (Core 8.1). Where there is no such host
/// (several, none, an address of the user's own device, a private-use scheme) nothing proves that
/// two applications belong together, and the application is a sector of its own. The sector, and
/// with it every `sub`, changes when the redirect URIs move to another host.
#[must_use]
pub fn sector(app: &ApplicationSpec) -> String {
    let mut hosts = app.redirect_uris.iter().map(|uri| public_host(uri));
    match hosts.next().flatten() {
        Some(first) if hosts.all(|host| host.as_ref() == Some(&first)) => first,
        // A slash is in no host name, so that no application can be named like another's host.
        _ => format!("application/{}", app.client_id),
    }
}

fn public_host(uri: &str) -> Option<String> {
    let uri = Url::parse(uri).ok().filter(|uri| uri.scheme() == "https")?;
    match uri.host()? {
        Host::Domain(name) if name != "localhost" => Some(name.to_owned()),
        _ => None,
    }
}

/// What the tenant's key is applied to (Core 8.1, with a MAC instead of a salted hash). The length
/// in front keeps two different pairs from giving the same bytes.
#[must_use]
pub fn pairwise_input(sector: &str, sub: &str) -> Vec<u8> {
    let length = u64::try_from(sector.len()).unwrap_or(u64::MAX).to_be_bytes();
    [length.as_slice(), sector.as_bytes(), sub.as_bytes()].concat()
}

/// The pairwise `sub` as tokens carry it: 43 characters of base64url (Core 2: at most 255).
#[must_use]
pub fn pairwise_sub(mac: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sector_of(redirect_uris: &[&str]) -> String {
        let app = json!({"client_id": "app", "name": "A", "type": "web",
            "redirect_uris": redirect_uris});
        sector(&serde_json::from_value(app).expect("shape"))
    }

    #[test]
    fn the_common_host_or_the_application_itself() {
        for (uris, expected) in [
            (&["https://a.example/cb", "https://a.example:8443/other"][..], "a.example"),
            (&["https://a.example/cb", "https://b.example/cb"], "application/app"),
            (&["https://a.example/cb", "com.example.app:/cb"], "application/app"),
            (&["https://localhost/cb"], "application/app"),
            (&["http://127.0.0.1/cb"], "application/app"),
            (&["https://192.0.2.1/cb"], "application/app"),
            (&["com.example.app:/cb"], "application/app"),
            (&[], "application/app"),
        ] {
            assert_eq!(sector_of(uris), expected, "{uris:?}");
        }
    }

    #[test]
    fn no_two_pairs_share_their_input() {
        assert_ne!(pairwise_input("ab", "c"), pairwise_input("a", "bc"));
        assert_ne!(pairwise_input("", "a"), pairwise_input("a", ""));
        assert_eq!(pairwise_sub(&[0xff; 32]).len(), 43);
    }
}
