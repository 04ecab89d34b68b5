//! Hostile input at every endpoint: an error in the endpoint's shape, never a 500, nothing written.

use harness::{Browser, Server, both};
use reqwest::Method;

use super::support::{ADA, Acme, Answer, secret};

both!(bodies, fields, requests);

const FORMS: [&str; 3] = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"];
const FORM: &str = "application/x-www-form-urlencoded";

/// Runs requests, after which every table is as it was, but for audit and counts.
async fn writes_nothing(server: &Server, run: impl Future<Output = ()>) {
    let before = server.row_counts().await;
    run.await;
    let mut after = server.row_counts().await;
    for counted in ["refusals", "audit_events", "receipts", "usage_hourly"] {
        after.insert(counted.into(), before[counted]);
    }
    assert_eq!(before, after);
}

async fn bodies(server: &Server) {
    let acme = Acme::new(server).await;
    let send = async |path: &str, media: &str, body: Vec<u8>| {
        let request = server.http.post(acme.url(path)).basic_auth("web", Some(secret("web")));
        let request = request.header("content-type", media).body(body);
        Answer::of(request.send().await.expect("answers")).await
    };
    let good = "grant_type=client_credentials&token=x";
    writes_nothing(server, async {
        for path in FORMS {
            for media in ["application/json", "text/plain", "multipart/form-data", "", "\u{7f}"] {
                if !media.starts_with('\u{7f}') {
                    send(path, media, good.into()).await.refused(400, "invalid_request");
                }
            }
            let huge = [good.as_bytes(), b"&x=", &[b'y'; 1_000_000]].concat();
            send(path, FORM, huge).await.refused(413, "invalid_request");
            for body in [
                format!("{good}&x=%ff").into_bytes(),
                [good.as_bytes(), b"&x=\xff\xfe"].concat(),
                format!("{good}&x=%00").into_bytes(),
                format!("{good}&x=%").into_bytes(),
                format!("{good}&x=%e").into_bytes(),
                format!("{good}&{}", "a=b&".repeat(101)).into_bytes(),
                format!("{good}&{}=x", "n".repeat(200)).into_bytes(),
                format!("{good}&x={}", "v".repeat(9_000)).into_bytes(),
                format!("{good}&{good}").into_bytes(),
                Vec::new(),
                b"&&&=&==&".to_vec(),
            ] {
                let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
                let answer = send(path, FORM, body).await;
                assert_eq!(answer.status, 400, "{path} {shown}: {answer:?}");
                assert!(answer.body["error"].is_string(), "{answer:?}");
            }
        }
        for path in [
            "/login",
            "/login/accounts",
            "/login/consent",
            "/login/sign-out",
            "/oauth/logout",
            "/oauth/authorize",
        ] {
            for (media, body, status) in [
                ("application/json", b"{}".to_vec(), 400..=403),
                (FORM, b"x=%ff".to_vec(), 400..=403),
                (FORM, b"csrf=a&csrf=b&request=x".to_vec(), 303..=403),
                (FORM, vec![b'x'; 1_000_000], 400..=413),
            ] {
                let answer = send(path, media, body).await;
                assert!(status.contains(&answer.status), "{path} {media}: {answer:?}");
            }
        }
    })
    .await;
}

/// Values that must do no harm anywhere.
fn hostile() -> Vec<String> {
    vec![
        "\0".into(),
        "x\0y".into(),
        "v".repeat(9_000),
        "v".repeat(7_000),
        "\u{fffd}\u{202e}\u{1f4a9}".into(),
        "' OR 1=1 --".into(),
        "\r\nset-cookie: a=b".into(),
        "<script>alert(1)</script>".into(),
        "../../etc/passwd".into(),
        "%s%n${jndi:x}{{7*7}}".into(),
        "-1".into(),
        "99999999999999999999999999".into(),
        "a.b.c".into(),
        "bwr_AAAA".into(),
        "{\"a\":[[[[[[[[[[]]]]]]]]]]}".into(),
        " ".into(),
    ]
}

async fn fields(server: &Server) {
    let acme = Acme::new(server).await;
    let names = [
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
        "resource",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "token",
        "token_type_hint",
    ];
    let base = [
        &[("grant_type", "authorization_code"), ("code", "x"), ("token", "x")][..],
        &[("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")],
        &[("grant_type", "client_credentials"), ("token", "x")],
    ];
    let values = hostile();
    writes_nothing(server, async {
        for path in FORMS {
            for name in names {
                for (n, value) in values.iter().enumerate() {
                    let mut form = base[n % base.len()].to_vec();
                    form.retain(|(known, _)| *known != name);
                    form.push((name, value));
                    let answer = acme.post_as("web", path, &form).await;
                    let fine = matches!(answer.status, 200 | 400 | 401);
                    assert!(fine, "{path} {name}={value:.20}: {answer:?}");
                    let issued = answer.body.get("access_token").is_some();
                    assert!(!issued, "{path} {name}={value:.20}: {answer:?}");
                    assert!(answer.headers.get("set-cookie").is_none());
                }
            }
        }
    })
    .await;
}

async fn requests(server: &Server) {
    let acme = Acme::new(server).await;
    let names = [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "ui_locales",
        "acr_values",
        "claims",
        "resource",
        "display",
        "request",
    ];
    let mut browser = Browser::new(server);
    acme.sign_in(&mut browser, "web", &[]).await;
    let pending = browser.open(&acme.authorize_url("web", &[("prompt", "login")])).await.page();
    let form = pending.form("#sign-in").fill("#email", ADA.0).fill("#password", "wrong");
    let safe = |location: &str| {
        location.starts_with(super::support::REDIRECT) || location.starts_with(&acme.issuer())
    };
    let hostile = hostile();
    for name in names {
        for value in &hostile {
            let url = acme.authorize_url("web", &[(name, value), ("prompt", "none")]);
            // One that is too long for a request line is refused before anybody looks at it.
            let answer = server.http.get(&url).send().await.expect("answers");
            let status = answer.status().as_u16();
            assert!(matches!(status, 200 | 303 | 400 | 414 | 431), "{name}={value:.20}: {status}");
            if let Some(location) = answer.headers().get("location") {
                let location = location.to_str().expect("ASCII");
                assert!(safe(location), "{name}={value:.20} led to {location:.200}");
            }
            let text = answer.text().await.expect("text");
            assert!(!text.contains("<script>alert"), "{name}");
        }
    }
    for name in ["email", "password", "csrf", "request"] {
        for value in &hostile {
            let page = browser.submit(form.clone().fill(name, value)).await.page();
            assert!((400..=403).contains(&page.status), "{name}={value:.20}: {}", page.status);
            assert!(!page.html.contains("<script>alert"), "{name}");
        }
    }
    for (method, path) in [
        (Method::GET, "/oauth/token"),
        (Method::PUT, "/oauth/token"),
        (Method::DELETE, "/oauth/userinfo"),
        (Method::GET, "/oauth/introspect"),
        (Method::GET, "/oauth/revoke"),
        (Method::POST, "/.well-known/jwks.json"),
        (Method::GET, "/oauth/token/"),
        (Method::GET, "/oauth//token"),
        (Method::GET, "/%2e%2e/oauth/token"),
        (Method::GET, "/oauth/%00"),
    ] {
        let request = server.http.request(method.clone(), acme.url(path));
        let status = request.send().await.expect("answers").status().as_u16();
        assert!(matches!(status, 400 | 404 | 405), "{method} {path}: {status}");
    }
}
