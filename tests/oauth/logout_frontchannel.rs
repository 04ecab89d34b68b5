//! OpenID Connect Front-Channel Logout 1.0: the sign-out page opens a frame for each application.

use harness::{Browser, Page, Server, both};
use serde_json::Value;
use url::Url;

use super::support::{Acme, BYE, REDIRECT, USERS, claims, given, tenant};

both!(
    the_page_opens_every_application_of_the_session,
    the_way_back_comes_after_the_frames,
    one_page_opens_so_many_and_no_more,
);

const ELSEWHERE: &str = "https://b.example:8443/cb";

fn framed(uri: &str, more: &str) -> String {
    format!(
        "redirect_uris: [\"{REDIRECT}\", \"{ELSEWHERE}\"], scopes: [openid], first_party: true, \
         post_logout_redirect_uris: [\"{BYE}\"], frontchannel_logout_uri: \"{uri}\"{more}"
    )
}

async fn acme(server: &Server) -> Acme<'_> {
    let plain = format!(
        "redirect_uris: [\"{REDIRECT}\"], scopes: [openid], first_party: true, \
         post_logout_redirect_uris: [\"{BYE}\"]"
    );
    let strict =
        framed("https://b.example:8443/out?x=%2F", ", frontchannel_logout_session_required: true");
    let (lax, unused) =
        (framed("http://127.0.0.1:3999/front", ""), framed("http://127.0.0.1:3999/never", ""));
    let applications = [
        ("plain", "web", plain.as_str()),
        ("strict", "web", &strict),
        ("lax", "web", &lax),
        ("unused", "web", &unused),
    ];
    server.apply(&tenant("acme", &applications, USERS)).await;
    Acme { server, slug: "acme" }
}

/// Signs in to an application and gives its ID token.
async fn id_token(acme: &Acme<'_>, browser: &mut Browser, client: &str) -> Value {
    let back = acme.sign_in(browser, client, &[]).await;
    acme.exchange(client, &given(&back, "code").expect("a code")).await.ok()["id_token"].clone()
}

fn logout_url(acme: &Acme<'_>, hint: &Value, more: &[(&str, &str)]) -> String {
    let mut pairs = vec![("id_token_hint", hint.as_str().expect("a token"))];
    pairs.extend(more);
    Url::parse_with_params(&acme.url("/oauth/logout"), pairs).expect("an address").into()
}

fn directive<'p>(page: &'p Page, name: &str) -> Option<&'p str> {
    let policy = page.headers["content-security-policy"].to_str().expect("ASCII");
    policy.split(';').find_map(|d| d.trim().strip_prefix(name)?.strip_prefix(' '))
}

async fn the_page_opens_every_application_of_the_session(server: &Server) {
    let acme = acme(server).await;
    for asked in [false, true] {
        let mut browser = Browser::new(server);
        let token = id_token(&acme, &mut browser, "plain").await;
        for client in ["strict", "lax", "lax"] {
            id_token(&acme, &mut browser, client).await;
        }
        // Another browser's session has nothing to do with this one.
        id_token(&acme, &mut Browser::new(server), "unused").await;
        let page = if asked {
            let page = browser.open(&acme.url("/oauth/logout")).await.page();
            browser.submit(page.form("#sign-out")).await.page()
        } else {
            browser.open(&logout_url(&acme, &token, &[])).await.page()
        };
        assert!(page.has("#signed-out") && !page.has("#continue") && !page.has("script"));
        let mut frames = page.every("iframe[hidden][title][sandbox]", "src");
        frames.sort_unstable();
        let sid = claims(&token)["sid"].as_str().expect("a session").to_owned();
        let iss: String = url::form_urlencoded::byte_serialize(acme.issuer().as_bytes()).collect();
        let strict = format!("https://b.example:8443/out?x=%2F&iss={iss}&sid={sid}");
        assert_eq!(frames, ["http://127.0.0.1:3999/front".to_owned(), strict]);
        let mut titles = page.every("iframe", "title");
        titles.sort_unstable();
        assert_eq!(titles, ["The lax", "The strict"]);
        let sources = directive(&page, "frame-src");
        assert_eq!(sources, Some("http://127.0.0.1:3999 https://b.example:8443"));
        assert_eq!(directive(&page, "script-src"), None);
        // Once: nothing is left to end.
        let again = browser.open(&logout_url(&acme, &token, &[])).await.page();
        assert!(again.has("#signed-out") && !again.has("iframe"));
        assert_eq!(directive(&again, "frame-src"), None);
    }
}

async fn the_way_back_comes_after_the_frames(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    let token = id_token(&acme, &mut browser, "plain").await;
    id_token(&acme, &mut browser, "lax").await;
    let back = [("post_logout_redirect_uri", BYE), ("state", "a b&c")];
    let page = browser.open(&logout_url(&acme, &token, &back)).await.page();
    assert!(page.has("#signed-out") && page.has("iframe"));
    let onward = page.attribute("#continue", "href");
    assert_eq!(onward, Some(format!("{BYE}?state=a%20b%26c")));
    let scripts = directive(&page, "script-src").expect("its own script");
    assert!(scripts.starts_with("'sha256-") && page.has("script"), "{scripts}");
    assert!(page.text("main").contains("The plain"));
    // Where there is nothing to wait for, it leads back at once.
    assert!(browser.open(&logout_url(&acme, &token, &back)).await.left().as_str().starts_with(BYE));
    let token = id_token(&acme, &mut browser, "plain").await;
    assert!(browser.open(&logout_url(&acme, &token, &back)).await.left().as_str().starts_with(BYE));
}

async fn one_page_opens_so_many_and_no_more(server: &Server) {
    let members: Vec<(String, String)> = (0..22)
        .map(|n| (format!("app-{n}"), framed(&format!("http://127.0.0.1:3999/out/{n}"), "")))
        .collect();
    let list: Vec<_> = members.iter().map(|(c, m)| (c.as_str(), "web", m.as_str())).collect();
    server.apply(&tenant("acme", &list, USERS)).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    for (client, _) in &members {
        acme.sign_in(&mut browser, client, &[]).await;
    }
    let page = browser.open(&acme.url("/oauth/logout")).await.page();
    let page = browser.submit(page.form("#sign-out")).await.page();
    assert_eq!(page.every("iframe", "src").len(), 20);
    assert_eq!(directive(&page, "frame-src"), Some("http://127.0.0.1:3999"));
}
