//! What passwords may be, and what becomes of their hashes.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use harness::{Browser, Options, Page, Server, both, free_port};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{acme, forgot, mail, manifest};
use crate::admin::support::Api;
use crate::oauth::support::{ADA, Acme, given};

both!(
    hashes_of_other_systems_open_and_become_ours,
    former_passwords_cannot_be_set_again,
    a_tenant_asks_for_longer_ones,
    a_weak_one_is_shown_how_weak_it_is,
);
both!(with_breaches() => one_from_a_breach_is_refused, nobody_waits_for_a_service_that_is_away);

const NEW: &str = "a-new-password-2026";
const URL: &str = "BAILIWICK_PASSWORDS__BREACH_URL";

fn with_breaches() -> Options {
    Options::default().with(URL, format!("http://127.0.0.1:{}", free_port()))
}

/// Made by Python: `crypt.crypt` for bcrypt, `hashlib.scrypt` and `hashlib.pbkdf2_hmac`; Firebase's
/// is the example of github.com/firebase/scrypt.
const HASHES: [(&str, &str, &str); 7] = [
    ("bcrypt", "correct horse 42", "$2y$04$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6r6"),
    (
        "scrypt",
        "correct horse 42",
        "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Fv9pzOh9itzxlDiW4tIo1FYNV0U+V7GDEiWnX9He6ao",
    ),
    (
        "django",
        "correct horse 42",
        "pbkdf2_sha256$1000$gS5nX0aWcbVhKqTzR7oYfE$m4xmOeMb2Zzdosffv/zqTo2R48Fb4lxZoagAekDtpwk=",
    ),
    (
        "keycloak",
        "correct horse 42",
        "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg==$mUiQlgFJyznhFUCmlpo0wILQYVXlC5ONzAOSdkOzA4lQ\
         YUkFhOo8aePGINVOX7Vlwj4KvOHYTCwjvjGI+5KNTg==",
    ),
    (
        "keycloak512",
        "correct horse 42",
        "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg==$J309K6oDv5NWXXNPSueJr5quUOHxQbNLzZruakc8bZhp\
         WcFrawQuAJRfcORTRcrs72coK3y14ZLNnIfBXqlDJw==",
    ),
    (
        "firebase",
        "user1password",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjL\
         NmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/q\
         zrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    ),
    // Keycloak's newer ones: libargon2 with less memory than ours.
    (
        "argon2",
        "correct horse 42",
        "$argon2id$v=19$m=7168,t=5,p=1$MDEyMzQ1Njc4OWFiY2RlZg$mEytfBfWYYBEN1MSkCrsMNoTTxX9EgC8Yj8E+\
         QbJc/I",
    ),
];

/// Whether somebody can sign in with this password, in a new browser.
async fn opens(acme: &Acme<'_>, email: &str, password: &str) -> bool {
    let mut browser = Browser::new(acme.server);
    let page = browser.open(&acme.authorize_url("web", &[])).await.page();
    let form = page.form("#sign-in").fill("#email", email).fill("#password", password);
    match browser.submit(form).await {
        harness::Visit::Left(url) => given(&url, "code").is_some(),
        harness::Visit::Page(_) => false,
    }
}

async fn set(browser: &mut Browser, link: &str, password: &str) -> Page {
    let page = browser.open(link).await.page();
    browser.submit(page.form("#save").fill("#password", password)).await.page()
}

/// A link to set Ada's password, from her `n`-th mail.
async fn link(acme: &Acme<'_>, browser: &mut Browser, n: usize) -> String {
    if n > 1 {
        // The one that tells about the last change is on its way.
        mail(acme.server, ADA.0, n - 1).await;
    }
    assert_eq!(forgot(acme, browser, ADA.0).await.status, 200);
    mail(acme.server, ADA.0, n).await.1
}

async fn hashes_of_other_systems_open_and_become_ours(server: &Server) {
    let acme = acme(server).await;
    let api = Api::new(server, "acme", &["admin"]).await;
    for (name, password, hash) in HASHES {
        let email = format!("{name}@example.com");
        let user = json!({ "email": email, "password_hash": hash });
        api.post("/users", &user).await.expect(201);
        let stored = format!(
            "SELECT c.data FROM credentials c JOIN user_identifiers e ON e.user_id = c.user_id \
             WHERE e.value = '{email}' AND c.kind = 'password'"
        );
        let stored = async || server.rows::<(String,)>(&stored).await.remove(0).0;
        assert!(!opens(&acme, &email, "correct horse 43").await, "{name}");
        assert_eq!(stored().await, hash, "a wrong password changes nothing");
        // Two first sign-ins at once: both are in, whichever replaces the hash.
        let both = tokio::join!(opens(&acme, &email, password), opens(&acme, &email, password));
        assert_eq!(both, (true, true), "{name}");
        let ours = stored().await;
        assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}: {ours}");
        assert!(opens(&acme, &email, password).await, "{name}");
        assert_eq!(stored().await, ours, "{name}: once is enough");
    }
    let dear = HASHES[0].2.replace("$04$", "$20$");
    let refused = api.post("/users", &json!({ "password_hash": dear })).await;
    assert_eq!(refused.problem(400, "invalid-request"), ["password_hash"]);
    assert!(refused.text.contains("bcrypt") && refused.text.contains("fbscrypt"), "{refused:?}");
}

async fn former_passwords_cannot_be_set_again(server: &Server) {
    server.apply(&manifest("passwords: { history: 2 }")).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    let (second, third) = ("the-second-password-26", "the-third-password-26");
    let refused = async |browser: &mut Browser, link: &str, password: &str| {
        let page = set(browser, link, password).await;
        assert_eq!(page.status, 400, "{password}");
        assert!(page.text("#problem").starts_with("You had that password before"), "{password}");
        assert!(!page.has("#strength"));
    };
    let first = link(&acme, &mut browser, 1).await;
    refused(&mut browser, &first, ADA.1).await;
    assert_eq!(set(&mut browser, &first, second).await.status, 200);
    // Each change tells the person by mail, too.
    let next = link(&acme, &mut browser, 3).await;
    for former in [ADA.1, second] {
        refused(&mut browser, &next, former).await;
    }
    assert_eq!(set(&mut browser, &next, third).await.status, 200);
    let last = link(&acme, &mut browser, 5).await;
    assert_eq!(set(&mut browser, &last, ADA.1).await.status, 200, "two are remembered");
    assert!(opens(&acme, ADA.0, ADA.1).await && !opens(&acme, ADA.0, third).await);
    let remembered = "SELECT COUNT(*) FROM former_passwords";
    assert_eq!(server.number(remembered).await, 1);
    // They go with the user.
    let api = Api::new(server, "acme", &["admin"]).await;
    let users = api.get("/users?limit=10").await.expect(200);
    let users = users["items"].as_array().expect("a list");
    let ada = users.iter().find(|u| u["email"] == ADA.0).expect("Ada");
    let path = format!("/users/{}", ada["id"].as_str().expect("an id"));
    let found = api.get(&path).await;
    api.delete(&path, found.header("etag")).await.expect(204);
    assert_eq!(server.number(remembered).await, 0);
}

async fn a_tenant_asks_for_longer_ones(server: &Server) {
    server.apply(&manifest("passwords: { min_length: 12 }")).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    let link = link(&acme, &mut browser, 1).await;
    let page = browser.open(&link).await.page();
    assert!(page.text("#password-hint").starts_with("At least 12 characters."));
    assert_eq!(page.attribute("#password", "minlength").as_deref(), Some("12"));
    // Characters, not bytes: eleven of two bytes each.
    let page = set(
        &mut browser,
        &link,
        "\u{e9}\u{fc}\u{f1}\u{e8}\u{e0}\u{f8}\u{e5}\u{e6}\u{df}\u{f0}\u{fe}",
    )
    .await;
    assert!(page.text("#problem").contains("12 characters"), "{}", page.text("#problem"));
    let api = Api::new(server, "acme", &["admin"]).await;
    let short = json!({ "email": "eve@example.com", "password": "eleven-char" });
    assert_eq!(api.post("/users", &short).await.problem(400, "invalid-request"), ["password"]);
    assert_eq!(set(&mut browser, &link, "twelve-char-").await.status, 200);
}

async fn a_weak_one_is_shown_how_weak_it_is(server: &Server) {
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    let link = link(&acme, &mut browser, 1).await;
    let page = set(&mut browser, &link, "password1234").await;
    assert_eq!(page.status, 400);
    assert_eq!(page.text("#strength"), "Strength: 1 of 4");
    assert_eq!(page.attribute("meter", "value").as_deref(), Some("1"));
    assert!(page.text("#weakness").contains("common passwords"));
    // The address is what others would try, too.
    let page = set(&mut browser, &link, "adaexample").await;
    assert_eq!((page.status, page.has("#strength")), (400, true));
    let page = browser.open(&acme.url("/account/register")).await.page();
    let form = page.form("#register").fill("#email", "eve@example.com");
    let page = browser.submit(form.fill("#password", "qwertyuiop")).await.page();
    assert!(page.has("meter") && page.has("#weakness"));
    assert!(!set(&mut browser, &link, "short").await.has("meter"));
}

/// The requests that came.
type Asked = Arc<Mutex<Vec<String>>>;

/// A service that knows the passwords of this list, at the address of the configuration.
async fn breaches(server: &Server, known: &'static [&'static str]) -> Asked {
    let address = server.config()[URL].trim_start_matches("http://").to_owned();
    let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let n = socket.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..n]).into_owned();
            let prefix = request.split('/').nth(2).and_then(|r| r.get(..5)).unwrap_or_default();
            let mut body = format!("{}:0\r\n", "0".repeat(35));
            for hash in known.iter().map(|password| sha1(password)) {
                if let Some(suffix) = hash.strip_prefix(prefix) {
                    body += &format!("{suffix}:17\r\n");
                }
            }
            seen.lock().expect("nobody panicked").push(request);
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    asked
}

fn sha1(password: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

const LOST: &str = "correct-horse-battery";

async fn one_from_a_breach_is_refused(server: &Server) {
    let asked = breaches(server, &[LOST]).await;
    let careful =
        manifest("passwords: { breach_check: true }").replace("slug: acme", "slug: other");
    server.apply(&careful).await;
    let acme = acme(server).await;
    let mut browser = Browser::new(server);
    let first = link(&acme, &mut browser, 1).await;
    assert_eq!(set(&mut browser, &first, LOST).await.status, 200, "only where a tenant wants it");
    assert!(asked.lock().expect("nobody panicked").is_empty());
    let next = link(&acme.other(), &mut browser, 3).await;
    let page = set(&mut browser, &next, LOST).await;
    assert_eq!(page.status, 400);
    assert!(page.text("#problem").contains("breach"), "{}", page.text("#problem"));
    let api = Api::new(server, "other", &["admin"]).await;
    let user = json!({ "email": "eve@example.com", "password": LOST });
    assert_eq!(api.post("/users", &user).await.problem(400, "invalid-request"), ["password"]);
    assert_eq!(set(&mut browser, &next, NEW).await.status, 200);
    let asked = asked.lock().expect("nobody panicked").clone();
    assert_eq!(asked.len(), 3);
    let start = format!("GET /range/{} HTTP/1.1\r\n", &sha1(LOST)[..5]);
    assert!(asked[0].starts_with(&start), "{asked:?}");
    assert!(asked.iter().all(|r| r.to_ascii_lowercase().contains("add-padding: true")));
    assert!(!asked.concat().contains(&sha1(LOST)[5..10]), "no more than the prefix");
}

async fn nobody_waits_for_a_service_that_is_away(server: &Server) {
    server.apply(&manifest("passwords: { breach_check: true }")).await;
    let acme = Acme { server, slug: "acme" };
    let mut browser = Browser::new(server);
    let link = link(&acme, &mut browser, 1).await;
    assert_eq!(set(&mut browser, &link, LOST).await.status, 200);
    assert!(opens(&acme, ADA.0, LOST).await);
}
