//! The rules among the members of an application. One row of mistakes each, all reported at once.

use url::Url;

use super::{ApplicationSpec, ApplicationType, AuthMethod, GrantType, LONGEST_TOKEN, is_loopback};
use crate::text::is_display_name;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{path}: {message}")]
pub struct Mistake {
    /// The member, as a path: `redirect_uris[0]`.
    pub path: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl Mistake {
    /// A mistake at this path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

const MAX_LIST: usize = 50;
const MAX_URI: usize = 2_000;
/// 256 KiB as JSON text.
const MAX_JWKS: usize = 256 * 1024;

pub(super) fn check(spec: &ApplicationSpec, development: bool) -> Vec<Mistake> {
    let mut out = Vec::new();
    let mut wrong = |path: &str, message: &str| out.push(Mistake::new(path, message));
    let client_id_ok = (1..=100).contains(&spec.client_id.len())
        && spec.client_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    if !client_id_ok {
        wrong("client_id", "must be 1 to 100 letters, digits or any of - . _ ~");
    }
    if !is_display_name(&spec.name) {
        wrong("name", "must be 1 to 200 bytes without control characters");
    }
    let user_facing = spec.grant_types.contains(&GrantType::AuthorizationCode)
        || spec.grant_types.contains(&GrantType::Implicit);
    if user_facing && spec.redirect_uris.is_empty() {
        wrong("redirect_uris", "at least one is needed for sign-in");
    }
    if spec.kind == ApplicationType::Machine && user_facing {
        wrong("grant_types", "a machine application has no users: use client_credentials");
    }
    let method = spec.auth_method();
    if method == AuthMethod::None && spec.allows_grant(GrantType::ClientCredentials) {
        wrong("grant_types", "client_credentials needs an application that can authenticate");
    }
    if spec.kind == ApplicationType::Spa && method != AuthMethod::None {
        wrong("token_endpoint_auth_method", "a browser cannot keep a secret: use none");
    }
    for response in &spec.response_types {
        if response.has_code() && !spec.allows_grant(GrantType::AuthorizationCode) {
            wrong("response_types", "a code needs the grant type authorization_code");
        }
        let front = response.has_id_token() || response.has_token();
        if front && !spec.allows_grant(GrantType::Implicit) {
            wrong("response_types", "tokens in the front channel need the grant type implicit");
        }
    }
    match (&spec.jwks, &spec.jwks_uri) {
        (Some(_), Some(_)) => wrong("jwks_uri", "give jwks or jwks_uri, not both"),
        (None, None) if method == AuthMethod::PrivateKeyJwt => {
            wrong("jwks", "private_key_jwt needs jwks or jwks_uri");
        }
        _ => {}
    }
    if let Some(jwks) = &spec.jwks {
        let keys = jwks.get("keys").and_then(|k| k.as_array());
        if keys.is_none_or(|k| k.is_empty() || k.len() > MAX_LIST)
            || jwks.to_string().len() > MAX_JWKS
        {
            wrong("jwks", "must be a JWK Set with 1 to 50 keys (RFC 7517 section 5)");
        }
        let secret = |k: &serde_json::Value| k.get("d").is_some() || k.get("k").is_some();
        if keys.is_some_and(|k| k.iter().any(secret)) {
            wrong("jwks", "holds a private or symmetric key: give only public keys");
        }
    }
    for (name, secs, min, max) in [
        ("code", spec.lifetimes.code, 1, 600),
        ("access_token", spec.lifetimes.access_token, 1, LONGEST_TOKEN),
        ("id_token", spec.lifetimes.id_token, 1, LONGEST_TOKEN),
        ("refresh_token", spec.lifetimes.refresh_token, 1, 366 * 86_400),
        ("refresh_token_grace", spec.lifetimes.refresh_token_grace, 0, 300),
    ] {
        if !(min..=max).contains(&secs) {
            wrong(&format!("lifetimes.{name}"), &format!("must be {min} to {max} seconds"));
        }
    }
    check_uris(spec, development, &mut out);
    out
}

fn check_uris(spec: &ApplicationSpec, development: bool, out: &mut Vec<Mistake>) {
    let native = spec.kind == ApplicationType::Native;
    let lists = [
        ("redirect_uris", &spec.redirect_uris, Use::Redirect { native }),
        ("post_logout_redirect_uris", &spec.post_logout_redirect_uris, Use::Redirect { native }),
        ("allowed_origins", &spec.allowed_origins, Use::Origin),
        ("audiences", &spec.audiences, Use::Resource),
    ];
    for (member, list, usage) in lists {
        if list.len() > MAX_LIST {
            out.push(Mistake::new(member, format!("at most {MAX_LIST}")));
        }
        for (i, uri) in list.iter().enumerate() {
            if let Err(message) = check_uri(uri, usage, development) {
                out.push(Mistake::new(format!("{member}[{i}]"), message));
            }
        }
    }
    let visited = [
        ("jwks_uri", &spec.jwks_uri),
        ("backchannel_logout_uri", &spec.backchannel_logout_uri),
        ("frontchannel_logout_uri", &spec.frontchannel_logout_uri),
    ];
    for (member, uri) in visited {
        if let Some(Err(message)) =
            uri.as_ref().map(|uri| check_uri(uri, Use::Visited, development))
        {
            out.push(Mistake::new(member, message));
        }
    }
    if spec.frontchannel_logout_uri.as_ref().is_some_and(|uri| !is_of_its_own(spec, uri)) {
        let message = "must have the scheme, host and port of a redirect URI";
        out.push(Mistake::new("frontchannel_logout_uri", message));
    }
}

/// Front-Channel Logout 1.0 2: "The domain, port, and scheme of this URL MUST be the same as that
/// of a registered Redirection URI value." What is no URL is another mistake.
fn is_of_its_own(spec: &ApplicationSpec, uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return true };
    let own = spec.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok());
    own.map(|own| own.origin()).any(|origin| origin == url.origin())
}

#[derive(Clone, Copy)]
enum Use {
    /// Browsers are sent there.
    Redirect { native: bool },
    /// We, or a frame of ours, send requests there.
    Visited,
    /// An origin of scripts.
    Origin,
    /// Names a resource; nobody goes there.
    Resource,
}

fn check_uri(text: &str, usage: Use, development: bool) -> Result<(), &'static str> {
    if text.len() > MAX_URI || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("must be at most 2,000 bytes without spaces or control characters");
    }
    let url = Url::parse(text).map_err(|_| "must be an absolute URI")?;
    if text.contains('#') {
        return Err("must not have a fragment (RFC 6749 3.1.2)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have user information");
    }
    let loopback = is_loopback(&url);
    match (usage, url.scheme()) {
        (Use::Resource, _) | (_, "https") => {}
        (Use::Redirect { native: true }, "http") if loopback => {}
        (_, "http") if loopback && development => {}
        // RFC 8252 7.1: a private-use scheme is a reversed domain name, so it has a dot; this
        // also keeps javascript:, data: and file: out.
        (Use::Redirect { native: true }, scheme) if scheme.contains('.') => {}
        _ => return Err("must be https (http only on loopback: native, or development mode)"),
    }
    if matches!(usage, Use::Origin) && url.origin().ascii_serialization() != text {
        return Err("must be an origin: scheme, host and port, without a path or trailing slash");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use serde_json::json;

    fn settle(value: Value) -> Result<ApplicationSpec, Vec<Mistake>> {
        serde_json::from_value::<ApplicationSpec>(value).expect("shape").settle(false)
    }

    fn paths(value: Value) -> Vec<String> {
        settle(value).expect_err("must be refused").into_iter().map(|m| m.path).collect()
    }

    #[test]
    fn defaults_follow_the_type() {
        let web = settle(json!({"client_id": "w", "name": "W", "type": "web",
            "redirect_uris": ["https://w.example/cb"], "scopes": ["openid"]}))
        .expect("valid");
        assert_eq!(web.auth_method(), AuthMethod::ClientSecretBasic);
        assert_eq!(web.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(web.response_types, [ResponseType::Code]);
        let machine =
            settle(json!({"client_id": "m", "name": "M", "type": "machine"})).expect("valid");
        assert_eq!(machine.grant_types, [GrantType::ClientCredentials]);
        assert!(machine.response_types.is_empty());
    }

    #[test]
    fn mistakes_name_their_member() {
        for (spec, path) in [
            (json!({"client_id": "a b", "name": "W", "type": "machine"}), "client_id"),
            (json!({"client_id": "a", "name": " ", "type": "machine"}), "name"),
            (json!({"client_id": "a", "name": "W", "type": "web"}), "redirect_uris"),
            (
                json!({"client_id": "a", "name": "W", "type": "web",
                "redirect_uris": ["http://w.example/cb"]}),
                "redirect_uris[0]",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "native",
                "redirect_uris": ["javascript:alert(1)"]}),
                "redirect_uris[0]",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "web",
                "redirect_uris": ["https://w.example/cb#f"]}),
                "redirect_uris[0]",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "spa",
                "redirect_uris": ["https://w.example/"], "allowed_origins": ["https://w.example/"]}),
                "allowed_origins[0]",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "machine",
                "lifetimes": {"code": 0}}),
                "lifetimes.code",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "machine",
                "token_endpoint_auth_method": "private_key_jwt"}),
                "jwks",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "machine",
                "jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}),
                "jwks",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "web",
                "redirect_uris": ["https://w.example/cb"], "response_types": ["id_token"]}),
                "response_types",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "web",
                "redirect_uris": ["https://w.example/cb"],
                "backchannel_logout_uri": "http://127.0.0.1/out"}),
                "backchannel_logout_uri",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "web",
                "redirect_uris": ["https://w.example/cb"],
                "backchannel_logout_uri": "https://w.example/out#f"}),
                "backchannel_logout_uri",
            ),
            (
                json!({"client_id": "a", "name": "W", "type": "web",
                "redirect_uris": ["https://w.example/cb", "https://w.example:8080/cb"],
                "frontchannel_logout_uri": "https://w.example:8443/out"}),
                "frontchannel_logout_uri",
            ),
        ] {
            assert_eq!(paths(spec.clone()), [path], "{spec}");
        }
    }

    #[test]
    fn logout_addresses_may_have_a_query() {
        let spec = json!({"client_id": "a", "name": "W", "type": "web",
            "redirect_uris": ["https://w.example:443/cb"],
            "backchannel_logout_uri": "https://hooks.example/out?x=1",
            "frontchannel_logout_uri": "https://w.example/out?x=1"});
        assert!(settle(spec).is_ok());
    }

    #[test]
    fn native_applications_may_use_loopback_and_private_schemes() {
        assert!(
            settle(json!({"client_id": "n", "name": "N", "type": "native",
                "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"]}))
            .is_ok()
        );
    }
}
