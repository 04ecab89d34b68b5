//! Implicit and hybrid flows (OpenID Connect Core 3.2 and 3.3), for applications that have them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::{Browser, Server, both};
use serde_json::Value;

use super::support::{Acme, claims, given};

both!(every_response_type, mistakes_are_told_in_the_fragment);

/// `at_hash` and `c_hash` for algorithms with SHA-256 (Core 3.3.2.11).
fn half_hash(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

async fn every_response_type(server: &Server) {
    let acme = Acme::new(server).await;
    let mut browser = Browser::new(server);
    for kind in [
        "id_token",
        "id_token token",
        "token id_token",
        "code id_token",
        "code token",
        "code id_token token",
        "token code id_token",
    ] {
        let more = [("response_type", kind), ("scope", "openid email")];
        let back = acme.sign_in(&mut browser, "front", &more).await;
        assert!(back.query().is_none(), "{kind}: {back}");
        assert_eq!(given(&back, "state").as_deref(), Some("the state"));
        assert_eq!(given(&back, "iss"), Some(acme.issuer()));
        let has = |word: &str| kind.split(' ').any(|w| w == word);
        let (code, token) = (given(&back, "code"), given(&back, "access_token"));
        let id_token = given(&back, "id_token");
        assert_eq!(code.is_some(), has("code"), "{kind}");
        assert_eq!(token.is_some(), has("token"), "{kind}");
        assert_eq!(id_token.is_some(), has("id_token"), "{kind}");
        assert_eq!(given(&back, "refresh_token"), None);
        if let Some(token) = &token {
            assert_eq!(given(&back, "token_type").as_deref(), Some("Bearer"));
            assert_eq!(given(&back, "expires_in").as_deref(), Some("600"));
            let me = acme.userinfo(&Value::from(token.as_str())).await.ok();
            assert_eq!(me["email"], "Ada@example.com");
        }
        let id = id_token.map(|token| claims(&token.into()));
        if let Some(id) = &id {
            assert_eq!(id["nonce"], "the nonce");
            let hash =
                |of: &Option<String>| of.as_deref().map_or(Value::Null, |t| half_hash(t).into());
            assert_eq!(id["at_hash"], hash(&token), "{kind}");
            assert_eq!(id["c_hash"], hash(&code), "{kind}");
            // Alone it has what the scopes release: there is no token to ask with.
            assert_eq!(id.get("email").is_some(), kind == "id_token", "{kind}");
        }
        if let Some(code) = code {
            let body = acme.exchange("front", &code).await.ok();
            let back_id = claims(&body["id_token"]);
            assert_eq!(back_id["nonce"], "the nonce");
            if let Some(id) = id {
                assert_eq!((&id["sub"], &id["iss"]), (&back_id["sub"], &back_id["iss"]));
                assert_eq!(id["auth_time"], back_id["auth_time"]);
            }
            // A replay takes the front channel's token along.
            acme.exchange("front", &code).await.refused(400, "invalid_grant");
            if let Some(token) = token {
                acme.userinfo(&token.into()).await.refused(401, "invalid_token");
            }
        }
    }
    let posted = [("response_type", "code id_token"), ("response_mode", "form_post")];
    let page = browser.open(&acme.authorize_url("front", &posted)).await.page();
    let form = page.form("#continue");
    assert!(form.value("code").is_some() && form.value("id_token").is_some());
    // Without openid nobody needs a nonce: code token is plain OAuth.
    let bare = [("response_type", "code token"), ("nonce", "")];
    assert!(given(&acme.sign_in(&mut browser, "front", &bare).await, "code").is_some());
}

async fn mistakes_are_told_in_the_fragment(server: &Server) {
    let acme = Acme::new(server).await;
    for (kind, more, error) in [
        ("id_token", ("nonce", ""), "invalid_request"),
        ("code id_token", ("nonce", ""), "invalid_request"),
        ("code id_token token", ("nonce", ""), "invalid_request"),
        ("id_token token", ("response_mode", "query"), "invalid_request"),
        ("id_token", ("prompt", "none"), "login_required"),
        ("code token", ("scope", "coffee"), "invalid_scope"),
        ("id_token", ("scope", "email"), "invalid_request"),
        ("token", ("max_age", "1"), "unsupported_response_type"),
    ] {
        let url = acme.authorize_url("front", &[("response_type", kind), more]);
        let back = Browser::new(server).open(&url).await.left();
        assert!(back.query().is_none() && back.fragment().is_some(), "{kind} {more:?}: {back}");
        assert_eq!(given(&back, "error").as_deref(), Some(error), "{kind} {more:?}");
        assert_eq!(given(&back, "state").as_deref(), Some("the state"));
        for absent in ["code", "access_token", "id_token"] {
            assert_eq!(given(&back, absent), None);
        }
    }
}
