//! Response headers of the hosted pages.

use url::{Host, Url};

use super::script::Script;
use super::{Content, Look, Page, Passkeys, frame};

/// The headers of a page, `content-type` among them.
///
/// `redirect` is the validated redirect URI that the answer to the page's form may lead to, if
/// any: browsers apply `form-action` to redirects after a post as well (CSP 3, 6.4.2).
#[must_use]
pub fn headers(
    page: &Page<'_>,
    look: &Look<'_>,
    redirect: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut headers: Vec<(&'static str, String)> = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        (
            "permissions-policy",
            "browsing-topics=(), camera=(), display-capture=(), geolocation=(), microphone=(), \
             payment=(), usb=()",
        ),
        ("cross-origin-opener-policy", opener_policy(page)),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    headers.push(("content-security-policy", content_security_policy(page, look.nonce, redirect)));
    if look.secure {
        headers.push(("strict-transport-security", "max-age=31536000".into()));
    }
    headers
}

/// An application may open an authorization request in a pop-up and wait for its answer through
/// `window.opener`, which `same-origin` would cut for good.
const fn opener_policy(page: &Page<'_>) -> &'static str {
    match page {
        Page::SignIn(_)
        | Page::EmailCode(_)
        | Page::SecondFactor(_)
        | Page::Enrol(_)
        | Page::Accounts(_)
        | Page::Consent(_)
        | Page::FormPost(_) => "unsafe-none",
        Page::SignOut(_)
        | Page::SignedOut(_)
        | Page::Forgot(_)
        | Page::Register(_)
        | Page::NewPassword(_)
        | Page::ConfirmRegistration(_)
        | Page::ConfirmEmail(_)
        | Page::ConfirmSignIn(_)
        | Page::Notice(_)
        | Page::DevMail(_)
        | Page::Error(_)
        | Page::Portal(_)
        | Page::TenantHome(_)
        | Page::PlatformHome(_) => "same-origin",
    }
}

fn content_security_policy(page: &Page<'_>, nonce: &str, redirect: Option<&str>) -> String {
    let (form, more) = match page {
        Page::FormPost(post) => {
            let to = source(post.action).unwrap_or_else(|| "'none'".into());
            (to, Script::FormPost.directive())
        }
        Page::SignIn(_) | Page::SecondFactor(_) | Page::Portal(_) => {
            let to = redirect.and_then(source).map(|s| format!(" {s}")).unwrap_or_default();
            let script = has_script(page).then(|| Script::Passkeys.directive());
            (format!("'self'{to}"), script.unwrap_or_default())
        }
        Page::Accounts(_)
        | Page::Consent(_)
        | Page::SignOut(_)
        | Page::Forgot(_)
        | Page::Register(_)
        | Page::NewPassword(_)
        | Page::ConfirmRegistration(_)
        | Page::ConfirmEmail(_)
        | Page::EmailCode(_)
        | Page::ConfirmSignIn(_) => {
            let to = redirect.and_then(source).map(|s| format!(" {s}")).unwrap_or_default();
            (format!("'self'{to}"), String::new())
        }
        Page::SignedOut(done) => ("'none'".to_owned(), frame::policy(done)),
        Page::Enrol(_)
        | Page::Notice(_)
        | Page::DevMail(_)
        | Page::Error(_)
        | Page::TenantHome(_)
        | Page::PlatformHome(_) => ("'none'".to_owned(), String::new()),
    };
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}';{more} img-src 'self' data:; \
         form-action {form}; frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Whether the page asks the browser for a passkey.
fn has_script(page: &Page<'_>) -> bool {
    match page {
        Page::SignIn(page) => page.passkey.is_some(),
        Page::SecondFactor(page) => page.passkey.is_some(),
        Page::Portal(page) => {
            matches!(page.content, Content::Passkeys(Passkeys { options: Some(_), .. }))
        }
        _ => false,
    }
}

/// The CSP source that allows `uri`: its origin, or only its scheme where a CSP host cannot say it:
/// private-use schemes (RFC 8252 7.1), IPv6 literals, and hosts with characters such as `;` that
/// URLs allow and that would end the directive.
pub(super) fn source(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let scheme = url.scheme();
    let plain = |host: &str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let host = match url.host() {
        Some(Host::Domain(name)) if plain(name) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        _ => return Some(format!("{scheme}:")),
    };
    if !matches!(scheme, "http" | "https") {
        return Some(format!("{scheme}:"));
    }
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        for (uri, wanted) in [
            ("https://app.example/callback?x=1", Some("https://app.example")),
            ("https://app.example:8443/", Some("https://app.example:8443")),
            ("https://APP.example:443/", Some("https://app.example")),
            ("http://127.0.0.1:49152/cb", Some("http://127.0.0.1:49152")),
            ("http://[::1]:49152/cb", Some("http:")),
            ("com.example.app:/oauth", Some("com.example.app:")),
            ("com.example.app://host/oauth", Some("com.example.app:")),
            ("https://a;sandbox/cb", Some("https:")),
            ("https://*.example/cb", Some("https:")),
            ("https://b\u{fc}cher.example/", Some("https://xn--bcher-kva.example")),
            ("not a uri", None),
        ] {
            assert_eq!(source(uri).as_deref(), wanted, "{uri}");
        }
    }
}
