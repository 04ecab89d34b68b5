//! Cross-origin requests.

use harness::{Server, both};
use reqwest::Method;

use super::support::{Acme, Answer};

both!(only_what_scripts_need);

const SPA: &str = "http://127.0.0.1:3999";
const ALLOW: &str = "access-control-allow-origin";

async fn only_what_scripts_need(server: &Server) {
    let acme = Acme::new(server).await;
    let ask = async |method: Method, path: &str, origin: &str| {
        let request = server.http.request(method, acme.url(path)).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let answer = Answer::of(request.send().await.expect("answers")).await;
        assert_eq!(answer.header("access-control-allow-credentials"), "", "never");
        answer
    };
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            assert_eq!(ask(method, path, "https://any.example").await.header(ALLOW), "*", "{path}");
        }
    }
    for path in ["/oauth/token", "/oauth/userinfo", "/oauth/revoke"] {
        let preflight = ask(Method::OPTIONS, path, SPA).await;
        assert_eq!((preflight.status, preflight.header(ALLOW)), (204, SPA), "{path}");
        assert!(preflight.header("access-control-allow-methods").contains("POST"));
        assert!(preflight.header("access-control-allow-headers").contains("authorization"));
        // Errors must be readable too.
        let refused = ask(Method::POST, path, SPA).await;
        assert!(refused.status >= 400);
        assert_eq!(refused.header(ALLOW), SPA);
        assert!(refused.header("vary").to_lowercase().contains("origin"));
        for origin in ["https://evil.example", "null", "http://127.0.0.1:3998", "http://127.0.0.1"]
        {
            assert_eq!(ask(Method::OPTIONS, path, origin).await.header(ALLOW), "", "{origin}");
            assert_eq!(ask(Method::POST, path, origin).await.header(ALLOW), "", "{origin}");
        }
    }
    for path in ["/oauth/authorize", "/oauth/introspect", "/oauth/logout", "/login", "/"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            assert_eq!(ask(method, path, SPA).await.header(ALLOW), "", "{path}");
        }
    }
}
