//! Redirect URIs and origins.

use url::{Host, Url};

/// Whether the URI's host is a loopback address or `localhost` (RFC 8252 7.3 and 8.3).
#[must_use]
pub fn is_loopback(uri: &Url) -> bool {
    match uri.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a requested redirect URI is the registered one: the same text, or, for `http` on a
/// loopback IP literal and only when `any_port`, the same but for the port (RFC 8252 7.3).
#[must_use]
pub fn redirect_uri_matches(registered: &str, requested: &str, any_port: bool) -> bool {
    if registered == requested {
        return true;
    }
    if !any_port {
        return false;
    }
    let port_free = |text: &str| -> Option<String> {
        // Compared as text around the port, so that no normalisation widens the match.
        let rest = text.strip_prefix("http://")?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = ["127.0.0.1", "[::1]"].into_iter().find(|h| authority.starts_with(h))?;
        let port = authority.strip_prefix(host)?;
        let ok = port.is_empty()
            || port.strip_prefix(':').is_some_and(|p| {
                p.parse::<u16>().is_ok_and(|n| n > 0) && p.bytes().all(|b| b.is_ascii_digit())
            });
        ok.then(|| format!("{host}{tail}"))
    };
    match (port_free(registered), port_free(requested)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::redirect_uri_matches as matches;

    #[test]
    fn exact_but_for_the_port_of_a_loopback_literal() {
        assert!(matches("https://a.example/cb?x=1", "https://a.example/cb?x=1", false));
        assert!(matches("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true));
        assert!(matches("http://[::1]:1/cb", "http://[::1]:2/cb", true));
        for (registered, requested, any_port) in [
            ("https://a.example/cb", "https://a.example/cb/", true),
            ("https://a.example/cb", "https://a.example/cb?x=1", true),
            ("https://a.example/cb", "https://A.example/cb", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb2", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:+1/cb", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", true),
            ("http://localhost/cb", "http://localhost:1/cb", true),
            ("https://127.0.0.1/cb", "https://127.0.0.1:1/cb", true),
            ("http://127.0.0.1/cb", "http://[::1]/cb", true),
        ] {
            assert!(!matches(registered, requested, any_port), "{registered} {requested}");
        }
    }
}
