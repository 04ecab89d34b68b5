//! How many browser sessions a user may have. How long they live is in `interaction`.

use std::time::Duration;

use harness::{Browser, Server, both};

use super::support::{ADA, Acme, given, secret};

both!(one_too_many_ends_the_oldest);

async fn is_signed_in(acme: &Acme<'_>, browser: &mut Browser) -> bool {
    let back = browser.open(&acme.authorize_url("web", &[("prompt", "none")])).await.left();
    given(&back, "code").is_some()
}

async fn one_too_many_ends_the_oldest(server: &Server) {
    server
        .apply(&format!(
            "tenant: {{ slug: acme, name: Acme, settings: {{ sessions: {{ max_per_user: 2 }} }} }}\n\
             applications:\n  - {{ client_id: web, name: Web, type: web, client_secret: {}, \
             first_party: true, scopes: [openid], redirect_uris: [\"http://127.0.0.1:3999/callback\"] }}\n\
             users:\n  - {{ email: {}, password: {} }}\n",
            secret("web"),
            ADA.0,
            ADA.1
        ))
        .await;
    let acme = Acme { server, slug: "acme" };
    let mut browsers = [Browser::new(server), Browser::new(server), Browser::new(server)];
    let mut tokens = Vec::new();
    for browser in &mut browsers {
        let code = given(&acme.sign_in(browser, "web", &[]).await, "code").expect("a code");
        tokens.push(acme.exchange("web", &code).await.ok()["access_token"].clone());
        server.advance(Duration::from_secs(1)).await;
    }
    let mut alive = Vec::new();
    for (browser, token) in browsers.iter_mut().zip(&tokens) {
        let active = acme.is_active("web", token).await;
        assert_eq!(is_signed_in(&acme, browser).await, active, "at once, and everywhere");
        alive.push(active);
    }
    assert_eq!(alive, [false, true, true]);
    // Signing in again in a browser that has a session takes no further place.
    acme.sign_in(&mut browsers[2], "web", &[("prompt", "login")]).await;
    assert!(is_signed_in(&acme, &mut browsers[1]).await);
}
